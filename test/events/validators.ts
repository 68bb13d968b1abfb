/** The published JSON Schemas in a validator that is independent of our code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv-draft-04';
import addFormats from 'ajv-formats';

export const schemaFile = (name: string) => join(__dirname, '..', '..', 'docs', 'schemas', `${name}.json`);
export const schemaOf = (name: string) => JSON.parse(readFileSync(schemaFile(name), 'utf8'));

export function newValidator() {
  const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false });
  // Ajv refuses unknown keywords. Other validators ignore them.
  ajv.addVocabulary(['x-amazon-events-detail-type', 'x-amazon-events-source']);
  return addFormats(ajv as never) as unknown as Ajv;
}

const ajv = newValidator();
const validators = new Map<string, ReturnType<typeof ajv.compile>>();

/** Whether the schema of this detail type accepts the event. */
export function schemaAllows(event: object): boolean {
  const name = String((event as Record<string, unknown>)['detail-type']);
  if (!['TaskCompleted', 'TaskFailed', 'TaskStalled'].includes(name)) return false;
  const validate = validators.get(name) ?? ajv.compile(schemaOf(name));
  validators.set(name, validate);
  return validate(event) === true;
}
