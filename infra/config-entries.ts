/**
 * What can be configured: the poller's settings and the stack's own keys, in one schema. They are given in `cdk.json`
 * or as `-c key=value`, which passes text, so every key accepts its value as text too.
 */
import * as v from 'valibot';
import { CATCH_ALL, DEFAULT } from '../lambdas/alerts/routes';
import { flag, oneOf, settingsEntries, textLike, wholeNumber } from '../lambdas/poller/settings';
import { alertRoutes } from './alert-routes';
import { busArns, emailAddress, furtherSources, logRetention, tags, topicArns } from './config-values';

const described = <S extends v.GenericSchema>(schema: S, meaning: string) => v.pipe(schema, v.description(meaning));

export const configEntries = {
  ...settingsEntries,
  furtherSources: v.optional(
    described(
      furtherSources(),
      'Further sources of this stack: other catalogs or families, each with a function, schedules and alarms of its own. What one leaves out it has from the keys around it, but for the identifiers.',
    ),
    [],
  ),
  stackName: v.optional(
    described(
      // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
      textLike(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, 'a letter, then up to 127 letters, digits and hyphens'),
      'Name of the stack. Another name makes another poller, for example one for each catalog.',
    ),
    'PartnerCentralTaskPoller',
  ),
  functionTimeoutSeconds: v.optional(
    described(
      wholeNumber(10, 900, 'seconds'),
      'Longest that one poll may take; less than the time between two polls. What is left over is done by the next.',
    ),
    55,
  ),
  memoryMb: v.optional(
    described(
      wholeNumber(128, 3008, 'megabytes'),
      "Memory of the poller's function; its share of a CPU grows with it.",
    ),
    256,
  ),
  alertEmail: v.optional(
    described(
      emailAddress(),
      'Who gets a mail about failed tasks, once the address has confirmed. Without it: subscribe to the topic yourself.',
    ),
  ),
  alertRoutes: v.optional(
    described(
      alertRoutes(),
      'Which topic is told of which failures, by `reasonCategory`; `default` is the topic of this stack. What is told nowhere is an event all the same.',
    ),
    `${CATCH_ALL}=${DEFAULT}`,
  ),
  chatAlerts: v.optional(
    described(
      flag(),
      'The same alerts for Slack or Teams, on a topic of their own, as custom notifications of Amazon Q Developer in chat applications.',
    ),
    false,
  ),
  alarmEmail: v.optional(
    described(
      emailAddress(),
      'Who gets a mail when an alarm goes off and when it recovers, once the address has confirmed. Without it: subscribe to the alarm topic yourself.',
    ),
  ),
  alarmTopicArns: v.optional(
    described(
      topicArns(),
      "Existing topics for the alarms, in the stack's region, in place of a topic of their own. Their policies have to let cloudwatch.amazonaws.com publish.",
    ),
  ),
  alarmAtFailedTasks: v.optional(
    described(
      wholeNumber(1, 100_000, 'tasks'),
      'So many failed tasks within an hour (or within a poll period, if that is longer) set off an alarm; the mails tell of each of them anyway.',
    ),
    10,
  ),
  alarmAtStalledTasks: v.optional(
    described(wholeNumber(1, 100_000, 'tasks'), 'So many tasks that have been running for too long set off an alarm.'),
    1,
  ),
  runbookUrl: v.optional(
    described(
      textLike(/^[^\s#]{1,500}$/, 'up to 500 characters without spaces and #'),
      'Where the runbook is; each alarm links to its section there.',
    ),
    'docs/runbook.md',
  ),
  dashboard: v.optional(
    described(flag(), 'A CloudWatch dashboard: $3 a month, after three free ones in an account.'),
    false,
  ),
  existingEventBusName: v.optional(
    described(
      // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html
      textLike(/^[\w./-]{1,256}$/, '1 to 256 letters, digits and _./-'),
      "Publish on this bus of the stack's account and region, in place of a bus of the stack's own.",
    ),
  ),
  forwardTo: v.optional(
    described(
      busArns(),
      'Buses of other accounts or regions that get each event as well. The policy of each has to let this account put events.',
    ),
  ),
  archiveDays: v.optional(
    described(
      wholeNumber(0, 3650, 'days'),
      'How long the bus keeps its events for a replay; 0 switches the archive off.',
    ),
    30,
  ),
  schemaRegistry: v.optional(
    described(
      flag(),
      'Register a JSON Schema of each event with EventBridge, where whoever writes a consumer can look it up; it costs nothing. false for a region that has no schema registry.',
    ),
    true,
  ),
  logRetentionDays: v.optional(described(logRetention(), "How long the functions' logs are kept."), 30),
  savedQueries: v.optional(
    described(
      flag(),
      "Save queries for CloudWatch Logs Insights in a folder of the stack's name; the runbook and the alarms refer to them, and they cost nothing until they run. false for an account that allows no more of them.",
    ),
    true,
  ),
  logLevel: v.optional(
    described(oneOf(['DEBUG', 'INFO', 'WARN', 'ERROR']), 'Least severe log line that is written.'),
    'INFO',
  ),
  tracing: v.optional(
    described(flag(), 'X-Ray traces of all functions; about $0.22 a month for each source at a poll a minute.'),
    false,
  ),
  enabled: v.optional(
    described(
      flag(),
      'false stops the schedules, and so the polls. All else stays, and so does what is known; the first poll after it goes on from there.',
    ),
    true,
  ),
  existingTableName: v.optional(
    described(
      // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
      textLike(/^[A-Za-z0-9_.-]{3,255}$/, '3 to 255 letters, digits and _.-'),
      "Use this table, such as a restored one, in place of the stack's own, which is left behind and kept.",
    ),
  ),
  permissionsBoundary: v.optional(
    described(
      // https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
      textLike(
        /^(arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/([!-~]+\/)?)?[\w+=,.@-]{1,128}$/,
        'name or ARN of a managed policy',
      ),
      'Permissions boundary of every role in the stack.',
    ),
  ),
  tags: v.optional(described(tags(), 'Tags of the stack and of everything in it that can have some.')),
  customerManagedKey: v.optional(
    described(
      flag(),
      "A key of the stack's own, rather than keys of AWS, encrypts all that is stored; about $1.10 a month, and up to $2 more after its yearly rotations.",
    ),
    false,
  ),
};

export type Parsed = v.InferOutput<v.StrictObjectSchema<typeof configEntries, undefined>>;

/** What holds for the whole stack, and for its first source. */
export type StackConfig = Omit<Parsed, 'furtherSources'>;

/** What all sources of a stack have in common, though it is the poller's own setting. */
const stackWide = ['eventSource', 'maxListCallsPerSecond'];

/** Keys that a further source may have of its own. */
export const sourceKeys: readonly string[] = [
  ...Object.keys(settingsEntries).filter(key => !stackWide.includes(key)),
  'functionTimeoutSeconds',
  'memoryMb',
  'enabled',
  'alarmAtFailedTasks',
  'alarmAtStalledTasks',
];

/** Keys of a stack that the construct hasn't: they are CDK's there, or objects rather than names. */
export const stackKeys: readonly string[] = [
  'stackName',
  'tags',
  'permissionsBoundary',
  'existingTableName',
  'existingEventBusName',
  'alarmTopicArns',
] as const satisfies readonly (keyof StackConfig)[];
