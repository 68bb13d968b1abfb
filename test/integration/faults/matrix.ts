/**
 * The fault matrix has one row for each fault. A row causes its fault and makes its own assertions. Then the fault is
 * removed, and the same final check follows: exactly the expected events are published, and no more follow.
 */
import * as v from 'valibot';
import { taskEventSchema } from '../../../lambdas/task-event';
import type { Call, Fault, Intercept } from '../../../local/services/service';
import type { Task } from '../../../local/services/task-store';
import { HOUR, MINUTE } from '../../durations';
import { type EngineStack, isOverHttp, openEngineStack } from '../../engine-stack';
import { openTestStack } from '../test-stack';

export interface Row {
  /** Overrides of the defaults. */
  readonly settings?: Record<string, unknown>;
  /** Maximum number of repeated events, with the same ids; 0 by default. */
  readonly repeats?: number;
  /** For rows that need a process, a deadline or the SDK. `play` then gets a `TestStack`. */
  readonly over?: 'HTTP' | undefined;
  /** Waits for a real timeout. `npm test` skips it, because other rows of its kind run there. */
  readonly waits?: true;
  /** Over HTTP: keeps the poller's own pauses, which are skipped otherwise. */
  readonly pauses?: true;
  /** @returns `taskId status` of everything that must be published in the end */
  play(stack: EngineStack): Promise<string[]>;
}

/** Whether the fault lasts until a real deadline. */
export const takesTime = ({ how }: Fault) => how === 'hang' || (typeof how === 'object' && 'delayMs' in how);

export function faultMatrix(rows: Record<string, Row>): void {
  for (const [name, row] of Object.entries(rows)) {
    const { settings, repeats = 0, over, pauses, waits } = row;
    if (waits && !isOverHttp) continue;
    test(name, async () => {
      const stack = over === 'HTTP' ? await openTestStack(settings, !pauses) : await openEngineStack(settings);
      try {
        const expected = await row.play(stack);
        removeFaults(stack);
        await expectFinalState(stack, expected.sort(), repeats);
      } finally {
        await stack.close();
      }
    }, 180_000);
  }
}

function removeFaults(stack: EngineStack): void {
  for (const service of [stack.partnerCentral, stack.dynamoDb, stack.eventBridge]) service.intercept = undefined;
  stack.partnerCentral.tamper = undefined;
  stack.partnerCentral.limit = undefined;
  stack.eventBridge.entryFault = undefined;
}

/** After every lease and retry pause of a row. */
const later = { clockOffsetMs: 2 * HOUR };
const muchLater = { clockOffsetMs: 3 * HOUR };

async function expectFinalState(stack: EngineStack, expected: readonly string[], repeats: number): Promise<void> {
  await stack.runUntilQuiet(30, later);
  const published = stack.published();
  expect([...new Set(published)]).toEqual(expected);
  expect(published.length - expected.length).toBeLessThanOrEqual(repeats);
  const details = stack.eventBridge.events.map(({ detail }) => detail);
  expect(new Set(details.map(({ eventId }) => eventId)).size).toBe(expected.length);
  expect(details.filter(detail => !isValidEvent(detail))).toEqual([]);
  expect(await stack.checkpoint()).toMatchObject({ leaseExpiresAtMs: 0, gaps: [] });

  const runs = [await stack.run('poll', muchLater), await stack.run('audit', muchLater)];
  while (runs.at(-1)?.gaps && runs.length < 30) runs.push(await stack.run('poll', muchLater));
  expect(runs.filter(run => run.published + run.rejected + run.drift > 0)).toEqual([]);
  const { auditRequestedAt, auditedAt, ...checkpoint } = (await stack.checkpoint()) as Record<string, unknown>;
  expect(Date.parse(String(auditedAt))).toBeGreaterThanOrEqual(Date.parse(String(auditRequestedAt)));
  expect(checkpoint).toMatchObject({ leaseExpiresAtMs: 0, gaps: [] });
}

const contract = v.strictObject(taskEventSchema.entries);
const isValidEvent = (detail: Record<string, unknown>) =>
  v.is(contract, detail) && (detail.detectedAfter === undefined || detail.detectedAfter <= detail.detectedBefore);

export const anHourAgo = { clockOffsetMs: -HOUR };

/**
 * Tasks that ended since a first run an hour ago. They are new to the next head and outside the lookback of later ones. So
 * only an audit finds tasks that a run loses, which counts as drift.
 */
export async function endedSinceFirstRun(stack: EngineStack, count: number, more: Partial<Task> = {}) {
  await stack.run('poll', anHourAgo);
  return stack.addEnded(count, at => ({ startTimeMs: Date.now() - 10 * MINUTE - at * 1_000, ...more }));
}

export const always = (fault: Fault) => () => fault;

/** Fails a share of all calls, the same ones in each test run. */
export function someCalls(share: number, fault: Fault) {
  let state = 0;
  let failed = 0;
  const intercept: Intercept = () => {
    state = (state + 0x9e3779b9) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), 0x85ebca6b) >>> 0;
    if (mixed / 2 ** 32 >= share) return undefined;
    failed += 1;
    return fault;
  };
  return { intercept, failed: () => failed };
}

/** Holds the first matching call until `release`. */
export function holdFirst(
  service: { intercept?: Intercept | undefined },
  matches: (call: Call) => boolean = () => true,
) {
  let release: () => void = () => undefined;
  const released = new Promise<undefined>(resolve => {
    release = () => resolve(undefined);
  });
  const arrived = new Promise<void>(resolve => {
    let isFirst = true;
    service.intercept = call => {
      if (!isFirst || !matches(call)) return undefined;
      isFirst = false;
      resolve();
      return released;
    };
  });
  return { arrived, release };
}
