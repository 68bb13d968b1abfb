/** Compares the events and rows of a random life with the model. */
import * as v from 'valibot';
import { taskEventSchema, taskStalledEventSchema } from '../../lambdas/task-event';
import type { DeliveredEvent } from '../../local/services/event-bridge';
import { DAY, MINUTE } from '../durations';
import type { Era } from './lives';
import {
  isHistory,
  isStallTrue,
  isTerminal,
  isTrue,
  type Life,
  mustReportStall,
  type PublishedOutcome,
  requiredOutcome,
  unrecordedEvents,
} from './model';
import type { Step } from './scenario';

const LOOK_BACK = 5 * MINUTE;

export interface Evidence {
  readonly lives: ReadonlyMap<string, Life>;
  readonly undated: ReadonlySet<string>;
  readonly eras: readonly Era[];
  /** Runs without a disturbance. */
  readonly undisturbedRuns: ReadonlySet<string>;
  /** Runs whose rows the table refused. */
  readonly withoutRows: ReadonlySet<string>;
  readonly drift: number;
  readonly steps: readonly Step[];
  readonly slackMs: number;
  readonly clockWasSet: boolean;
  readonly events: readonly DeliveredEvent[];
  readonly checkpoint: Record<string, unknown>;
  readonly items: readonly Record<string, unknown>[];
}

export function verify(evidence: Evidence) {
  const { lives, undated, eras, undisturbedRuns, withoutRows, drift, steps, slackMs, checkpoint, items } = evidence;
  const era = eras.at(-1) as Era;
  if (era.emitSince === undefined) throw new Error('No poll has begun');
  // It is set once, and only an earlier configured moment changes it.
  const configured = Date.parse(checkpoint.emitSince as string);
  none('emitSince is never raised', configured <= era.emitSince ? [] : [configured]);
  // A configured earlier moment applies to tasks that are listed by then, pass the filters, and were not covered before.
  // A later one excludes what it leaves out.
  const { askedFor } = era;
  const sinceAtFirst = Math.max(era.emitSince, ...askedFor.map(({ since }) => since));
  const ranges = askedFor.flatMap(({ since, at }, index) => {
    const before = Math.min(era.emitSince as number, ...askedFor.slice(0, index).map(earlier => earlier.since));
    const from = Math.max(since, ...askedFor.slice(index).map(later => later.since));
    return !era.filteredSince && since >= configured && from < before ? [{ from, before, at }] : [];
  });
  const sinceOf = ({ phases, startTimeMs }: Life) => {
    const listedAt = phases[0]?.since ?? Number.POSITIVE_INFINITY;
    // No sweep shows that a task has ended a second time.
    const endedOnce = phases.filter(({ status }) => isTerminal(status)).length === 1;
    const isMeant = ({ from, before, at }: (typeof ranges)[number]) =>
      endedOnce && listedAt <= at && startTimeMs >= from && startTimeMs < before - slackMs;
    return ranges.find(isMeant)?.from ?? sinceAtFirst;
  };

  const whole = evidence.events
    .map((event, at) => ({ event, at, era: eras.findLast(one => one.firstEvent <= at) as Era }))
    .filter(({ event }) => event.detail.catalog === 'Sandbox');
  const historyUntil = new Map(
    whole.map(({ event: { detail }, at, era: { emitSince, earliest, askedFor } }) => {
      // A clock that is set back makes it earlier. Until it is set, the lease's value counts.
      const fixed = evidence.clockWasSet || emitSince === undefined ? earliest : emitSince;
      const earlier = askedFor.filter(({ from, since: asked }) => from <= at && asked < fixed);
      // The position among dated tasks doesn't tell when an undated task started. A task whose row was refused is forgotten,
      // and without a start time its age is unknown.
      const isUnknown = undated.has(detail.taskId as string) && (earlier.length > 0 || withoutRows.size > 0);
      const until = isUnknown ? Number.NEGATIVE_INFINITY : Math.min(fixed, ...earlier.map(({ since: asked }) => asked));
      return [`${detail.runId} ${detail.eventId}`, until];
    }),
  );
  const ofType = (isStalled: boolean) =>
    whole.filter(({ event }) => (event['detail-type'] === 'TaskStalled') === isStalled);
  const events = ofType(false).map(one => ({
    ...one,
    detail: v.parse(taskEventSchema, one.event.detail) as PublishedOutcome,
  }));
  const stalled = ofType(true).map(one => ({ ...one, detail: v.parse(taskStalledEventSchema, one.event.detail) }));
  const all = [...events, ...stalled];
  const published = new Set(events.map(({ detail: { taskId, taskStatus } }) => `${taskId} ${taskStatus}`));

  const lost = [...lives].flatMap(([taskId, life]) => {
    const status = requiredOutcome(life, sinceOf(life), slackMs);
    return status === undefined || published.has(`${taskId} ${status}`) ? [] : [`${taskId} ${status}`];
  });
  none('Nothing is lost', lost);
  const invented = events.flatMap(({ detail }) => {
    const life = lives.get(detail.taskId);
    const until = historyUntil.get(`${detail.runId} ${detail.eventId}`) as number;
    const isFine = life !== undefined && isTrue(detail, life, slackMs) && !isHistory(life, until, slackMs);
    return isFine ? [] : [detail];
  });
  const isUndated = ({ taskId }: PublishedOutcome) => undated.has(taskId);
  none(
    'Nothing is invented',
    invented.filter(event => !isUndated(event)),
  );
  // With few start times at the top of the list, the poller can't tell that undated tasks are old.
  none('History without start times is not published', invented.filter(isUndated).slice(2 * eras.length));
  sameIds(events, published.size);

  const reportedStalls = new Set(stalled.map(({ detail: { taskId } }) => taskId));
  const reportSince = Date.parse(checkpoint.tellStalledSince as string);
  const unreportedStalls = [...lives].filter(
    ([taskId, life]) => mustReportStall(life, sinceAtFirst, reportSince, slackMs) && !reportedStalls.has(taskId),
  );
  none('Every stall is published', unreportedStalls);
  none(
    'Every published stall is true',
    stalled.filter(
      ({ detail, era: { earliest } }) => !isStallTrue(detail, lives.get(detail.taskId) as Life, earliest, slackMs),
    ),
  );
  sameIds(stalled, reportedStalls.size);

  // While the table refuses rows, an event may be repeated once, and once more after each whole audit.
  const audits = steps.reduce((sum, each) => sum + (each.do === 'poll' && each.mode === 'audit' ? each.times : 0), 0);
  const unrecorded = new Map<string, number>();
  for (const {
    detail: { eventId, runId },
  } of all)
    if (withoutRows.has(runId)) unrecorded.set(eventId, (unrecorded.get(eventId) ?? 0) + 1);
  none(
    'While the table refuses rows, no event is repeated in each poll',
    [...unrecorded].filter(([, times]) => times > eras.length + audits),
  );

  // A stall is known as long as its row exists. If the task ends, loses its row and runs again, it may stall again.
  const isNewStall = ({ eventId, detectedBefore }: { eventId: string; detectedBefore: string }) =>
    stalled.some(({ detail: first }) => {
      const later = Date.parse(detectedBefore) - Date.parse(first.detectedBefore);
      return first.eventId === eventId && later > 90 * DAY;
    });
  for (const one of eras) {
    const inTime = all.filter(event => event.era === one && !isNewStall(event.detail)).map(({ detail }) => detail);
    const violations = [...unrecordedEvents(inTime)].filter(
      ([runId, ids]) => undisturbedRuns.has(runId) || ids.size > 10,
    );
    none('Events are repeated only after a fault, at most one batch', violations);
  }
  const once = new Set<string>();
  const repeatsInRun = all.filter(({ detail: { runId, eventId } }) => {
    const isSecond = undisturbedRuns.has(runId) && once.has(`${runId} ${eventId}`);
    once.add(`${runId} ${eventId}`);
    return isSecond;
  });
  none('No run publishes an event twice', repeatsInRun);

  const late = steps.flatMap(each => (each.do === 'start' && each.ago > LOOK_BACK ? [each.count] : []));
  // An event with a refused row is retried after an audit.
  const isDue = withoutRows.size > 0 || drift <= late.reduce((sum, count) => sum + count, 0);
  none('Drift contains only tasks that were listed late', isDue ? [] : [drift]);

  const { leaseExpiresAtMs, gaps, initialised } = checkpoint;
  const isIdle = leaseExpiresAtMs === 0 && (gaps as unknown[]).length === 0 && initialised === true;
  none('The poller is idle', isIdle ? [] : [checkpoint]);
  const stillWatched = items.flatMap(({ item, unsettledSource }) => {
    const life = lives.get(String(item).slice('TASK#'.length));
    return unsettledSource && life?.isListed && isTerminal(life.phases.at(-1)?.status ?? '') ? [item] : [];
  });
  none('No ended task is watched', stillWatched);
  return { events: events.length, stalled: stalled.length, repeats: all.length - published.size - reportedStalls.size };
}

/** Jest's expectations take longer than a poll. */
function none(rule: string, broken: readonly unknown[]): void {
  if (broken.length > 0) throw new Error(`${rule}: ${JSON.stringify(broken.slice(0, 10), null, 1)}`);
}

const sameIds = (events: readonly { detail: { eventId: string } }[], outcomes: number) =>
  none(
    'An outcome has one id',
    new Set(events.map(({ detail }) => detail.eventId)).size === outcomes ? [] : [outcomes],
  );
