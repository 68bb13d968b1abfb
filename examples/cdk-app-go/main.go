// Opportunities made from engagements, and engagements made from opportunities: one poller with two sources.
package main

import (
	"partnercentral/taskpoller"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

func newTasksStack(scope constructs.Construct, id string) awscdk.Stack {
	stack := awscdk.NewStack(scope, &id, nil)

	// Who is on call. A topic that enforces TLS has to let the alarms of this account publish.
	onCall := awssns.NewTopic(stack, jsii.String("OnCall"), &awssns.TopicProps{EnforceSSL: jsii.Bool(true)})
	ofThisAccount := map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}}
	alarms := awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), &awsiam.ServicePrincipalOpts{
		Conditions: &ofThisAccount,
	})
	onCall.GrantPublish(alarms)

	tasks := taskpoller.NewPartnerCentralTaskPoller(stack, jsii.String("TaskPoller"), &taskpoller.PartnerCentralTaskPollerProps{
		Catalog:          jsii.String("AWS"),
		AlertEmail:       "crm-team@example.com",
		AlarmTopics:      &[]awssns.ITopic{onCall},
		LogRetentionDays: awslogs.RetentionDays_THREE_MONTHS,
		FurtherSources: &[]*taskpoller.FurtherSource{
			{TaskFamily: jsii.String("EngagementFromOpportunity"), PollEveryMinutes: jsii.Number(5)},
		},
	})

	// What somebody has to be allowed, for the people who allow it. Their queue's dead letters are the rule's, too.
	deadLetters := awssqs.NewQueue(stack, jsii.String("DeadLetters"), &awssqs.QueueProps{
		EnforceSSL:      jsii.Bool(true),
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
	})
	accessProblems := awssqs.NewQueue(stack, jsii.String("AccessProblems"), &awssqs.QueueProps{
		EnforceSSL:      jsii.Bool(true),
		DeadLetterQueue: &awssqs.DeadLetterQueue{Queue: deadLetters, MaxReceiveCount: jsii.Number(5)},
	})
	tasks.OnTaskFailed(jsii.String("ToAccessProblems"), &taskpoller.FailedTaskEventOptions{
		Description:      jsii.String("Tasks that failed because a permission is missing"),
		ReasonCategories: jsii.Strings("access", "not-permitted"),
		Target:           awseventstargets.NewSqsQueue(accessProblems, &awseventstargets.SqsQueueProps{DeadLetterQueue: deadLetters}),
	})

	// Stricter than the poller's own alarm, and for the second source alone.
	hourly := tasks.MetricTasksFailed(&taskpoller.TaskPollerMetricOptions{
		Source: jsii.String("AWS/EngagementFromOpportunity"),
		Period: awscdk.Duration_Hours(jsii.Number(1)),
	})
	awscloudwatch.NewAlarm(stack, jsii.String("EngagementsFail"), &awscloudwatch.AlarmProps{
		AlarmDescription:  jsii.String("Three engagements could not be made within an hour."),
		Metric:            hourly,
		Threshold:         jsii.Number(3),
		EvaluationPeriods: jsii.Number(1),
		TreatMissingData:  awscloudwatch.TreatMissingData_NOT_BREACHING,
	}).AddAlarmAction(awscloudwatchactions.NewSnsAction(onCall))
	return stack
}

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	newTasksStack(app, "Tasks")
	app.Synth(nil)
}
