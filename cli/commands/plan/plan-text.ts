/** A plan as people read it. */
import type { Settings } from '../../../lambdas/poller/settings';
import { counted } from '../../lib/words';
import type { NotPlanned, Plan, PlannedEvent } from './plan';

/** Enough to recognise what kind it is; --json has all. */
const MOST_SHOWN = 20;

export function planInText(source: string, settings: Settings, plan: Plan): string[] {
  const { events, backlog, run, leaseHeldUntil } = plan;
  const would = settings.shadow ? 'would log, but not publish, for shadow is on,' : 'would publish';
  return [
    `${source} at ${plan.plannedAt}. Nothing was changed.`,
    ...(leaseHeldUntil === undefined
      ? []
      : [
          `Another poll is at work just now (until ${leaseHeldUntil} at the latest): it may publish some of this first.`,
        ]),
    ...(plan.firstPoll
      ? ['No poll has run yet. The first one learns what is running; what ended before it is history.']
      : []),
    '',
    `${plan.endedEarly ? 'As far as this got, the next poll' : 'The next poll'} ${would} ${events.length === 0 ? 'nothing.' : `${counted(events.length, 'event')}:`}`,
    ...events.flatMap(eventLines),
    ...notPublishedLines(plan.notPublished),
    '',
    ...(plan.endedEarly ? [] : [runningLine(plan, settings), backlogLine(backlog)]),
    ...(run.drift > 0
      ? [`Of the events, ${run.drift} would be drift: finished tasks that the polls had overlooked.`]
      : []),
    ...wholeness(plan, plan.run.outcome === 'partial', 'the one after it goes on'),
  ];
}

export function endedInText(source: string, since: string, plan: Plan): string[] {
  const { events, run } = plan;
  const failed = run.failed > 0 ? `, ${run.failed.toLocaleString('en-US')} of them failed` : '';
  const running = run.unsettled
    ? ` ${counted(run.unsettled, 'task')} ${run.unsettled === 1 ? 'is' : 'are'} running.`
    : '';
  return [
    `${source}: of the tasks that started since ${since}, ${counted(events.length, 'has', 'have')} ended${failed}.${running}`,
    ...events.flatMap(({ detailType, event }) => [
      headline(detailType, event),
      ...(event.startTime === undefined ? [] : [`                 started ${event.startTime}`]),
    ]),
    ...wholeness(plan, plan.run.outcome === 'partial' || plan.backlog.length > 0, 'choose a later --since'),
  ];
}

const backlogLine = (backlog: readonly string[]) =>
  backlog.length === 0
    ? 'After it, no backlog would be left.'
    : `After it, ${counted(backlog.length, 'part')} of the list would still be to sweep: ${backlog.join('; ')}.`;

/** Where it is not all: a failure, or what a run may use. */
function wholeness({ endedEarly }: Plan, isCut: boolean, next: string): string[] {
  if (endedEarly) return ['This is not all: something failed on the way, see above. Try again.'];
  return isCut ? [`This is not all: one poll has only so much time, List calls and events; ${next}.`] : [];
}

const eventLines = ({ detailType, event, because }: PlannedEvent) => [
  headline(detailType, event),
  `                 ${because}`,
];

const headline = (detailType: string, event: PlannedEvent['event']) =>
  [`  ${detailType.padEnd(13)}`, event.taskId, 'reasonCode' in event ? event.reasonCode : '']
    .filter(Boolean)
    .join('  ');

function notPublishedLines(tasks: readonly NotPlanned[]): string[] {
  if (tasks.length === 0) return [];
  const more = tasks.length - MOST_SHOWN;
  return [
    '',
    'It would not publish:',
    ...tasks
      .slice(0, MOST_SHOWN)
      .flatMap(({ taskId, taskStatus, because }) => [
        `  ${taskStatus.padEnd(13)}  ${taskId}`,
        `                 ${because}`,
      ]),
    ...(more > 0 ? [`  … and ${more.toLocaleString('en-US')} more; --json has all.`] : []),
  ];
}

function runningLine({ run }: Plan, { stalledAfterMinutes }: Settings): string {
  if (run.unsettled === undefined) return 'It would not get as far as the running tasks.';
  const stalled = run.stalled
    ? `, ${run.stalled} of them for longer than ${counted(stalledAfterMinutes, 'minute')}`
    : '';
  return `It would go on watching ${counted(run.unsettled, 'task')}${stalled}.`;
}
