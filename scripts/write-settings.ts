/**
 * Generates the construct's settings as plain TypeScript from the schema. Editors show them, and the package's types use
 * them, so that they don't need the schema library.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { configEntries, sourceKeys, stackKeys } from '../infra/config-entries';
import { allowedValues, unwrapped } from '../lambdas/poller/settings';

const root = join(__dirname, '..');
const lineWidth = 120;

/** Path and contents of the generated file. */
export function settingsFile(): [path: string, content: string] {
  const keys = Object.keys(configEntries).filter(key => !stackKeys.includes(key));
  const content = `\
// Written by \`npm run docs\`, from the schemas in infra/config-entries.ts and lambdas/poller/settings.ts.
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';

/** Settings of one source. */
export interface SourceSettings {
${members(sourceKeys.filter(key => key !== 'catalog'))}
}

/** Settings of the poller: those of its first source, and those that all sources share. */
export interface TaskPollerSettings extends SourceSettings {
${members(keys.filter(key => key === 'catalog' || !sourceKeys.includes(key)))}
}

/** A further source. Omitted keys inherit from the first source, except the identifiers and the name. */
export interface FurtherSource extends SourceSettings {
${member('catalog').replace('readonly catalog:', 'readonly catalog?:')}
}
`;
  return [join(root, 'infra', 'task-poller-settings.ts'), content];
}

/** Texts for keys whose default is no value. */
const withoutValue: Readonly<Record<string, string>> = {
  name: '- none',
  assumeRoleArn: "- the function's own role lists them",
  externalId: '- none',
  emitSince: '- the first poll',
  alertEmail: '- nobody',
  alarmEmail: '- nobody',
  forwardTo: '- no other bus',
  nudgesFrom: '- no other account',
};

const isFilter = (key: string) => key.endsWith('Identifiers');

const entryOf = (key: string) => (configEntries as Record<string, v.GenericSchema>)[key] as v.GenericSchema;

/** @throws Error for a new key that has neither a default nor such a text */
function defaultOf(key: string): string | undefined {
  const entry = entryOf(key);
  if (entry.type !== 'optional') return undefined;
  if (isFilter(key)) return '- all tasks';
  const { default: value } = entry as { default?: unknown };
  const known = value === undefined ? withoutValue[key] : literal(key === 'alertRoutes' ? { '*': 'default' } : value);
  if (known === undefined) throw new Error(`${key} has no default: describe it in withoutValue in write-settings.ts`);
  return known;
}

const members = (keys: readonly string[]) => keys.map(member).join('\n');

function member(key: string): string {
  const byDefault = defaultOf(key);
  const schema = unwrapped(entryOf(key));
  const type = typeOf(key, schema);
  // Flags need no list of values. Alternative notations of lists and tables are for the command line.
  const allowed = type[0] === 'boolean' || key === 'furtherSources' ? undefined : allowedValues(schema);
  const text = [
    ...wrapped(v.getDescription(schema) ?? ''),
    ...(allowed ? ['', ...wrapped(`Allowed: ${inCode(allowed)}`)] : []),
    ...(byDefault ? [`@default ${byDefault}`] : []),
  ];
  const comment = ['/**', ...text.map(line => ` * ${line}`.trimEnd()), ' */'].map(line => `  ${line}`).join('\n');
  return `${comment}\n${declaration(`  readonly ${key}${byDefault ? '?' : ''}:`, type)}`;
}

const inCode = (allowed: string) =>
  allowed
    .replace(', separated by commas', '')
    .replace(
      'throttling=nowhere,AWS/*:access=arn:aws:sns:us-east-1:111122223333:security',
      "{ throttling: 'nowhere', 'AWS/*:access': 'arn:aws:sns:us-east-1:111122223333:security' }",
    );

/** The members of a union. */
function typeOf(key: string, schema: v.GenericSchema): string[] {
  if (key === 'alertRoutes') return ['{ readonly [sourceOrCategory: string]: string }'];
  if (key === 'alertEmail') return ['string', 'readonly string[]']; // one address is the usual case
  if (key === 'logRetentionDays') return ['RetentionDays']; // TypeScript takes its numbers, too
  if (key === 'furtherSources') return ['readonly FurtherSource[]'];
  const parts = pipeOf(schema);
  const { options } = (parts.find(({ type }) => type === 'picklist') ?? {}) as { options?: readonly unknown[] };
  return options ? literals(options) : [basicType(parts[0] as v.GenericSchema)];
}

/** The first member of a union is the value in code. The others are parsed from text. */
function basicType(schema: v.GenericSchema): string {
  const { type, options, item } = schema as { type: string; options?: v.GenericSchema[]; item?: v.GenericSchema };
  if (type === 'union') return basicType(options?.[0] as v.GenericSchema);
  if (type === 'array') return `readonly ${basicType(item as v.GenericSchema)}[]`;
  if (!['string', 'number', 'boolean'].includes(type)) throw new Error(`No TypeScript for a schema of type ${type}`);
  return type;
}

function pipeOf(schema: v.GenericSchema): v.GenericSchema[] {
  const { pipe } = schema as { pipe?: v.GenericSchema[] };
  return pipe ? pipe.flatMap(pipeOf) : [schema];
}

const literals = (values: readonly unknown[]) => values.map(literal);
function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  return JSON.stringify(value).replace(/"/g, "'").replace('{', '{ ').replace('}', ' }').replace(':', ': ');
}

/** On one line if it fits, like Biome. */
function declaration(begin: string, union: readonly string[]): string {
  const line = `${begin} ${union.join(' | ')};`;
  if (line.length <= lineWidth) return line;
  const indent = `${begin.match(/^ */)?.[0]}  `;
  return `${begin}\n${union.map(part => `${indent}| ${part}`).join('\n')};`;
}

function wrapped(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (longer.length > lineWidth - '   * '.length) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

if (require.main === module) writeFileSync(...settingsFile());
