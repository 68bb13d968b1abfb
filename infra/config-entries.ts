/**
 * Schema of the configuration: the poller's settings and the stack's own keys. Values come from `cdk.json` or from
 * `-c key=value`. The latter passes text, so every key also accepts its value as text.
 */
import * as v from 'valibot';
import { CATCH_ALL, DEFAULT } from '../lambdas/alerts/routes';
import { flag, oneOf, settingsEntries, textLike, wholeNumber } from '../lambdas/poller/settings';
import { alertRoutes } from './alert-routes';
import {
  accounts,
  busArns,
  emailAddress,
  emailAddresses,
  furtherSources,
  logRetention,
  orToken,
  tags,
  topicArns,
} from './config-values';

const described = <S extends v.GenericSchema>(schema: S, meaning: string) => v.pipe(schema, v.description(meaning));

const { assumeRoleArn, externalId, eventSource } = settingsEntries;

export const configEntries = {
  ...settingsEntries,
  assumeRoleArn: v.optional(
    described(orToken(assumeRoleArn.wrapped), v.getDescription(assumeRoleArn.wrapped) as string),
  ),
  externalId: v.optional(described(orToken(externalId.wrapped), v.getDescription(externalId.wrapped) as string)),
  eventSource: v.optional(
    described(orToken(eventSource.wrapped), v.getDescription(eventSource.wrapped) as string),
    eventSource.default,
  ),
  furtherSources: v.optional(
    described(
      furtherSources(),
      'Further sources of this stack: other catalogs, families or accounts. Each has its own function, schedules and alarms. Omitted keys inherit from the first source, except the identifiers, the name, and externalId for a source with its own assumeRoleArn.',
    ),
    [],
  ),
  stackName: v.optional(
    described(
      // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
      textLike(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, 'a letter, then up to 127 letters, digits and hyphens'),
      'Name of the stack. Another name deploys another poller, for example one for each catalog.',
    ),
    'PartnerCentralTaskPoller',
  ),
  functionTimeoutSeconds: v.optional(
    described(
      wholeNumber(10, 900, 'seconds'),
      'Maximum duration of one poll. It must be shorter than the time between two polls. The next poll continues unfinished work. Above 59 seconds, raise pollEveryMinutes too.',
    ),
    55,
  ),
  memoryMb: v.optional(
    described(wholeNumber(128, 3008, 'megabytes'), "Memory of the poller's function. More memory also means more CPU."),
    256,
  ),
  alertEmail: v.optional(
    described(
      emailAddresses(),
      'Addresses that get mails about failed tasks, after their owners confirm the subscriptions. Without any, nobody gets mails until you subscribe to the topic of the output TaskAlertsTopicArn.',
    ),
  ),
  alertRoutes: v.optional(
    described(
      alertRoutes(),
      'SNS topic for the mails of each source and `reasonCategory`. The most specific route applies. `default` is the topic of this stack; `nowhere` sends no alert. The event is published in any case.',
    ),
    `${CATCH_ALL}=${DEFAULT}`,
  ),
  chatAlerts: v.optional(
    described(
      flag(),
      'Also publish the alerts on a second topic, for Slack or Teams, as custom notifications of Amazon Q Developer in chat applications.',
    ),
    false,
  ),
  describeDeals: v.optional(
    described(
      flag(),
      "Name the deal in the alerts: the title of the engagement, opportunity or invitation, and the customer's company. The formatter looks up at most 20 deals for each batch, in Partner Central. It brings customers' names into mails and chats.",
    ),
    false,
  ),
  alarmEmail: v.optional(
    described(
      emailAddress(),
      'Address that gets a mail when an alarm goes off and when it recovers, after its owner confirms the subscription. Without it, nobody gets mails until you subscribe to the topic of the output AlarmTopicArn.',
    ),
  ),
  alarmTopicArns: v.optional(
    described(
      topicArns(),
      "Existing topics for the alarms, in the stack's region. They replace the stack's alarm topic. Their policies must allow cloudwatch.amazonaws.com to publish.",
    ),
  ),
  alarmAtFailedTasks: v.optional(
    described(
      wholeNumber(1, 100_000, 'tasks'),
      'Number of failed tasks that sets off an alarm, within an hour or within a poll period, whichever is longer. Each failed task is also in an alert, unless its route is `nowhere`.',
    ),
    10,
  ),
  alarmAtStalledTasks: v.optional(
    described(wholeNumber(1, 100_000, 'tasks'), 'Number of stalled tasks that sets off an alarm.'),
    1,
  ),
  runbookUrl: v.optional(
    described(
      textLike(/^[^\s#]{1,500}$/, 'up to 500 characters without spaces and #'),
      'Location of the runbook. Each alarm names its section there; with a web address, that is a link.',
    ),
    'docs/runbook.md',
  ),
  dashboard: v.optional(
    described(flag(), 'Create a CloudWatch dashboard. It costs $3 a month; three dashboards in an account are free.'),
    false,
  ),
  existingEventBusName: v.optional(
    described(
      // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html
      textLike(/^[\w./-]{1,256}$/, '1 to 256 letters, digits and _./-'),
      "Publish on this bus instead of creating one. It must be in the stack's account and region.",
    ),
  ),
  forwardTo: v.optional(
    described(
      busArns(),
      'Buses in other accounts or regions that also get each event. The policy of each must allow this account to put events.',
    ),
  ),
  nudgesFrom: v.optional(
    described(
      accounts(),
      'Other accounts that may ask for polls: put `TaskStarted` events on the bus, or forward those of Partner Central to it. They may put no other events.',
    ),
  ),
  nativeNudges: v.optional(
    described(
      flag(),
      'Poll at once on events of Partner Central that a task causes, and on the calls that start one, which CloudTrail records. They are in us-east-1 of the account that is linked to Partner Central; a stack elsewhere needs a rule there that forwards them, see docs/events.md. CloudTrail needs a trail.',
    ),
    true,
  ),
  archiveDays: v.optional(
    described(
      wholeNumber(0, 3650, 'days'),
      'How long the archive keeps events for a replay. 0 switches the archive off.',
    ),
    30,
  ),
  schemaRegistry: v.optional(
    described(
      flag(),
      'Register a JSON Schema of each event in the EventBridge schema registry, for developers of consumers. It is free. Skipped with a warning in a region without a schema registry.',
    ),
    true,
  ),
  logRetentionDays: v.optional(described(logRetention(), "Retention of the functions' logs."), 30),
  savedQueries: v.optional(
    described(
      flag(),
      "Save queries for CloudWatch Logs Insights in a folder with the stack's name. The runbook and the alarms refer to them. They cost nothing until they run. Set false if the account has reached its quota of saved queries.",
    ),
    true,
  ),
  logLevel: v.optional(
    described(oneOf(['DEBUG', 'INFO', 'WARN', 'ERROR']), 'Minimum level of the log lines that are written.'),
    'INFO',
  ),
  tracing: v.optional(
    described(flag(), 'X-Ray traces of all functions. About $0.22 a month for each source at one poll a minute.'),
    false,
  ),
  enabled: v.optional(
    described(
      flag(),
      'false disables schedules and nudges, so no poll runs. All resources and the state of the tasks stay. The first poll after a pause continues from there.',
    ),
    true,
  ),
  existingTableName: v.optional(
    described(
      // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
      textLike(/^[A-Za-z0-9_.-]{3,255}$/, '3 to 255 letters, digits and _.-'),
      "Use this table, for example a restored one, instead of the stack's own. The stack's own table is retained.",
    ),
  ),
  permissionsBoundary: v.optional(
    described(
      // https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
      textLike(
        /^(arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/([!-~]+\/)?)?[\w+=,.@-]{1,128}$/,
        'name or ARN of a managed policy such as arn:aws:iam::111122223333:policy/boundary',
      ),
      'Permissions boundary of every role in the stack.',
    ),
  ),
  tags: v.optional(described(tags(), 'Tags of the stack and of all its resources that support tags.')),
  customerManagedKey: v.optional(
    described(
      flag(),
      'Encrypt all stored data with a KMS key of the stack, not with keys of AWS. About $1.10 a month, and up to $2 more after the yearly rotations.',
    ),
    false,
  ),
};

export type Parsed = v.InferOutput<v.StrictObjectSchema<typeof configEntries, undefined>>;

/** Configuration of the stack and of its first source. */
export type StackConfig = Omit<Parsed, 'furtherSources'>;

/** Settings of the poller that all sources of a stack share. */
const stackWide = ['eventSource', 'maxListCallsPerSecond', 'maxExtraListCallsPerDay'];

/** Keys that a further source may set. */
export const sourceKeys: readonly string[] = [
  ...Object.keys(settingsEntries).filter(key => !stackWide.includes(key)),
  'functionTimeoutSeconds',
  'memoryMb',
  'enabled',
  'nativeNudges',
  'alarmAtFailedTasks',
  'alarmAtStalledTasks',
];

/** Keys of the stack that are not props of the construct. There, CDK has its own way, or the prop takes an object, not a name. */
export const stackKeys: readonly string[] = [
  'stackName',
  'tags',
  'permissionsBoundary',
  'existingTableName',
  'existingEventBusName',
  'alarmTopicArns',
] as const satisfies readonly (keyof StackConfig)[];
