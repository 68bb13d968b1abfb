/**
 * What can be configured: the poller's settings and the stack's own keys, in one schema. They are given in `cdk.json`
 * or as `-c key=value`, which passes text, so every key accepts its value as text too.
 */
import { Token } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as v from 'valibot';
import { CATCH_ALL, DEFAULT, isTopicArn } from '../lambdas/alerts/routes';
import {
  ConfigurationError,
  filterProblems,
  flag,
  oneOf,
  parseFlat,
  type Settings,
  settingsEntries,
  textLike,
  wholeNumber,
} from '../lambdas/poller/settings';
import { alertRoutes } from './alert-routes';
import { furtherSources, inherited, type SourceConfig, sourceKeys, sourcesOf, twins } from './sources';

const described = <S extends v.GenericSchema>(schema: S, meaning: string) => v.pipe(schema, v.description(meaning));

/** CloudWatch accepts these retention periods only; CDK's "infinite" is a marker of its own, not a number of days. */
const retentionPeriodsInDays = Object.values(RetentionDays).filter(
  (days): days is number => typeof days === 'number' && days !== RetentionDays.INFINITE,
);

function logRetention() {
  const allowed = `one of ${retentionPeriodsInDays.join(', ')} days`;
  const asNumber = v.union([v.number(), v.pipe(v.string(), v.regex(/^\d+$/), v.toNumber())], allowed);
  return v.pipe(asNumber, v.picklist(retentionPeriodsInDays, allowed), v.metadata({ allowed, unit: 'days' }));
}

/**
 * Tags as an object, or as text: `team=crm,cost-center=42`. IAM takes keys that differ only in case for the same.
 * https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html, https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
 */
function tags() {
  const allowed =
    'key=value, separated by commas, or an object in cdk.json: 1 to 50 keys of 1 to 128 letters, digits, spaces and _.:/=+-@, none twice, none beginning with aws:, and values of at most 256 of these';
  const split = (given: string) =>
    given.split(',').map(pair => {
      const [key, ...value] = pair.split('=');
      return [key?.trim(), value.length > 0 ? value.join('=').trim() : undefined];
    });
  const isKey = (key: unknown) => /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu.test(String(key));
  const isValue = (value: unknown) => typeof value === 'string' && /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u.test(value);
  return v.pipe(
    v.union(
      [
        v.pipe(v.string(), v.transform(split)),
        v.pipe(
          v.custom<object>(given => typeof given === 'object' && given !== null && !Array.isArray(given)),
          v.transform(given => Object.entries(given)),
        ),
      ],
      allowed,
    ),
    v.minLength(1, allowed),
    v.maxLength(50, allowed),
    v.check(pairs => pairs.every(([key, value]) => isKey(key) && isValue(value)), allowed),
    v.check(pairs => new Set(pairs.map(([key]) => String(key).toLowerCase())).size === pairs.length, allowed),
    v.transform(pairs => Object.fromEntries(pairs) as Record<string, string>),
    v.metadata({ allowed }),
  );
}

/** CloudWatch takes up to five actions for each state of an alarm, and no FIFO topic. */
const topicArns = () => arns(isTopicArn, '1 to 5 ARNs of standard SNS topics, separated by commas');

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_EventBus.html; a rule has five targets at most. */
const isBusArn = (text: string) =>
  /^arn:aws[a-z-]*:events:[a-z]{2}(-[a-z]+)+-\d:\d{12}:event-bus\/[\w./-]{1,256}$/.test(text);

function arns(isOne: (text: string) => boolean, allowed: string) {
  const split = (given: string) => given.split(',').map(part => part.trim());
  return v.pipe(
    v.union([v.array(v.string()), v.pipe(v.string(), v.transform(split))], allowed),
    v.transform(list => [...new Set(list)]),
    v.minLength(1, allowed),
    v.maxLength(5, allowed),
    v.everyItem(arn => isOne(arn) || Token.isUnresolved(arn), allowed), // that of the same app is known when deployed
    v.metadata({ allowed }),
  );
}

const emailAddress = () => textLike(/^[^\s@]{1,64}@[^\s@]+\.[^\s@]+$/, 'an e-mail address');

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
      arns(isBusArn, '1 to 5 ARNs of event buses, separated by commas'),
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

type Parsed = v.InferOutput<v.StrictObjectSchema<typeof configEntries, undefined>>;

/** What holds for the whole stack, and for its first source. */
export type StackConfig = Omit<Parsed, 'furtherSources'>;

export interface Config extends StackConfig {
  /** The first one is that of the keys at the top. */
  readonly sources: readonly [SourceConfig, ...SourceConfig[]];
}

/**
 * Reads our keys out of a CDK context.
 * @throws ConfigurationError naming every key that is unknown, bad or can't work together with another
 */
export function readConfig(
  context: Record<string, unknown>,
  where = 'The configuration (cdk.json and -c key=value)',
): Config {
  const given = ownKeys(context);
  const { furtherSources: more, ...first } = readSource(given, where);
  const problems: string[] = [];
  const others = more.flatMap((own, at) => {
    const place = `furtherSources[${at}]`;
    const { furtherSources: _, ...stack } = given;
    const [known, strangers] = [true, false].map(isOne =>
      Object.entries(own).filter(([key]) => sourceKeys.includes(key) === isOne),
    ) as [[string, unknown][], [string, unknown][]];
    if (strangers.length > 0)
      problems.push(
        `${strangers.map(([key]) => `${place}.${key}`).join(', ')}: allowed for a source of its own: ${sourceKeys.join(', ')}`,
      );
    try {
      return [readSource(inherited(stack, Object.fromEntries(known)), where)];
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      problems.push(...error.problems.map(problem => `${place}.${problem}`));
      return [];
    }
  });
  problems.push(...twins([first, ...others]));
  if (problems.length > 0) throw new ConfigurationError(where, problems);
  return { ...first, sources: sourcesOf(first, others) };
}

/** @throws ConfigurationError */
function readSource(given: Record<string, unknown>, where: string): Parsed {
  const impossible = impossibleCombinations(given);
  try {
    const config = parseFlat(configEntries, given, where);
    impossible.push(...filterProblems(config));
    if (impossible.length === 0) return config;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(where, [...error.problems, ...impossible]);
  }
  throw new ConfigurationError(where, impossible);
}

/** The poller's share of the configuration, defaults included, as text that only changes when a value does. */
export function settingsJson(config: SourceConfig): string {
  const keys = Object.keys(settingsEntries) as (keyof Settings)[];
  return JSON.stringify(Object.fromEntries(keys.map(key => [key, config[key]])));
}

/** Keys of a stack that the construct hasn't: they are CDK's there, or objects rather than names. */
export const stackKeys: readonly string[] = [
  'stackName',
  'tags',
  'permissionsBoundary',
  'existingTableName',
  'existingEventBusName',
  'alarmTopicArns',
] as const satisfies readonly (keyof StackConfig)[];

/** A CDK context without what belongs to CDK and its CLI. */
export const ownKeys = (context: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(context).filter(([key]) => !belongsToCdk(key)));

// The CLI stores these two answers of its user in the context; all its other keys have a prefix.
const keysOfTheCli = ['cli-telemetry', 'acknowledged-issue-numbers'];

function belongsToCdk(key: string) {
  return /[:/]/.test(key) || key.startsWith('@') || key.startsWith('cdk-') || keysOfTheCli.includes(key);
}

/** Only of keys whose own value is good: a bad one is reported by itself. */
function impossibleCombinations(given: Record<string, unknown>): string[] {
  const parsed = <K extends keyof typeof configEntries>(key: K) => {
    const result = v.safeParse(configEntries[key], given[key]);
    return result.success ? (result.output as Parsed[K]) : undefined;
  };
  const valid = (key: 'functionTimeoutSeconds' | 'pollEveryMinutes' | 'auditEveryHours' | 'retentionDays') =>
    parsed(key) ?? Number.NaN;
  const [timeoutSeconds, pollMinutes] = [valid('functionTimeoutSeconds'), valid('pollEveryMinutes')];
  const [auditHours, retentionDays] = [valid('auditEveryHours'), valid('retentionDays')];
  const problems: string[] = [];
  if (given.alarmEmail !== undefined && given.alarmTopicArns !== undefined)
    problems.push(
      'alarmEmail with alarmTopicArns: got both, allowed: one of them; subscribe the address to one of those topics',
    );
  const [routes, alarmTopics] = [parsed('alertRoutes'), parsed('alarmTopicArns')];
  const shared = Object.values(routes ?? {}).filter(route => alarmTopics?.includes(route));
  if (shared.length > 0)
    problems.push(
      `alertRoutes with alarmTopicArns: got ${JSON.stringify(shared[0])} in both, allowed: topics apart, so that a burst of failed tasks can't bury an alarm`,
    );
  if (timeoutSeconds >= pollMinutes * 60)
    problems.push(
      `functionTimeoutSeconds with pollEveryMinutes: got ${timeoutSeconds} with ${pollMinutes}, allowed: a timeout of less than one poll period, here at most ${pollMinutes * 60 - 1} seconds`,
    );
  if (auditHours * 60 < pollMinutes)
    problems.push(
      `auditEveryHours with pollEveryMinutes: got ${auditHours} with ${pollMinutes}, allowed: audits no more often than polls, here every ${Math.ceil(pollMinutes / 60)} hours or less often`,
    );
  if (auditHours > retentionDays * 24)
    problems.push(
      `auditEveryHours with retentionDays: got ${auditHours} with ${retentionDays}, allowed: an audit at least once in a retention period, here at most every ${retentionDays * 24} hours`,
    );
  return problems;
}
