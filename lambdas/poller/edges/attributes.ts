import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';

/** What `marshall` makes of an item, without its detours for kinds of values that rows rarely have. */
export function toAttributeValues(item: Readonly<Record<string, unknown>>): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(item)) {
    if (typeof value === 'string') attributes[name] = { S: value };
    else if (typeof value === 'number' && Number.isSafeInteger(value)) attributes[name] = { N: String(value) };
    else if (typeof value === 'boolean') attributes[name] = { BOOL: value };
    else if (isSetOfTexts(value)) attributes[name] = { SS: [...value] };
    else if (value !== undefined)
      attributes[name] = marshall({ value }, { removeUndefinedValues: true }).value as AttributeValue;
  }
  return attributes;
}

const isSetOfTexts = (value: unknown): value is ReadonlySet<string> =>
  value instanceof Set && value.size > 0 && [...value].every(member => typeof member === 'string');
