"""Opportunities made from engagements, and engagements made from opportunities: one poller with two sources."""

from aws_cdk import App, Duration, Stack
from aws_cdk.aws_cloudwatch import Alarm, TreatMissingData
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_events_targets import SqsQueue
from aws_cdk.aws_iam import ServicePrincipal
from aws_cdk.aws_logs import RetentionDays
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sqs import DeadLetterQueue, Queue
from constructs import Construct
from partner_central_task_poller import FurtherSource, PartnerCentralTaskPoller


class TasksStack(Stack):
    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)

        # For the people on call. A topic that enforces TLS must allow CloudWatch alarms of this account to publish.
        on_call = Topic(self, "OnCall", enforce_ssl=True)
        conditions = {"StringEquals": {"aws:SourceAccount": self.account}}
        on_call.grant_publish(ServicePrincipal("cloudwatch.amazonaws.com", conditions=conditions))

        tasks = PartnerCentralTaskPoller(
            self,
            "TaskPoller",
            catalog="AWS",
            alert_email="crm-team@example.com",
            alarm_topics=[on_call],
            log_retention_days=RetentionDays.THREE_MONTHS,
            further_sources=[FurtherSource(task_family="EngagementFromOpportunity", poll_every_minutes=5)],
        )

        # Tasks with missing permissions, for the administrators. Queue and rule share a dead-letter queue.
        dead_letters = Queue(self, "DeadLetters", enforce_ssl=True, retention_period=Duration.days(14))
        access_problems = Queue(
            self,
            "AccessProblems",
            enforce_ssl=True,
            dead_letter_queue=DeadLetterQueue(queue=dead_letters, max_receive_count=5),
        )
        tasks.on_task_failed(
            "ToAccessProblems",
            description="Tasks that failed because a permission is missing",
            reason_categories=["access", "not-permitted"],
            target=SqsQueue(access_problems, dead_letter_queue=dead_letters),
        )

        # Stricter than the poller's own alarm, for the second source only.
        hourly = tasks.metric_tasks_failed(source="AWS/EngagementFromOpportunity", period=Duration.hours(1))
        Alarm(
            self,
            "EngagementsFail",
            alarm_description="Three engagements could not be made within an hour.",
            metric=hourly,
            threshold=3,
            evaluation_periods=1,
            treat_missing_data=TreatMissingData.NOT_BREACHING,
        ).add_alarm_action(SnsAction(on_call))


app = App()
TasksStack(app, "Tasks")
app.synth()
