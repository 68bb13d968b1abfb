/**
 * The synthesized stack at work on this machine, told line by line. The story goes to standard output, trouble to
 * standard error.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CannotStart } from '../../cli/lib/cannot-start';
import { UsageError } from '../../cli/lib/command-line';
import { announce, runFile } from '../../cli/lib/running';
import type { DeliveredEvent } from '../services/event-bridge';
import { stackNameIn, synthesizeInto } from '../synthesis';
import { openKeptState } from './kept-state';
import { startLocalStack } from './local-stack';
import { asJson, type Line, textNarrator } from './narrate';
import { failed, openScene } from './scene';
import { help, readOptions, type StartOptions } from './start-options';

const pollEverySeconds = 3;

interface Play {
  readonly scene: ReturnType<typeof openScene>;
  readonly poll: () => Promise<void>;
  readonly tell: (line: Line) => void;
  readonly stopping: AbortSignal;
}

interface Streams {
  readonly stdout: { readonly isTTY?: boolean; write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/**
 * @param args what follows the script's name
 * @param stopping ends the story after the poll at hand
 * @returns the exit code
 */
export async function main(
  args: string[],
  streams: Streams,
  environment: NodeJS.ProcessEnv,
  stopping: AbortSignal,
): Promise<number> {
  try {
    const options = readOptions(args, environment);
    if (!options.help) return await run(options, streams, environment, stopping);
    streams.stdout.write(help);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof CannotStart)) throw error;
    streams.stderr.write(`${error.message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function run(
  options: StartOptions,
  { stdout, stderr }: Streams,
  environment: NodeJS.ProcessEnv,
  stopping: AbortSignal,
): Promise<number> {
  const complain = (message: string) => void stderr.write(`${message}\n`);
  const colour = Boolean(stdout.isTTY) && !environment.NO_COLOR && environment.TERM !== 'dumb';
  const story = openStory(options, colour, line => stdout.write(`${line}\n`));
  const kept = options.keep === undefined ? undefined : openKeptState(options.keep);
  const directory = options.app ?? (await synthesizeHere(story.tell, stopping));
  if (stopping.aborted) return 0;

  const events: DeliveredEvent[] = [];
  const stackName = stackNameIn(directory);
  const stack = await startLocalStack({
    directory,
    stackName,
    port: options.port,
    keep: options.keep,
    onEvent: event => events.push(event),
    onLog: line => isTrouble(line) && complain(line),
  }).catch(explainTakenPort);
  try {
    announce(runFile(environment), { stackName, endpoints: stack.endpoints });
  } catch (error) {
    // Without it everything else works.
    complain(`npm run tasks will not find this run: ${(error as Error).message}.`);
  }
  try {
    return await playOnStack();
  } finally {
    await stack.close();
  }

  async function playOnStack(): Promise<number> {
    const { partnerCentral, catalog } = stack;
    const store = partnerCentral.store(catalog);
    const scene = openScene({
      store,
      now: Date.now,
      random: Math.random,
      tell: told => story.tell({ type: 'task', ...told }),
    });

    const resumed = kept?.load(partnerCentral) ?? false;
    if (!resumed) scene.begin({ history: options.tasks, running: options.once ? 5 : 3 });
    const runningTasks = store.inProgressIds().length;
    story.tell({
      type: 'ready',
      partnerCentral: partnerCentral.url,
      catalog,
      endedTasks: store.count - runningTasks,
      runningTasks,
      resumed,
      ...(!options.once && { pollEverySeconds }),
      ...(options.keep !== undefined && { keep: options.keep }),
    });
    if (resumed) scene.resume();

    /** One tick of the schedule, with what the bus, the rule and the queue of failed tasks then do in AWS. */
    async function poll() {
      // Before the poll: what a table has seen must not be forgotten by Partner Central.
      if (kept?.isDue(scene.changes)) kept.save(partnerCentral, scene.changes);
      for (const { id, poll: pollSource } of stack.sources) {
        const { result, error } = await pollSource();
        const source = stack.sources.length > 1 ? { source: id } : {};
        if (result) story.tell({ type: 'poll', ...source, ...result });
        else
          story.tell({
            type: 'poll',
            ...source,
            outcome: 'error',
            error: { name: error.name, message: error.message },
          });
      }
      for (const event of events.splice(0)) story.tell({ type: 'event', event });
      const alerts = await stack.deliverAlerts().catch(reason => complain(reason.message));
      for (const { topicArn, subject = '', message } of alerts ?? [])
        if (topicArn === stack.chatTopicArn)
          story.tell({ type: 'alert', format: 'chat', notification: JSON.parse(message) });
        else story.tell({ type: 'alert', format: 'mail', subject, body: message });
    }
    const play: Play = { scene, poll, tell: story.tell, stopping };
    if (options.once) await playOnce(play, resumed);
    else await playOn(play);

    kept?.save(partnerCentral, scene.changes);
    story.end(scene.ended.length);
    const missing = scene.ended.filter(taskId => !story.published.has(taskId));
    if (!options.once || stopping.aborted || missing.length === 0) return 0;
    complain(`No event was published for ${missing.join(', ')}.`);
    return 1;
  }
}

async function playOn({ scene, poll, stopping }: Play): Promise<void> {
  const meanwhile = setInterval(() => scene.advance(), 500);
  const periodMs = pollEverySeconds * 1_000;
  for (let dueAt = Date.now(); !stopping.aborted; ) {
    await poll();
    // A poll that took longer than a period has used up the ticks in between.
    dueAt += periodMs * Math.max(1, Math.ceil((Date.now() - dueAt) / periodMs));
    await pause(dueAt - Date.now(), stopping);
  }
  clearInterval(meanwhile);
}

async function playOnce({ scene, poll, tell, stopping }: Play, resumed: boolean): Promise<void> {
  const parts = [
    {
      text: resumed
        ? '1. The first poll goes on from the last time: it publishes what has ended since, and nothing again.'
        : '1. The first poll learns what is running. What ended before is history and never published.',
      happens: () => {},
    },
    {
      text: '2. Tasks start and end. One poll publishes an event for each that ended, and failures go out as a mail.',
      happens: () => {
        scene.start();
        scene.start();
        const failures = ['EngagementAccessDenied', 'OpportunityValidationFailed', 'ServiceQuotaExceeded'] as const;
        for (const [at, taskId] of scene.running().entries()) {
          const reasonCode = at % 2 === 1 ? failures[(at - 1) / 2] : undefined;
          scene.end(taskId, reasonCode ? failed(reasonCode) : 'COMPLETE');
        }
      },
    },
    {
      text: '3. Nothing has happened since: the poll costs one List call, however long the history, and publishes nothing.',
      happens: () => {},
    },
  ];
  for (const { text, happens } of parts) {
    if (stopping.aborted) return;
    tell({ type: 'note', text });
    happens();
    await poll();
    await pause(500, stopping);
  }
}

async function pause(ms: number, stopping: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stopping }).catch(() => undefined);
}

function openStory({ json, keep }: StartOptions, colour: boolean, write: (line: string) => void) {
  const narrate = json ? asJson : textNarrator({ colour });
  const published = new Set<string>();
  const counts = { polls: 0, completed: 0, failed: 0, mails: 0 };

  function tell(line: Line) {
    if (line.type === 'poll') counts.polls += 1;
    if (line.type === 'alert' && line.format === 'mail') counts.mails += 1;
    // That a task stalls is no ending, and one that stalls may still end.
    if (line.type === 'event' && line.event['detail-type'] !== 'TaskStalled') {
      counts[line.event['detail-type'] === 'TaskFailed' ? 'failed' : 'completed'] += 1;
      published.add(String(line.event.detail.taskId));
    }
    write(narrate(line, new Date()));
  }

  return {
    tell,
    /** Ids of the tasks that an event told of. */
    published,
    end(tasksEnded: number) {
      const events = counts.completed + counts.failed;
      tell({ type: 'summary', tasksEnded, events, ...counts, ...(keep !== undefined && { keep }) });
    },
  };
}

async function synthesizeHere(tell: (line: Line) => void, stopping: AbortSignal): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'task-poller-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  tell({ type: 'note', text: 'Synthesizing the stack, which takes some seconds …' });
  await synthesizeInto(directory, stopping);
  return directory;
}

/** What the functions log as a warning or worse, and what isn't a log line at all; the rest the story tells better. */
function isTrouble(line: string): boolean {
  let level: unknown;
  try {
    ({ level = 'INFO' } = JSON.parse(line)); // metrics are lines of JSON without a level
  } catch {
    level = 'ERROR';
  }
  return level === 'WARN' || level === 'ERROR' || level === 'CRITICAL';
}

function explainTakenPort(error: Error): never {
  const { syscall } = (error.cause ?? {}) as NodeJS.ErrnoException;
  throw syscall === 'listen' ? new CannotStart(error.message, { cause: error }) : error;
}
