/** Looks up the deals of a batch. Whatever goes wrong, the alert is sent: a deal then says why it has no name. */

import { sourceId } from '../source-id';
import { type Answer, type Deal, dealIn, type Question, questionOf, type UnnamedDeal } from './deals';
import { type FailedTask, groupByReason } from './failed-task';
import { plainAscii } from './text';

/** @throws the API's error, also when the role can't be assumed */
export type AskPartnerCentral = (question: Question, roleArn: string, signal: AbortSignal) => Promise<Answer>;

/** Partner Central allows ten reads a second for each account. The partner's CRM shares this quota. */
export const lookUpLimits = { questions: 20, atOnce: 4, timeoutMs: 4_000 } as const;

/** By id of the source: the role to assume, with its external id after a space; or empty text for the function's own. */
export type DealSources = Readonly<Record<string, string>>;

/**
 * Asks once for each deal of the batch, the first tasks of each reason first: those are the ones that a mail shows in
 * full.
 * @param signal ends all look-ups
 * @returns the same tasks, each with its deal
 */
export async function withDeals(
  tasks: readonly FailedTask[],
  sources: DealSources,
  ask: AskPartnerCentral,
  signal: AbortSignal,
): Promise<FailedTask[]> {
  const wanted = new Map<string, { question: Question; roleArn: string }>();
  for (const task of firstOfEachReason(tasks)) {
    const [question, roleArn] = [questionOf(task), sources[sourceOf(task)]];
    if (question && roleArn !== undefined && wanted.size < lookUpLimits.questions)
      wanted.set(keyOf(question, roleArn), { question, roleArn });
  }
  const answers = new Map<string, Answer | UnnamedDeal>();
  const waiting = [...wanted.values()];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift())
      answers.set(keyOf(next.question, next.roleArn), await answerTo(next.question, next.roleArn));
  };
  const answerTo = (question: Question, roleArn: string) =>
    unlessAborted(() => ask(question, roleArn, signal), signal).catch((error: unknown) => ({ unnamed: reason(error) }));
  await Promise.all(Array.from({ length: lookUpLimits.atOnce }, worker));
  return tasks.map(task => ({ ...task, deal: dealOf(task, sources, answers) }));
}

const sourceOf = ({ catalog, taskType, sourceName }: FailedTask) =>
  sourceId({ catalog, taskFamily: taskType, name: sourceName });

/** The same id may be a different deal in another account. */
const keyOf = (question: Question, roleArn: string) => `${question.key} ${roleArn}`;

function firstOfEachReason(tasks: readonly FailedTask[]): FailedTask[] {
  const groups = groupByReason(tasks);
  return [0, 1, 2].flatMap(at => groups.flatMap(group => group.tasks[at] ?? [])).concat(tasks);
}

function dealOf(
  task: FailedTask,
  sources: DealSources,
  answers: ReadonlyMap<string, Answer | UnnamedDeal>,
): Deal | UnnamedDeal {
  const question = questionOf(task);
  if (!question) return { unnamed: 'the event has no id to look up' };
  const roleArn = sources[sourceOf(task)];
  if (roleArn === undefined) return { unnamed: 'its source is no longer in the stack' };
  const answer = answers.get(keyOf(question, roleArn));
  if (answer === undefined) return { unnamed: `one batch looks up ${lookUpLimits.questions}` };
  return 'unnamed' in answer ? answer : dealIn(answer, task);
}

/** The name of the error and no more: its message may have ids. */
function reason(error: unknown): string {
  const { name } = (error ?? {}) as Partial<Error>;
  if (name === 'AbortError' || name === 'TimeoutError') return 'no answer in time';
  return plainAscii(name || 'Error').slice(0, 60);
}

/** Rejects when the signal is aborted. The SDK ignores the signal while it waits for credentials. */
function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
