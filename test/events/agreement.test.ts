/** Published events, the JSON Schemas (Draft 4) and the parser agree. */
import fc from 'fast-check';
import { NotATaskEvent, parseTaskEvent } from 'partner-central-task-poller/events';
import { eventSchemas } from '../../events/event-schemas';
import { detailTypes } from '../../scripts/json-schemas';
import { HOUR, MINUTE } from '../durations';
import { errorAnswer } from '../faults';
import { openTestStack, type TestStack } from '../integration/test-stack';
import { anyEvent } from './samples';
import { newValidator, schemaAllows, schemaOf } from './validators';

test.each(detailTypes)('%s is valid JSON Schema, Draft 4', name => {
  const ajv = newValidator();
  expect(ajv.validateSchema(schemaOf(name))).toBe(true);
  expect(schemaOf(name).$schema).toBe('http://json-schema.org/draft-04/schema#');
  expect(ajv.validateSchema({ ...schemaOf(name), required: [] })).toBe(false); // invalid in Draft 4
});

test.each(detailTypes)('%s has every field of the event and allows more', name => {
  const { properties, required, definitions } = schemaOf(name);
  const { detail, ...envelope } = eventSchemas[name].entries;
  expect(Object.keys(properties).sort()).toEqual([...Object.keys(envelope), 'detail'].sort());
  expect(properties.detail).toEqual({ $ref: `#/definitions/${name}Detail` });
  expect(Object.keys(definitions[`${name}Detail`].properties)).toEqual(Object.keys(detail.entries));
  // Like EventBridge's own schemas: the fields that are always present.
  const always = ['account', 'detail', 'detail-type', 'id', 'region', 'resources', 'source', 'time', 'version'];
  expect([...required].sort()).toEqual(always);
  expect(JSON.stringify(schemaOf(name))).not.toContain('additionalProperties');
});

const parserAllows = (event: unknown) => {
  try {
    parseTaskEvent(event);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(NotATaskEvent);
    expect((error as NotATaskEvent).problems.length).toBeGreaterThan(0);
    return false;
  }
};
const verdicts = (event: object) => ({ parser: parserAllows(event), schema: schemaAllows(event) });

test('both accept every event of the poller, and the parser returns it unchanged', () => {
  fc.assert(
    fc.property(anyEvent, event => {
      expect(verdicts(event)).toEqual({ parser: true, schema: true });
      const before = structuredClone(event);
      expect(parseTaskEvent(event)).toEqual(before);
    }),
    { numRuns: 200 },
  );
});

test('both accept additional fields', () => {
  const later = fc.dictionary(
    fc.string({ minLength: 1 }).map(key => `new-${key}`),
    fc.jsonValue(),
    { minKeys: 1 },
  );
  fc.assert(
    fc.property(anyEvent, later, (event, more) => {
      const newer = { ...event, ...more, detail: { ...event.detail, ...more } };
      expect(verdicts(newer)).toEqual({ parser: true, schema: true });
      expect(parseTaskEvent(newer)).toEqual(newer);
    }),
    { numRuns: 100 },
  );
});

/** Invalid for some fields and valid for others. The two must agree. */
const invalidValue = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, 1.5, -1, '', 'x', '1', '2', [], [1], ['x'], {}, 'a'.repeat(64)),
  fc.constantFrom('COMPLETE', 'FAILED', 'IN_PROGRESS', 'TaskFailed', 'TaskCompleted', 'TaskStalled', 'access', 'other'),
  fc.constantFrom(
    '2026-11-22T18:00:00Z',
    '2026-11-22T18:00:00.123+01:00',
    '2026-11-22',
    '2026-13-22T18:00:00Z',
    'today',
  ),
);

test('both agree on an event with a removed or changed field', () => {
  let [accepted, refused] = [0, 0];
  fc.assert(
    fc.property(anyEvent, fc.nat(), fc.option(invalidValue, { nil: undefined }), (event, which, value) => {
      const changed = structuredClone(event) as unknown as Record<string, unknown> & {
        detail: Record<string, unknown>;
      };
      const fields = [...Object.keys(changed), ...Object.keys(changed.detail).map(key => `detail.${key}`)];
      const [key, inner] = (fields[which % fields.length] as string).split('.') as [string, string | undefined];
      const [holder, name] = inner ? [changed.detail, inner] : [changed, key];
      if (value === undefined) delete holder[name];
      else holder[name] = value;
      const { parser, schema } = verdicts(changed);
      expect({ parser, field: `${key}.${inner}`, value }).toEqual({ parser: schema, field: `${key}.${inner}`, value });
      if (parser) accepted += 1;
      else refused += 1;
    }),
    { numRuns: 500 },
  );
  // At least some events must have been invalid.
  expect(Math.min(accepted, refused)).toBeGreaterThan(100);
});

describe('on the bus', () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await openTestStack({ taskStalledEvents: true });
  });
  afterAll(() => stack.close());

  test('both accept every event that polls publish', async () => {
    await stack.run();
    const stalls = stack.store.add({ startTimeMs: Date.now() });
    stack.addEnded(6, at => (at % 2 === 0 ? {} : { reasonCode: at === 1 ? 'EngagementAccessDenied' : 'SomethingNew' }));
    await stack.run();
    await stack.run('poll', { clockOffsetMs: HOUR + MINUTE });
    stack.store.set(stalls.taskId, { status: 'FAILED', reasonCode: 'InternalError', message: 'é"\\'.repeat(200_000) });
    stack.eventBridge.intercept = ({ index }) => (index === 0 ? errorAnswer('InternalException', 500) : undefined);
    await stack.run('poll', { clockOffsetMs: HOUR + 2 * MINUTE });

    const { events } = stack.eventBridge;
    expect([...new Set(events.map(event => event['detail-type']))].sort()).toEqual([...detailTypes].sort());
    expect(events.filter(({ detail }) => detail.messageTruncated)).toHaveLength(1);
    for (const event of events) expect(verdicts(event)).toEqual({ parser: true, schema: true });
  });
});
