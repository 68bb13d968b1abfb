import java.util.List;
import java.util.Map;
import partnercentral.taskpoller.FailedTaskEventOptions;
import partnercentral.taskpoller.FurtherSource;
import partnercentral.taskpoller.PartnerCentralTaskPoller;
import partnercentral.taskpoller.TaskPollerMetricOptions;
import software.amazon.awscdk.App;
import software.amazon.awscdk.Duration;
import software.amazon.awscdk.Stack;
import software.amazon.awscdk.services.cloudwatch.Alarm;
import software.amazon.awscdk.services.cloudwatch.Metric;
import software.amazon.awscdk.services.cloudwatch.TreatMissingData;
import software.amazon.awscdk.services.cloudwatch.actions.SnsAction;
import software.amazon.awscdk.services.events.targets.SqsQueue;
import software.amazon.awscdk.services.iam.ServicePrincipal;
import software.amazon.awscdk.services.logs.RetentionDays;
import software.amazon.awscdk.services.sns.Topic;
import software.amazon.awscdk.services.sqs.DeadLetterQueue;
import software.amazon.awscdk.services.sqs.Queue;
import software.constructs.Construct;

/** One poller with two sources: opportunities from engagements, and engagements from opportunities. */
public class TasksApp {
    public static void main(String[] args) {
        App app = new App();
        new TasksStack(app, "Tasks");
        app.synth();
    }

    static class TasksStack extends Stack {
        TasksStack(Construct scope, String id) {
            super(scope, id);

            // For the people on call. A topic that enforces TLS must allow CloudWatch alarms of this account to publish.
            Topic onCall = Topic.Builder.create(this, "OnCall").enforceSsl(true).build();
            onCall.grantPublish(ServicePrincipal.Builder.create("cloudwatch.amazonaws.com")
                    .conditions(Map.of("StringEquals", Map.of("aws:SourceAccount", getAccount())))
                    .build());

            PartnerCentralTaskPoller tasks = PartnerCentralTaskPoller.Builder.create(this, "TaskPoller")
                    .catalog("AWS")
                    .alertEmail("crm-team@example.com")
                    .alarmTopics(List.of(onCall))
                    .logRetentionDays(RetentionDays.THREE_MONTHS)
                    .furtherSources(List.of(FurtherSource.builder()
                            .taskFamily("EngagementFromOpportunity")
                            .pollEveryMinutes(5)
                            .build()))
                    .build();

            // Tasks with missing permissions, for the administrators. Queue and rule share a dead-letter queue.
            Queue deadLetters = Queue.Builder.create(this, "DeadLetters")
                    .enforceSsl(true)
                    .retentionPeriod(Duration.days(14))
                    .build();
            Queue accessProblems = Queue.Builder.create(this, "AccessProblems")
                    .enforceSsl(true)
                    .deadLetterQueue(DeadLetterQueue.builder().queue(deadLetters).maxReceiveCount(5).build())
                    .build();
            tasks.onTaskFailed("ToAccessProblems", FailedTaskEventOptions.builder()
                    .description("Tasks that failed because a permission is missing")
                    .reasonCategories(List.of("access", "not-permitted"))
                    .target(SqsQueue.Builder.create(accessProblems).deadLetterQueue(deadLetters).build())
                    .build());

            // Stricter than the poller's own alarm, for the second source only.
            Metric hourly = tasks.metricTasksFailed(TaskPollerMetricOptions.builder()
                    .source("AWS/EngagementFromOpportunity")
                    .period(Duration.hours(1))
                    .build());
            Alarm.Builder.create(this, "EngagementsFail")
                    .alarmDescription("Three engagements could not be made within an hour.")
                    .metric(hourly)
                    .threshold(3)
                    .evaluationPeriods(1)
                    .treatMissingData(TreatMissingData.NOT_BREACHING)
                    .build()
                    .addAlarmAction(new SnsAction(onCall));
        }
    }
}
