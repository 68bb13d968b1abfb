/**
 * `npm run docs` writes generated files: the JSON Schemas and types of the events, the tables of docs/configuration.md, the
 * table and the mail of docs/alerts.md, and the plots of docs/benchmark.json. A test asserts that they are up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { plots } from '../bench/report/plots';
import { configEntries } from '../infra/config-entries';
import { allowedValues, unwrapped } from '../lambdas/poller/settings';
import { reasons, reasonText } from '../lambdas/reason-codes';
import { reasonCategories } from '../lambdas/task-event';
import { allDetailTypes, eventJsonSchema } from './json-schemas';
import { settingsFile } from './write-settings';
import { typesFile } from './write-types';

const root = join(__dirname, '..');

/** Contents of the generated files, by path. */
export function documents(): Map<string, string> {
  const [configuration, alerts] = ['configuration.md', 'alerts.md'].map(page => join(root, 'docs', page)) as [
    string,
    string,
  ];
  return new Map([
    ...allDetailTypes.map(
      name =>
        [join(root, 'docs', 'schemas', `${name}.json`), `${JSON.stringify(eventJsonSchema(name), null, 2)}\n`] as const,
    ),
    [join(root, 'events', 'task-events.ts'), typesFile()],
    settingsFile(),
    ...plots(),
    [configuration, configurationPage(configuration)],
    [alerts, alertsPage(alerts)],
  ]);
}

function alertsPage(page: string): string {
  const withMail = replaceBetween(readFileSync(page, 'utf8'), 'mail', mail());
  return replaceBetween(withMail, 'reason codes', reasonTable());
}

/** A mail of the formatter; test/alerts/texts.test.ts compares the file. */
function mail(): string {
  const text = readFileSync(join(root, 'test', 'alerts', 'texts', 'deal.txt'), 'utf8');
  return `\`\`\`text\n${text.trimEnd().replace(/(#logsV2:).*/, '$1…')}\n\`\`\``;
}

const row = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;

const keys = Object.keys(configEntries) as (keyof typeof configEntries)[];
/** Settings to decide before the first deployment. */
const essential: typeof keys = ['catalog', 'taskFamily', 'alertEmail', 'alarmEmail', 'emitSince', 'describeDeals'];
/** Settings that depend on the account: names, existing resources, access, encryption, logs. All others are tuning. */
const platform: typeof keys = [
  ...(['stackName', 'enabled', 'assumeRoleArn', 'externalId', 'permissionsBoundary', 'customerManagedKey'] as const),
  ...(['tags', 'existingTableName', 'existingEventBusName', 'forwardTo', 'nudgesFrom', 'nativeNudges'] as const),
  ...(['archiveDays', 'schemaRegistry', 'alarmTopicArns', 'runbookUrl', 'dashboard', 'savedQueries'] as const),
  ...(['logLevel', 'logRetentionDays', 'tracing'] as const),
];

function configurationPage(page: string): string {
  const tuning = keys.filter(key => !essential.includes(key) && !platform.includes(key));
  return Object.entries({ essential, tuning, platform }).reduce(
    (text, [name, group]) => replaceBetween(text, `${name} settings`, settingsTable(group)),
    readFileSync(page, 'utf8'),
  );
}

function settingsTable(group: typeof keys): string {
  const rows = group.map(key => {
    const entry = configEntries[key] as v.GenericSchema;
    return row([`\`${key}\``, v.getDescription(unwrapped(entry)) ?? '', defaultOf(key, entry), allowedOf(key, entry)]);
  });
  return [row(['Key', 'Meaning', 'Default', 'Allowed']), row(['---', '---', '---', '---']), ...rows].join('\n');
}

/** By category, in the order of the configuration. */
export function reasonTable(): string {
  const rows = reasonCategories.flatMap(category =>
    Object.entries(reasons)
      .filter(([, reason]) => reason.category === category)
      .map(([code, { meaning, action }]) => row([`\`${code}\``, category, meaning, action])),
  );
  const { meaning, action } = reasonText('a code that is not in the table');
  return [
    row(['Reason code', 'Category', 'What it means', 'What to do']),
    row(['---', '---', '---', '---']),
    ...rows,
    row(['any other', 'unknown', meaning, action]),
  ].join('\n');
}

/** Texts for keys whose default is no value. */
const withoutValue: Readonly<Record<string, string>> = {
  catalog: '`Sandbox`, in `cdk.json`',
  furtherSources: 'none',
  name: 'none',
  assumeRoleArn: "the poller's own",
  externalId: 'none',
  existingEventBusName: "the stack's own",
  forwardTo: 'none',
  nudgesFrom: 'none',
  emitSince: 'the first poll',
  alertEmail: 'nobody',
  existingTableName: "the stack's own",
  permissionsBoundary: 'none',
  tags: 'none',
  alarmEmail: 'nobody',
  alarmTopicArns: 'a topic of their own',
};

function defaultOf(key: string, entry: v.GenericSchema): string {
  const value = (entry as { default?: unknown }).default;
  if (value === undefined || Array.isArray(value)) return withoutValue[key] ?? 'all tasks';
  return `\`${value}\``;
}

const LONGEST_CELL = 60;

/** Short forms of long texts. The types of the settings and the errors have the long ones. */
const shortAllowed: Readonly<Record<string, string>> = {
  taskFamily: '`OpportunityFromEngagement`, `EngagementFromOpportunity`, `EngagementByAcceptingInvitation`',
  opportunityIdentifiers: '1 to 10, such as `O1234567`',
  engagementIdentifiers: '1 to 10 ids or ARNs, such as `eng-0123456789abcd`',
  engagementInvitationIdentifiers: '1 to 10 ids or ARNs, such as `engi-0123456789abc`',
  contextIdentifiers: '1 to 10 numbers',
  taskIdentifiers: '1 to 10 ids or ARNs, such as `task-0123456789abc`',
  assumeRoleArn: 'ARN of a role',
  eventSource: '1 to 256 letters, digits and ._-/; not `aws.…`',
  furtherSources: '[a JSON array](#several-sources-accounts-and-buses)',
  alertRoutes: '[routes](alerts.md#who-gets-it)',
  alarmTopicArns: '1 to 5 ARNs of standard topics',
  forwardTo: '1 to 5 ARNs of event buses',
  logRetentionDays: '1, 3, 5, 7, 14, 30, 60, 90 … 3653 days, as in CloudWatch',
  permissionsBoundary: 'name or ARN of a managed policy',
  tags: '`key=value` pairs, or an object in `cdk.json`',
};

/** @throws Error for a text that is too long and has no short form */
function allowedOf(key: string, entry: v.GenericSchema): string {
  const allowed = (allowedValues(entry) ?? '')
    .replace(/^a (?:whole )?number of (\w+) from (\S+) to (\S+)$/, '$2 to $3 $1')
    .replace(', separated by commas', '');
  const short = shortAllowed[key];
  if (short !== undefined) return short;
  if (allowed.length <= LONGEST_CELL) return allowed;
  throw new Error(`What ${key} allows is too long for docs/configuration.md: give it a short form in write-docs.ts`);
}

export function replaceBetween(text: string, name: string, by: string): string {
  const [begin, end] = [`<!-- ${name}: written by the command that prints it -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`The document has no place for ${name}: it needs ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${by}\n\n${text.slice(to)}`;
}

if (require.main === module) {
  for (const [file, content] of documents()) writeFileSync(file, content);
}
