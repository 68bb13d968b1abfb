/**
 * The fault matrix: one row for each thing that may go wrong. A row causes its fault and asserts what is special about
 * it; then the fault is healed, and all rows end alike: exactly what had to be published is, and nothing more comes.
 */
import * as v from 'valibot';
import { taskEventSchema } from '../../../lambdas/task-event';
import type { Call, Fault, Intercept } from '../../../local/services/service';
import type { Task } from '../../../local/services/task-store';
import { HOUR, MINUTE } from '../../durations';
import { type EngineStack, openEngineStack } from '../../engine-stack';
import { openTestStack } from '../test-stack';

export interface Row {
  /** What differs from the defaults. */
  readonly settings?: Record<string, unknown>;
  /** Most events that may be published again, with the id they had; none unless told. */
  readonly repeats?: number;
  /** What only a process, a deadline or the SDK can show; `play` then gets a `TestStack`. */
  readonly over?: 'HTTP' | undefined;
  /** Over HTTP: the poller's own pauses take their time; otherwise they take none. */
  readonly pauses?: true;
  /** @returns `taskId status` of everything that must be published in the end */
  play(stack: EngineStack): Promise<string[]>;
}

/** Whether a fault takes time: then only a real deadline ends it. */
export const takesTime = ({ how }: Fault) => how === 'hang' || (typeof how === 'object' && 'delayMs' in how);

export function faultMatrix(rows: Record<string, Row>): void {
  for (const [name, row] of Object.entries(rows)) {
    const { settings, repeats = 0, over, pauses } = row;
    test(name, async () => {
      const stack = over === 'HTTP' ? await openTestStack(settings, !pauses) : await openEngineStack(settings);
      try {
        const expected = await row.play(stack);
        heal(stack);
        await endsWell(stack, expected.sort(), repeats);
      } finally {
        await stack.close();
      }
    }, 180_000);
  }
}

function heal(stack: EngineStack): void {
  for (const service of [stack.partnerCentral, stack.dynamoDb, stack.eventBridge]) service.intercept = undefined;
  stack.partnerCentral.tamper = undefined;
  stack.partnerCentral.limit = undefined;
  stack.eventBridge.entryFault = undefined;
}

/** Later than any lease and any pause that a row leaves behind. */
const later = { clockOffsetMs: 2 * HOUR };
const evenLater = { clockOffsetMs: 3 * HOUR };

async function endsWell(stack: EngineStack, expected: readonly string[], repeats: number): Promise<void> {
  await stack.runUntilQuiet(30, later);
  const published = stack.published();
  expect([...new Set(published)]).toEqual(expected);
  expect(published.length - expected.length).toBeLessThanOrEqual(repeats);
  const details = stack.eventBridge.events.map(({ detail }) => detail);
  expect(new Set(details.map(({ eventId }) => eventId)).size).toBe(expected.length);
  expect(details.filter(detail => !keepsContract(detail))).toEqual([]);
  expect(await stack.checkpoint()).toMatchObject({ leaseExpiresAtMs: 0, gaps: [] });

  const runs = [await stack.run('poll', evenLater), await stack.run('audit', evenLater)];
  while (runs.at(-1)?.gaps && runs.length < 30) runs.push(await stack.run('poll', evenLater));
  expect(runs.filter(run => run.published + run.rejected + run.drift > 0)).toEqual([]);
  const { auditRequestedAt, auditedAt, ...checkpoint } = (await stack.checkpoint()) as Record<string, unknown>;
  expect(Date.parse(String(auditedAt))).toBeGreaterThanOrEqual(Date.parse(String(auditRequestedAt)));
  expect(checkpoint).toMatchObject({ leaseExpiresAtMs: 0, gaps: [] });
}

const contract = v.strictObject(taskEventSchema.entries);
const keepsContract = (detail: Record<string, unknown>) =>
  v.is(contract, detail) && (detail.detectedAfter === undefined || detail.detectedAfter <= detail.detectedBefore);

export const anHourAgo = { clockOffsetMs: -HOUR };

/**
 * Tasks that ended since a first run an hour ago. They are new to the next head and too old for those after it to look
 * back at: what a run loses of them, only the audit finds, and that would be drift.
 */
export async function endedSinceFirstRun(stack: EngineStack, count: number, more: Partial<Task> = {}) {
  await stack.run('poll', anHourAgo);
  return stack.addEnded(count, at => ({ startTimeMs: Date.now() - 10 * MINUTE - at * 1_000, ...more }));
}

export const always = (fault: Fault) => () => fault;

/** Fails a share of all calls: the same ones each time the test runs. */
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

/** Holds the first call that matches until it is let go. */
export function holdFirst(
  service: { intercept?: Intercept | undefined },
  matches: (call: Call) => boolean = () => true,
) {
  let letGo: () => void = () => undefined;
  const released = new Promise<undefined>(resolve => {
    letGo = () => resolve(undefined);
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
  return { arrived, letGo };
}
