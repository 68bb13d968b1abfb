/** What is published, the JSON Schemas in Draft 4 and the parser say the same. */
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
  expect(ajv.validateSchema({ ...schemaOf(name), required: [] })).toBe(false); // it is Draft 4 that is asked
});

test.each(detailTypes)('%s has every field of the event, open to more', name => {
  const { properties, required, definitions } = schemaOf(name);
  const { detail, ...envelope } = eventSchemas[name].entries;
  expect(Object.keys(properties).sort()).toEqual([...Object.keys(envelope), 'detail'].sort());
  expect(properties.detail).toEqual({ $ref: `#/definitions/${name}Detail` });
  expect(Object.keys(definitions[`${name}Detail`].properties)).toEqual(Object.keys(detail.entries));
  // As EventBridge's own schemas have it: what is always there.
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

test('whatever the poller may publish, both accept it, and the parser leaves it as it is', () => {
  fc.assert(
    fc.property(anyEvent, event => {
      expect(verdicts(event)).toEqual({ parser: true, schema: true });
      const before = structuredClone(event);
      expect(parseTaskEvent(event)).toEqual(before);
    }),
    { numRuns: 200 },
  );
});

test('with fields that are added later, both accept it', () => {
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

/** Wrong for some fields and right for others; which, the two have to agree on. */
const strangeValue = fc.oneof(
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

test('with a field removed or changed to anything, both say the same', () => {
  let [accepted, refused] = [0, 0];
  fc.assert(
    fc.property(anyEvent, fc.nat(), fc.option(strangeValue, { nil: undefined }), (event, which, value) => {
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
  // Otherwise nothing was compared.
  expect(Math.min(accepted, refused)).toBeGreaterThan(100);
});

describe('off the bus', () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await openTestStack({ taskStalledEvents: true });
  });
  afterAll(() => stack.close());

  test('every event that polls put there is one of the three, for both', async () => {
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
