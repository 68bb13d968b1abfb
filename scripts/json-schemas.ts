/**
 * The events as JSON Schemas in Draft 4, the only draft that EventBridge's schema registry supports. Like the registry's own
 * schemas, each describes the whole event, with source and detail type at the top.
 */
import { toJsonSchema } from '@valibot/to-json-schema';
import { eventSchemas, taskStartedEvent } from '../events/event-schemas';
import {
  DEFAULT_EVENT_SOURCE,
  DEFAULT_STARTER_SOURCE,
  TASK_STARTED,
  type TaskDetailType,
} from '../lambdas/event-names';

/** The subset of Draft 4 that our schemas use. */
export interface JsonSchema {
  readonly description?: string;
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly enum?: readonly (string | boolean)[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly format?: string;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** Consumers must accept fields that are added later, so additional properties are allowed. */
export interface EventJsonSchema {
  readonly $schema: string;
  readonly title: string;
  readonly description: string;
  readonly 'x-amazon-events-detail-type': string;
  readonly 'x-amazon-events-source': string;
  readonly type: 'object';
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, JsonSchema | { readonly $ref: string }>>;
  readonly definitions: Readonly<Record<string, JsonSchema>>;
}

/** Events of the poller. */
export const detailTypes = Object.keys(eventSchemas) as TaskDetailType[];

/** Also the event that others publish for the poller. */
export const allDetailTypes = [...detailTypes, TASK_STARTED] as const;

const allSchemas = { ...eventSchemas, [TASK_STARTED]: taskStartedEvent };

export function eventJsonSchema(detailType: (typeof allDetailTypes)[number]): EventJsonSchema {
  const { $schema: _, ...draft07 } = toJsonSchema(allSchemas[detailType], { target: 'draft-07' });
  const { type: __, description = '', required = [], properties = {} } = toDraft04(draft07, detailType);
  const { detail, ...envelope } = properties;
  const definition = `${detailType}Detail`;
  return {
    $schema: 'http://json-schema.org/draft-04/schema#',
    title: detailType,
    description,
    'x-amazon-events-detail-type': detailType,
    'x-amazon-events-source': detailType === TASK_STARTED ? DEFAULT_STARTER_SOURCE : DEFAULT_EVENT_SOURCE,
    type: 'object',
    required,
    properties: { ...envelope, detail: { $ref: `#/definitions/${definition}` } },
    definitions: { [definition]: detail as JsonSchema },
  };
}

const asTheyAre = ['description', 'type', 'enum', 'pattern', 'minLength', 'format', 'required'];

/** @throws Error naming a keyword that Draft 4 may not support */
export function toDraft04(draft07: object, place: string): JsonSchema {
  return Object.fromEntries(
    Object.entries(draft07).flatMap(([keyword, value]) => {
      if (asTheyAre.includes(keyword)) return [[keyword, value]];
      if (keyword === 'const')
        return [
          ['type', typeof value],
          ['enum', [value]],
        ];
      if (keyword === 'items') return [[keyword, toDraft04(value, `${place}[]`)]];
      if (keyword === 'properties') {
        const inner = Object.entries<object>(value).map(([key, one]) => [key, toDraft04(one, `${place}.${key}`)]);
        return [[keyword, Object.fromEntries(inner)]];
      }
      throw new Error(
        `${place}: no rule how to say ${keyword} in JSON Schema Draft 4; allowed: ${asTheyAre.join(', ')}`,
      );
    }),
  ) as unknown as JsonSchema;
}
