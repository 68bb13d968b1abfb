/** Holds what a poller has published and recorded in a random life against what happened in it. */
import * as v from 'valibot';
import { taskEventSchema, taskStalledEventSchema } from '../../lambdas/task-event';
import type { DeliveredEvent } from '../../local/services/event-bridge';
import { DAY, MINUTE } from '../durations';
import type { Era } from './lives';
import type { Step } from './story';
import {
  isHistory,
  isStalledTruly,
  isTerminal,
  isTrue,
  type Life,
  mustBeTold,
  mustBeToldStalled,
  type Told,
  toldInVain,
} from './world';

const LOOK_BACK = 5 * MINUTE;

export interface Evidence {
  readonly lives: ReadonlyMap<string, Life>;
  readonly undated: ReadonlySet<string>;
  readonly eras: readonly Era[];
  /** Runs that nothing disturbed. */
  readonly blameless: ReadonlySet<string>;
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

export function judge(evidence: Evidence) {
  const { lives, undated, eras, blameless, withoutRows, drift, steps, slackMs, checkpoint, items } = evidence;
  const era = eras.at(-1) as Era;
  if (era.emitSince === undefined) throw new Error('No poll has begun');
  // It is fixed once, unless an earlier one is configured later on.
  const configured = Date.parse(checkpoint.emitSince as string);
  none('emitSince is never raised', configured <= era.emitSince ? [] : [configured]);
  // An earlier moment that is asked for later on is one for what is listed by then, passes the filters, and was not
  // covered by what was asked for before. A later one silences what it leaves out.
  const { askedFor } = era;
  const sinceAtFirst = Math.max(era.emitSince, ...askedFor.map(({ since }) => since));
  const ranges = askedFor.flatMap(({ since, at }, index) => {
    const before = Math.min(era.emitSince as number, ...askedFor.slice(0, index).map(earlier => earlier.since));
    const from = Math.max(since, ...askedFor.slice(index).map(later => later.since));
    return !era.filteredSince && since >= configured && from < before ? [{ from, before, at }] : [];
  });
  const sinceOf = ({ phases, startTimeMs }: Life) => {
    const listedAt = phases[0]?.since ?? Number.POSITIVE_INFINITY;
    // That it ended otherwise later on, no sweep would show.
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
      // A clock that was put back makes it earlier, and before it is fixed it is what the lease has.
      const fixed = evidence.clockWasSet || emitSince === undefined ? earliest : emitSince;
      const earlier = askedFor.filter(({ from, since: asked }) => from <= at && asked < fixed);
      // Where it lies among dated ones doesn't tell whether an undated task started since then or before.
      // What the table takes no row of is forgotten, and without a start time nothing else tells how old it is.
      const nobodyKnows = undated.has(detail.taskId as string) && (earlier.length > 0 || withoutRows.size > 0);
      const until = nobodyKnows
        ? Number.NEGATIVE_INFINITY
        : Math.min(fixed, ...earlier.map(({ since: asked }) => asked));
      return [`${detail.runId} ${detail.eventId}`, until];
    }),
  );
  const ofType = (isStalled: boolean) =>
    whole.filter(({ event }) => (event['detail-type'] === 'TaskStalled') === isStalled);
  const events = ofType(false).map(one => ({ ...one, detail: v.parse(taskEventSchema, one.event.detail) as Told }));
  const stalled = ofType(true).map(one => ({ ...one, detail: v.parse(taskStalledEventSchema, one.event.detail) }));
  const all = [...events, ...stalled];
  const told = new Set(events.map(({ detail: { taskId, taskStatus } }) => `${taskId} ${taskStatus}`));

  const lost = [...lives].flatMap(([taskId, life]) => {
    const status = mustBeTold(life, sinceOf(life), slackMs);
    return status === undefined || told.has(`${taskId} ${status}`) ? [] : [`${taskId} ${status}`];
  });
  none('Nothing is lost', lost);
  const invented = events.flatMap(({ detail }) => {
    const life = lives.get(detail.taskId);
    const until = historyUntil.get(`${detail.runId} ${detail.eventId}`) as number;
    const isFine = life !== undefined && isTrue(detail, life, slackMs) && !isHistory(life, until, slackMs);
    return isFine ? [] : [detail];
  });
  const isUndated = ({ taskId }: Told) => undated.has(taskId);
  none(
    'Nothing is invented',
    invented.filter(event => !isUndated(event)),
  );
  // Of a few at the top of the list, with hardly a start time above them, nothing tells that they are old.
  none('History without start times stays untold', invented.filter(isUndated).slice(2 * eras.length));
  sameIds(events, told.size);

  const toldToStall = new Set(stalled.map(({ detail: { taskId } }) => taskId));
  const tellSince = Date.parse(checkpoint.tellStalledSince as string);
  const stallsUntold = [...lives].filter(
    ([taskId, life]) => mustBeToldStalled(life, sinceAtFirst, tellSince, slackMs) && !toldToStall.has(taskId),
  );
  none('No task stalls untold', stallsUntold);
  none(
    'What is told to stall does',
    stalled.filter(
      ({ detail, era: { earliest } }) => !isStalledTruly(detail, lives.get(detail.taskId) as Life, earliest, slackMs),
    ),
  );
  sameIds(stalled, toldToStall.size);

  // A table that takes no rows has an event told in vain once, and not in each poll; whole audits forget that it did.
  const audits = steps.reduce((sum, each) => sum + (each.do === 'poll' && each.mode === 'audit' ? each.times : 0), 0);
  const inVain = new Map<string, number>();
  for (const {
    detail: { eventId, runId },
  } of all)
    if (withoutRows.has(runId)) inVain.set(eventId, (inVain.get(eventId) ?? 0) + 1);
  none(
    'A table that takes no rows has no event told in each poll',
    [...inVain].filter(([, times]) => times > eras.length + audits),
  );

  // That a task stalled is known as long as its row lives. One that ends, loses its row and runs again may stall anew.
  const isAnew = ({ eventId, detectedBefore }: { eventId: string; detectedBefore: string }) =>
    stalled.some(({ detail: first }) => {
      const later = Date.parse(detectedBefore) - Date.parse(first.detectedBefore);
      return first.eventId === eventId && later > 90 * DAY;
    });
  for (const one of eras) {
    const inTime = all.filter(event => event.era === one && !isAnew(event.detail)).map(({ detail }) => detail);
    const culprits = [...toldInVain(inTime)].filter(([runId, ids]) => blameless.has(runId) || ids.size > 10);
    none('Nothing is told twice but after a mishap, and then at most one batch', culprits);
  }
  const once = new Set<string>();
  const twiceInARun = all.filter(({ detail: { runId, eventId } }) => {
    const isSecond = blameless.has(runId) && once.has(`${runId} ${eventId}`);
    once.add(`${runId} ${eventId}`);
    return isSecond;
  });
  none('No run tells anything twice', twiceInARun);

  const late = steps.flatMap(each => (each.do === 'start' && each.ago > LOOK_BACK ? [each.count] : []));
  // An event whose row was refused waits for an audit to try again.
  const isDue = withoutRows.size > 0 || drift <= late.reduce((sum, count) => sum + count, 0);
  none('Drift is what was listed late', isDue ? [] : [drift]);

  const { leaseExpiresAtMs, gaps, initialised } = checkpoint;
  const isAtRest = leaseExpiresAtMs === 0 && (gaps as unknown[]).length === 0 && initialised === true;
  none('The poller is at rest', isAtRest ? [] : [checkpoint]);
  const restless = items.flatMap(({ item, unsettledSource }) => {
    const life = lives.get(String(item).slice('TASK#'.length));
    return unsettledSource && life?.isListed && isTerminal(life.phases.at(-1)?.status ?? '') ? [item] : [];
  });
  none('No task that has ended is watched', restless);
  return { events: events.length, stalled: stalled.length, repeats: all.length - told.size - toldToStall.size };
}

/** Jest's own expectations cost more than a poll does. */
function none(rule: string, broken: readonly unknown[]): void {
  if (broken.length > 0) throw new Error(`${rule}: ${JSON.stringify(broken.slice(0, 10), null, 1)}`);
}

const sameIds = (events: readonly { detail: { eventId: string } }[], outcomes: number) =>
  none(
    'An outcome has one id',
    new Set(events.map(({ detail }) => detail.eventId)).size === outcomes ? [] : [outcomes],
  );
