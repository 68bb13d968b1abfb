/**
 * Generates events/task-events.ts from the JSON Schemas: TypeScript types without imports, because shipped declarations
 * must not refer to a library. A test compares them with the parser's types.
 */
import { TASK_STARTED } from '../lambdas/event-names';
import { reasonCategories } from '../lambdas/task-event';
import { allDetailTypes, detailTypes, type EventJsonSchema, eventJsonSchema, type JsonSchema } from './json-schemas';

export function typesFile(): string {
  const schemas = allDetailTypes.map(eventJsonSchema);
  return `/** Written by \`npm run docs\` from events/event-schemas.ts. */

/** Category of a reason code; \`unknown\` for a code that the poller doesn't know. */
export type ReasonCategory =
${reasonCategories.map(category => `  | '${category}'`).join('\n')};

/** The envelope that EventBridge adds. */
export interface EventEnvelope {
${members(envelopeOf(schemas[0] as EventJsonSchema))}
}

${schemas.map(eventTypes).join('\n\n')}

/** Any event of the poller. \`detail-type\` discriminates the union. */
export type TaskEvent = ${detailTypes.join(' | ')};
`;
}

function eventTypes({ title, description, definitions }: EventJsonSchema): string {
  return `/** Detail of a \`${title}\` event. Newer ${title === TASK_STARTED ? 'releases' : 'pollers'} may add fields. */
export interface ${title}Detail {
${members(definitions[`${title}Detail`] as JsonSchema)}
}

/** ${description} */
export interface ${title} extends EventEnvelope {
  readonly 'detail-type': '${title}';
  readonly detail: ${title}Detail;
}`;
}

function envelopeOf({ properties, required }: EventJsonSchema): Pick<JsonSchema, 'properties' | 'required'> {
  const { detail: _, 'detail-type': __, ...envelope } = properties;
  return { properties: envelope as Record<string, JsonSchema>, required };
}

function members({ properties = {}, required = [] }: Pick<JsonSchema, 'properties' | 'required'>): string {
  return Object.entries(properties)
    .map(([key, schema]) => {
      const name = /^\w+$/.test(key) ? key : `'${key}'`;
      const type = key === 'reasonCategory' ? 'ReasonCategory' : typeText(schema);
      return `  /** ${schema.description} */\n  readonly ${name}${required.includes(key) ? '' : '?'}: ${type};`;
    })
    .join('\n');
}

function typeText(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map(value => (typeof value === 'string' ? `'${value}'` : value)).join(' | ');
  if (schema.items) return `readonly ${typeText(schema.items)}[]`;
  return schema.type === 'integer' ? 'number' : schema.type;
}
