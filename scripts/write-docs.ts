/**
 * Writes what comes from the code: the JSON Schemas and the types of the events, the tables of docs/configuration.md, the
 * table and the mail of docs/alerts.md, and the plots of the benchmark from their numbers in docs/benchmark.json.
 * `npm run docs` writes; a test asserts that nothing is left to write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { plots } from '../bench/report/plots';
import { configEntries } from '../infra/config-entries';
import { unwrapped } from '../lambdas/poller/settings';
import { reasons, reasonText } from '../lambdas/reason-codes';
import { reasonCategories } from '../lambdas/task-event';
import { allDetailTypes, eventJsonSchema } from './json-schemas';
import { settingsFile } from './write-settings';
import { typesFile } from './write-types';

const root = join(__dirname, '..');

/** The files, as they should be. */
export function documents(): Map<string, string> {
  const [configuration, alerts] = ['configuration.md', 'alerts.md'].map(page => join(root, 'docs', page)) as [
    string,
    string,
  ];
  const written = (page: string, name: string, table: string) =>
    [page, replaceBetween(readFileSync(page, 'utf8'), name, table)] as const;
  return new Map([
    ...allDetailTypes.map(
      name =>
        [join(root, 'docs', 'schemas', `${name}.json`), `${JSON.stringify(eventJsonSchema(name), null, 2)}\n`] as const,
    ),
    [join(root, 'events', 'task-events.ts'), typesFile()],
    settingsFile(),
    ...plots(),
    written(configuration, 'configuration', configurationTable()),
    [alerts, alertsPage(alerts)],
  ]);
}

function alertsPage(page: string): string {
  const withMail = replaceBetween(readFileSync(page, 'utf8'), 'mail', mail());
  return replaceBetween(withMail, 'reason codes', reasonTable());
}

/** One that the formatter has written: a test compares the file. */
function mail(): string {
  const text = readFileSync(join(root, 'test', 'alerts', 'texts', 'deal.txt'), 'utf8');
  return `\`\`\`text\n${text.trimEnd().replace(/(#logsV2:).*/, '$1…')}\n\`\`\``;
}

const row = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;

export function configurationTable(): string {
  const rows = Object.entries<v.GenericSchema>(configEntries).map(([key, entry]) => {
    const schema = unwrapped(entry);
    const { allowed, unit } = v.getMetadata(schema) as { allowed: string; unit?: string };
    return row([`\`${key}\``, v.getDescription(schema) ?? '', unit ?? '', defaultOf(key, entry), allowed]);
  });
  return [
    row(['Key', 'Meaning', 'Unit', 'Default', 'Allowed']),
    row(['---', '---', '---', '---', '---']),
    ...rows,
  ].join('\n');
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

/** What holds where a key is left out and there is no value to show for it. */
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

export function replaceBetween(text: string, name: string, by: string): string {
  const [begin, end] = [`<!-- ${name}: written by the command that prints it -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`The document has no place for ${name}: it needs ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${by}\n\n${text.slice(to)}`;
}

if (require.main === module) {
  for (const [file, content] of documents()) writeFileSync(file, content);
}
