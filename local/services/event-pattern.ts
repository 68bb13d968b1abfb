/**
 * The subset of EventBridge's event patterns that the stack's rules use. Throws for any other operator, so that a rule
 * never appears to work through an unsupported one.
 */

import { isObject } from './service';

type Scalar = string | number | boolean | null;
type Test = (values: Scalar[]) => boolean;

/** @throws Error naming the place of an invalid or unsupported part of the pattern */
export function matches(pattern: object, event: object): boolean {
  return compile(pattern, '')(event);
}

/** Parses the whole pattern before any event, so that an early mismatch never hides an unknown operator. */
function compile(pattern: unknown, path: string): (value: unknown) => boolean {
  if (!isObject(pattern)) throw new Error(`${path || 'The pattern'} must be an object or a list of values.`);
  const entries = Object.entries(pattern);
  if (entries.length === 0) throw new Error(`${path || 'The pattern'} is empty.`);
  const fields = entries.map(([key, expected]) => {
    const place = path ? `${path}.${key}` : key;
    if (key === '$or') return anyOf(expected, path, place);
    if (key.startsWith('$')) throw new Error(`${place}: ${key} is not known here.`);
    const fits = Array.isArray(expected) ? leaf(expected, place) : compile(expected, place);
    return (value: Record<string, unknown>) => fits(value[key]);
  });
  // A list of objects matches if one element matches as a whole.
  return value =>
    Array.isArray(value)
      ? value.some(item => isObject(item) && fields.every(fits => fits(item)))
      : fields.every(fits => fits(isObject(value) ? value : {})); // `exists: false` also matches below an absent object
}

/** `$or` within an object. With fewer than two alternatives, EventBridge would read it as a field name. */
function anyOf(expected: unknown, path: string, place: string): (value: Record<string, unknown>) => boolean {
  if (!Array.isArray(expected) || expected.length < 2)
    throw new Error(`${place} must be a list of two patterns or more.`);
  const alternatives = expected.map(alternative => compile(alternative, path));
  return value => alternatives.some(fits => fits(value));
}

function leaf(expected: unknown[], place: string): (value: unknown) => boolean {
  if (expected.length === 0) throw new Error(`${place}: an empty list matches nothing.`);
  const tests = expected.map(item => operator(item, place));
  return value => {
    const values = value === undefined ? [] : [value].flat();
    if (values.some(item => typeof item === 'object' && item !== null)) return false; // only leaf values are compared
    return tests.some(test => test(values as Scalar[]));
  };
}

function operator(item: unknown, place: string): Test {
  if (isScalar(item)) return values => values.includes(item);
  if (!isObject(item) || Object.keys(item).length !== 1)
    throw new Error(`${place}: ${JSON.stringify(item)} is neither a value nor one operator.`);
  const [[name, argument]] = Object.entries(item) as [[string, unknown]];
  if (name === 'exists' && typeof argument === 'boolean') return values => values.length > 0 === argument;
  if (name === 'prefix' && typeof argument === 'string') return values => values.some(startsWith(argument));
  if (name === 'anything-but') {
    if (isObject(argument) && Object.keys(argument).length === 1 && typeof argument.prefix === 'string') {
      const isExcluded = startsWith(argument.prefix);
      return values => values.some(value => !isExcluded(value));
    }
    const excluded = [argument].flat();
    if (excluded.length > 0 && excluded.every(isScalar))
      return values => values.some(value => !excluded.includes(value));
  }
  throw new Error(`${place}: operator ${JSON.stringify(item)} is not known here.`);
}

const startsWith = (prefix: string) => (value: Scalar) => typeof value === 'string' && value.startsWith(prefix);

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
