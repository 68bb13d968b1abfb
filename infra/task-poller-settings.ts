// Written by `npm run docs`, from the schemas in infra/config-entries.ts and lambdas/poller/settings.ts.
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';

/** Settings of one source. */
export interface SourceSettings {
  /**
   * Task family, the tasks of one operation: OpportunityFromEngagement is those of StartOpportunityFromEngagementTask.
   *
   * Allowed: OpportunityFromEngagement or EngagementFromOpportunity or EngagementByAcceptingInvitation
   * @default 'OpportunityFromEngagement'
   */
  readonly taskFamily?: 'OpportunityFromEngagement' | 'EngagementFromOpportunity' | 'EngagementByAcceptingInvitation';
  /**
   * Name of the source, to poll the same catalog and family in several accounts. It is part of the key of its rows:
   * with another name, the source starts with no state, as at a first deployment.
   *
   * Allowed: a letter, then up to 31 letters and digits
   * @default - none
   */
  readonly name?: string;
  /**
   * Only tasks of these opportunities.
   *
   * Allowed: 1 to 10 of O followed by 1 to 19 digits
   * @default - all tasks
   */
  readonly opportunityIdentifiers?: readonly string[];
  /**
   * Only tasks of these engagements; not for EngagementByAcceptingInvitation.
   *
   * Allowed: 1 to 10 of eng- and 14 of 0-9a-z, or an ARN that begins with arn:aws:partnercentral:
   * @default - all tasks
   */
  readonly engagementIdentifiers?: readonly string[];
  /**
   * Only tasks of these invitations; for EngagementByAcceptingInvitation.
   *
   * Allowed: 1 to 10 of engi- and 13 of 0-9a-z, or an ARN that begins with arn:aws:partnercentral:
   * @default - all tasks
   */
  readonly engagementInvitationIdentifiers?: readonly string[];
  /**
   * Only tasks of these contexts; for OpportunityFromEngagement.
   *
   * Allowed: 1 to 10 of a number without leading zero
   * @default - all tasks
   */
  readonly contextIdentifiers?: readonly string[];
  /**
   * Only these tasks.
   *
   * Allowed: 1 to 10 of task- and 13 of 0-9a-z, or an ARN that begins with arn:aws:partnercentral:
   * @default - all tasks
   */
  readonly taskIdentifiers?: readonly string[];
  /**
   * Role that lists the tasks, for a stack outside the account that is linked to Partner Central.
   *
   * Allowed: the ARN of a role such as arn:aws:iam::111122223333:role/task-reader
   * @default - the function's own role lists them
   */
  readonly assumeRoleArn?: string;
  /**
   * External id that the trust policy of `assumeRoleArn` asks for.
   *
   * Allowed: 2 to 1224 letters, digits and _+=,.@:/-
   * @default - none
   */
  readonly externalId?: string;
  /**
   * Also publish tasks that had ended before the first poll, if they started at or after this time. If you set an
   * earlier time later, the poller also publishes tasks that started since that time. Tasks that a poll has seen
   * running are always published.
   *
   * Allowed: an instant such as 2026-11-01T00:00:00Z
   * @default - the first poll
   */
  readonly emitSince?: string;
  /**
   * The API's own message in event, mail and table; false keeps it out of all three.
   * @default true
   */
  readonly includeMessage?: boolean;
  /**
   * Publish nothing, and log what would be published. Tasks that end in shadow mode are never published later.
   * @default false
   */
  readonly shadow?: boolean;
  /**
   * A task that runs for longer counts as stalled.
   *
   * Allowed: a whole number of minutes from 1 to 43200
   * @default 60
   */
  readonly stalledAfterMinutes?: number;
  /**
   * Publish one `TaskStalled` event for each task that stalls from now on.
   * @default false
   */
  readonly taskStalledEvents?: boolean;
  /**
   * Time from one poll to the next.
   *
   * Allowed: a whole number of minutes from 1 to 1440
   * @default 1
   */
  readonly pollEveryMinutes?: number;
  /**
   * Time from one audit to the next. An audit lists all tasks of the retention period.
   *
   * Allowed: a whole number of hours from 1 to 720
   * @default 24
   */
  readonly auditEveryHours?: number;
  /**
   * While a running task started at most this long ago, polls follow each other after pauses of 2 to 15 seconds. 0
   * switches this off.
   *
   * Allowed: a whole number of minutes from 0 to 60
   * @default 5
   */
  readonly followMinutes?: number;
  /**
   * Each poll also lists tasks that started up to this long before the last one. This finds tasks that Partner Central
   * lists late.
   *
   * Allowed: a whole number of minutes from 1 to 1440
   * @default 5
   */
  readonly lookbackMinutes?: number;
  /**
   * How long a finished task is remembered, and how far back an audit looks.
   *
   * Allowed: a whole number of days from 1 to 3650
   * @default 90
   */
  readonly retentionDays?: number;
  /**
   * Maximum events of one poll. The next poll publishes the rest.
   *
   * Allowed: a whole number of events from 10 to 10000
   * @default 1000
   */
  readonly maxEventsPerRun?: number;
  /**
   * Maximum List calls of one poll. Your CRM shares the quota.
   *
   * Allowed: a whole number of calls from 10 to 1000
   * @default 100
   */
  readonly maxListCallsPerRun?: number;
  /**
   * Page size for new tasks.
   *
   * Allowed: a whole number of tasks from 1 to 1000
   * @default 100
   */
  readonly headPageSize?: number;
  /**
   * Page size for gaps, audits, and running and finished tasks.
   *
   * Allowed: a whole number of tasks from 1 to 1000
   * @default 1000
   */
  readonly backlogPageSize?: number;
  /**
   * Maximum duration of one poll. It must be shorter than the time between two polls. The next poll continues
   * unfinished work. Above 59 seconds, raise pollEveryMinutes too.
   *
   * Allowed: a whole number of seconds from 10 to 900
   * @default 55
   */
  readonly functionTimeoutSeconds?: number;
  /**
   * Memory of the poller's function. More memory also means more CPU.
   *
   * Allowed: a whole number of megabytes from 128 to 3008
   * @default 256
   */
  readonly memoryMb?: number;
  /**
   * false disables schedules and nudges, so no poll runs. All resources and the state of the tasks stay. The first poll
   * after a pause continues from there.
   * @default true
   */
  readonly enabled?: boolean;
  /**
   * Poll at once on events of Partner Central that a task causes, and on the calls that start one, which CloudTrail
   * records. They are in us-east-1 of the account that is linked to Partner Central; a stack elsewhere needs a rule
   * there that forwards them, see docs/events.md. CloudTrail needs a trail.
   * @default true
   */
  readonly nativeNudges?: boolean;
  /**
   * Number of failed tasks that sets off an alarm, within an hour or within a poll period, whichever is longer. Each
   * failed task is also in an alert, unless its route is `nowhere`.
   *
   * Allowed: a whole number of tasks from 1 to 100000
   * @default 10
   */
  readonly alarmAtFailedTasks?: number;
  /**
   * Number of stalled tasks that sets off an alarm.
   *
   * Allowed: a whole number of tasks from 1 to 100000
   * @default 1
   */
  readonly alarmAtStalledTasks?: number;
}

/** Settings of the poller: those of its first source, and those that all sources share. */
export interface TaskPollerSettings extends SourceSettings {
  /**
   * Partner Central catalog; AWS is production.
   *
   * Allowed: AWS or Sandbox
   */
  readonly catalog: 'AWS' | 'Sandbox';
  /**
   * The field source of each event. If you change it, rules that match the old one get nothing.
   *
   * Allowed: 1 to 256 letters, digits and ._-/, not beginning with aws.
   * @default 'partnercentral.task-poller'
   */
  readonly eventSource?: string;
  /**
   * Maximum List calls a day of follows and nudged polls. Scheduled polls do not count. Beyond it, tasks wait for the
   * next scheduled poll. The sources of an account divide it.
   *
   * Allowed: a whole number of calls from 0 to 100000
   * @default 25000
   */
  readonly maxExtraListCallsPerDay?: number;
  /**
   * Maximum List calls a second. The sources of an account divide it.
   *
   * Allowed: a number of calls from 0.1 to 10
   * @default 5
   */
  readonly maxListCallsPerSecond?: number;
  /**
   * Further sources of this stack: other catalogs, families or accounts. Each has its own function, schedules and
   * alarms. Omitted keys inherit from the first source, except the identifiers, the name, and externalId for a source
   * with its own assumeRoleArn.
   * @default []
   */
  readonly furtherSources?: readonly FurtherSource[];
  /**
   * Addresses that get mails about failed tasks, after their owners confirm the subscriptions. Without any, nobody gets
   * mails until you subscribe to the topic of the output TaskAlertsTopicArn.
   *
   * Allowed: 1 to 10 e-mail addresses
   * @default - nobody
   */
  readonly alertEmail?: string | readonly string[];
  /**
   * SNS topic for the mails of each source and `reasonCategory`. The most specific route applies. `default` is the
   * topic of this stack; `nowhere` sends no alert. The event is published in any case.
   *
   * Allowed: for each of access, validation, conflict, throttling, quota, not-found, not-permitted, submission,
   * internal, unknown, or a source such as Sandbox/*, AWS/EngagementFromOpportunity or
   * AWS/EngagementFromOpportunity/acme, or a source and a category such as AWS/*:access, or *, one of default, nowhere
   * or the ARN of a topic, such as { throttling: 'nowhere', 'AWS/*:access':
   * 'arn:aws:sns:us-east-1:111122223333:security' }; * is everything else and can't be nowhere
   * @default { '*': 'default' }
   */
  readonly alertRoutes?: { readonly [sourceOrCategory: string]: string };
  /**
   * Also publish the alerts on a second topic, for Slack or Teams, as custom notifications of Amazon Q Developer in
   * chat applications.
   * @default false
   */
  readonly chatAlerts?: boolean;
  /**
   * Name the deal in the alerts: the title of the engagement, opportunity or invitation, and the customer's company.
   * The formatter looks up at most 20 deals for each batch, in Partner Central. It brings customers' names into mails
   * and chats.
   * @default false
   */
  readonly describeDeals?: boolean;
  /**
   * Address that gets a mail when an alarm goes off and when it recovers, after its owner confirms the subscription.
   * Without it, nobody gets mails until you subscribe to the topic of the output AlarmTopicArn.
   *
   * Allowed: an e-mail address
   * @default - nobody
   */
  readonly alarmEmail?: string;
  /**
   * Location of the runbook. Each alarm names its section there; with a web address, that is a link.
   *
   * Allowed: up to 500 characters without spaces and #
   * @default 'docs/runbook.md'
   */
  readonly runbookUrl?: string;
  /**
   * Create a CloudWatch dashboard. It costs $3 a month; three dashboards in an account are free.
   * @default false
   */
  readonly dashboard?: boolean;
  /**
   * Buses in other accounts or regions that also get each event. The policy of each must allow this account to put
   * events.
   *
   * Allowed: 1 to 5 ARNs of event buses such as arn:aws:events:us-east-1:111122223333:event-bus/crm
   * @default - no other bus
   */
  readonly forwardTo?: readonly string[];
  /**
   * Other accounts that may ask for polls: put `TaskStarted` events on the bus, or forward those of Partner Central to
   * it. They may put no other events.
   *
   * Allowed: 1 to 10 account ids of 12 digits
   * @default - no other account
   */
  readonly nudgesFrom?: readonly string[];
  /**
   * How long the archive keeps events for a replay. 0 switches the archive off.
   *
   * Allowed: a whole number of days from 0 to 3650
   * @default 30
   */
  readonly archiveDays?: number;
  /**
   * Register a JSON Schema of each event in the EventBridge schema registry, for developers of consumers. It is free.
   * Skipped with a warning in a region without a schema registry.
   * @default true
   */
  readonly schemaRegistry?: boolean;
  /**
   * Retention of the functions' logs.
   *
   * Allowed: one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
   * 3653 days
   * @default 30
   */
  readonly logRetentionDays?: RetentionDays;
  /**
   * Save queries for CloudWatch Logs Insights in a folder with the stack's name. The runbook and the alarms refer to
   * them. They cost nothing until they run. Set false if the account has reached its quota of saved queries.
   * @default true
   */
  readonly savedQueries?: boolean;
  /**
   * Minimum level of the log lines that are written.
   *
   * Allowed: DEBUG or INFO or WARN or ERROR
   * @default 'INFO'
   */
  readonly logLevel?: 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
  /**
   * X-Ray traces of all functions. About $0.22 a month for each source at one poll a minute.
   * @default false
   */
  readonly tracing?: boolean;
  /**
   * Encrypt all stored data with a KMS key of the stack, not with keys of AWS. About $1.10 a month, and up to $2 more
   * after the yearly rotations.
   * @default false
   */
  readonly customerManagedKey?: boolean;
}

/** A further source. Omitted keys inherit from the first source, except the identifiers and the name. */
export interface FurtherSource extends SourceSettings {
  /**
   * Partner Central catalog; AWS is production.
   *
   * Allowed: AWS or Sandbox
   */
  readonly catalog?: 'AWS' | 'Sandbox';
}
