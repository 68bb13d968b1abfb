/**
 * The settings of one source. The same schema parses them at synth, where a mistake is cheap, and at cold start, where
 * the environment may have been edited by hand. Limits of identifiers and page sizes are those of the Partner Central
 * Selling API; the SDK checks none of them.
 */
import * as v from 'valibot';
import { DEFAULT_EVENT_SOURCE } from '../event-names';
import { ConfigurationError, shown } from './configuration-error';
import { isInstant } from './core/instant';
import { taskFamilyNames } from './task-families';

/** Environment variables of the poller function, for the code and the stack. */
export const environment = {
  tableName: 'TABLE_NAME',
  eventBusName: 'EVENT_BUS_NAME',
  settings: 'POLLER_SETTINGS',
} as const;

export { PARTNER_CENTRAL_REGION } from './task-families';

/** A whole number. Text is accepted too, since `cdk -c key=value` passes text. Every issue has the text `allowed`. */
export function wholeNumber(min: number, max: number, unit: string) {
  const allowed = `a whole number of ${unit} from ${min} to ${max}`;
  return v.pipe(
    v.union([v.number(), v.pipe(v.string(), v.regex(/^-?\d+$/), v.toNumber())], allowed),
    v.integer(allowed),
    v.minValue(min, allowed),
    v.maxValue(max, allowed),
    v.metadata({ allowed, unit }),
  );
}

/** A number that may have a fraction. */
export function numberFrom(min: number, max: number, unit: string) {
  const allowed = `a number of ${unit} from ${min} to ${max}`;
  return v.pipe(
    v.union([v.number(), v.pipe(v.string(), v.regex(/^\d+(\.\d+)?$/), v.toNumber())], allowed),
    v.minValue(min, allowed),
    v.maxValue(max, allowed),
    v.metadata({ allowed, unit }),
  );
}

export function flag() {
  const allowed = 'true or false';
  return v.pipe(
    v.union(
      [
        v.boolean(),
        v.pipe(
          v.picklist(['true', 'false']),
          v.transform(text => text === 'true'),
        ),
      ],
      allowed,
    ),
    v.metadata({ allowed }),
  );
}

export function oneOf<const T extends readonly string[]>(values: T) {
  const allowed = values.join(' or ');
  return v.pipe(v.picklist(values, allowed), v.metadata({ allowed }));
}

export function textLike(pattern: RegExp, allowed: string) {
  return v.pipe(v.string(allowed), v.regex(pattern, allowed), v.metadata({ allowed }));
}

/** Up to ten identifiers, as a list or as comma-separated text. Sorted, so that their order never invalidates a cursor. */
function identifiers(pattern: RegExp, shape: string) {
  const allowed = `1 to 10 of ${shape}, separated by commas`;
  const split = (given: string) => given.split(',').map(part => part.trim());
  return v.pipe(
    v.union([v.array(v.string()), v.pipe(v.string(), v.transform(split))], allowed),
    v.transform(list => [...new Set(list)].sort()),
    v.minLength(1, allowed),
    v.maxLength(10, allowed),
    v.everyItem(item => pattern.test(item), allowed),
    v.metadata({ allowed }),
  );
}

/** Letters and digits only, so that logical ids of different names differ too. */
export const sourceNamePattern = /^[A-Za-z][A-Za-z0-9]{0,31}$/;

/** The catalogs of Partner Central; AWS is production. */
export const catalogs = ['AWS', 'Sandbox'] as const;

const INSTANT = 'an instant such as 2026-11-01T00:00:00Z';

const described = <S extends v.GenericSchema>(schema: S, meaning: string) => v.pipe(schema, v.description(meaning));

export const settingsEntries = {
  catalog: described(oneOf(catalogs), 'Partner Central catalog; AWS is production.'),
  taskFamily: v.optional(
    described(
      oneOf(taskFamilyNames),
      'Task family, the tasks of one operation: OpportunityFromEngagement is those of StartOpportunityFromEngagementTask.',
    ),
    'OpportunityFromEngagement',
  ),
  name: v.optional(
    described(
      textLike(sourceNamePattern, 'a letter, then up to 31 letters and digits'),
      'Name of the source, to poll the same catalog and family in several accounts. It is part of the key of its rows: with another name, the source starts with no state, as at a first deployment.',
    ),
  ),
  opportunityIdentifiers: v.optional(
    described(identifiers(/^O[0-9]{1,19}$/, 'O followed by 1 to 19 digits'), 'Only tasks of these opportunities.'),
  ),
  engagementIdentifiers: v.optional(
    described(
      identifiers(
        /^(arn:.+|eng-[0-9a-z]{14})$/,
        'eng- and 14 of 0-9a-z, or an ARN that begins with arn:aws:partnercentral:',
      ),
      'Only tasks of these engagements; not for EngagementByAcceptingInvitation.',
    ),
  ),
  engagementInvitationIdentifiers: v.optional(
    described(
      identifiers(
        /^(arn:.+|engi-[0-9a-z]{13})$/,
        'engi- and 13 of 0-9a-z, or an ARN that begins with arn:aws:partnercentral:',
      ),
      'Only tasks of these invitations; for EngagementByAcceptingInvitation.',
    ),
  ),
  contextIdentifiers: v.optional(
    described(
      identifiers(/^[1-9][0-9]*$/, 'a number without leading zero'),
      'Only tasks of these contexts; for OpportunityFromEngagement.',
    ),
  ),
  taskIdentifiers: v.optional(
    described(
      identifiers(
        /^(arn:.+|task-[0-9a-z]{13})$/,
        'task- and 13 of 0-9a-z, or an ARN that begins with arn:aws:partnercentral:',
      ),
      'Only these tasks.',
    ),
  ),
  assumeRoleArn: v.optional(
    described(
      textLike(
        /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/,
        'the ARN of a role such as arn:aws:iam::111122223333:role/task-reader',
      ),
      'Role that lists the tasks, for a stack outside the account that is linked to Partner Central.',
    ),
  ),
  externalId: v.optional(
    described(
      // https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
      textLike(/^[\w+=,.@:/-]{2,1224}$/, '2 to 1224 letters, digits and _+=,.@:/-'),
      'External id that the trust policy of `assumeRoleArn` asks for.',
    ),
  ),
  emitSince: v.optional(
    described(
      v.pipe(v.string(INSTANT), v.check(isInstant, INSTANT), v.metadata({ allowed: INSTANT })),
      'Also publish tasks that had ended before the first poll, if they started at or after this time. If you set an earlier time later, the poller also publishes tasks that started since that time. Tasks that a poll has seen running are always published.',
    ),
  ),
  eventSource: v.optional(
    described(
      textLike(/^(?!aws\.)[A-Za-z0-9_./-]{1,256}$/, '1 to 256 letters, digits and ._-/, not beginning with aws.'),
      'The field source of each event. If you change it, rules that match the old one get nothing.',
    ),
    DEFAULT_EVENT_SOURCE,
  ),
  includeMessage: v.optional(
    described(flag(), "The API's own message in event, mail and table; false keeps it out of all three."),
    true,
  ),
  shadow: v.optional(
    described(
      flag(),
      'Publish nothing, and log what would be published. Tasks that end in shadow mode are never published later.',
    ),
    false,
  ),
  stalledAfterMinutes: v.optional(
    described(wholeNumber(1, 43_200, 'minutes'), 'A task that runs for longer counts as stalled.'),
    60,
  ),
  taskStalledEvents: v.optional(
    described(flag(), 'Publish one `TaskStalled` event for each task that stalls from now on.'),
    false,
  ),
  pollEveryMinutes: v.optional(described(wholeNumber(1, 1440, 'minutes'), 'Time from one poll to the next.'), 1),
  auditEveryHours: v.optional(
    described(
      wholeNumber(1, 720, 'hours'),
      'Time from one audit to the next. An audit lists all tasks of the retention period.',
    ),
    24,
  ),
  followMinutes: v.optional(
    described(
      wholeNumber(0, 60, 'minutes'),
      'While a running task started at most this long ago, polls follow each other after pauses of 2 to 15 seconds. 0 switches this off.',
    ),
    5,
  ),
  maxExtraListCallsPerDay: v.optional(
    described(
      wholeNumber(0, 100_000, 'calls'),
      'Maximum List calls a day of follows and nudged polls. Scheduled polls do not count. Beyond it, tasks wait for the next scheduled poll. The sources of an account divide it.',
    ),
    25_000,
  ),
  lookbackMinutes: v.optional(
    described(
      wholeNumber(1, 1440, 'minutes'),
      'Each poll also lists tasks that started up to this long before the last one. This finds tasks that Partner Central lists late.',
    ),
    5,
  ),
  retentionDays: v.optional(
    described(wholeNumber(1, 3650, 'days'), 'How long a finished task is remembered, and how far back an audit looks.'),
    90,
  ),
  maxEventsPerRun: v.optional(
    described(wholeNumber(10, 10_000, 'events'), 'Maximum events of one poll. The next poll publishes the rest.'),
    1_000,
  ),
  maxListCallsPerRun: v.optional(
    described(wholeNumber(10, 1_000, 'calls'), 'Maximum List calls of one poll. Your CRM shares the quota.'),
    100,
  ),
  maxListCallsPerSecond: v.optional(
    described(numberFrom(0.1, 10, 'calls'), 'Maximum List calls a second. The sources of an account divide it.'),
    5,
  ),
  headPageSize: v.optional(described(wholeNumber(1, 1_000, 'tasks'), 'Page size for new tasks.'), 100),
  backlogPageSize: v.optional(
    described(wholeNumber(1, 1_000, 'tasks'), 'Page size for gaps, audits, and running and finished tasks.'),
    1_000,
  ),
};

export type Settings = v.InferOutput<v.StrictObjectSchema<typeof settingsEntries, undefined>>;

/** The values that a key allows, as errors and docs/configuration.md show them. */
export const allowedValues = (entry: v.GenericSchema) => v.getMetadata(unwrapped(entry)).allowed as string | undefined;

/** The schema of a key without its default. */
export const unwrapped = (entry: v.GenericSchema) => ('wrapped' in entry ? (entry.wrapped as v.GenericSchema) : entry);

/**
 * Parses an object by a table of flat keys and reports every bad key at once.
 * @throws ConfigurationError
 */
export function parseFlat<E extends v.ObjectEntries>(entries: E, given: Record<string, unknown>, where: string) {
  const result = v.safeParse(v.strictObject(entries), given);
  if (result.success) return result.output;
  const issues = new Map(result.issues.map(issue => [String(issue.path?.[0]?.key), issue]));
  const problems = [...issues].map(([key, { type, message }]) => {
    if (type === 'raw_check') return `${key}: ${message}`; // it knows more than what is allowed
    const got = key in given ? shown(given[key]) : 'nothing';
    const entry = entries[key] as v.GenericSchema | undefined;
    return entry
      ? `${key}: got ${got}, allowed: ${allowedValues(entry)}`
      : `${key}: unknown key, got ${got}; docs/configuration.md has all keys`;
  });
  throw new ConfigurationError(where, problems);
}

/**
 * Reads the function's environment at cold start.
 * @throws ConfigurationError naming every key that is missing or bad
 */
export function readEnvironment(env: Record<string, string | undefined>) {
  const missing = Object.values(environment).filter(name => !env[name]);
  if (missing.length > 0)
    throw new ConfigurationError(
      'The environment',
      missing.map(name => `${name}: got nothing, allowed: what the stack sets; deploy it again`),
    );
  const json = env[environment.settings] as string;
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    throw new ConfigurationError('The environment', [
      `${environment.settings}: got text that is not JSON; deploy the stack again`,
    ]);
  }
  return {
    tableName: env[environment.tableName] as string,
    eventBusName: env[environment.eventBusName] as string,
    settings: parseFlat(settingsEntries, Object(given) as Record<string, unknown>, environment.settings),
  };
}
