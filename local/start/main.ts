/**
 * The synthesized stack at work on this machine, told line by line. The story goes to standard output, trouble to
 * standard error.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CannotStart } from '../../cli/lib/cannot-start';
import { UsageError } from '../../cli/lib/command-line';
import { announce, runFile } from '../../cli/lib/running';
import type { DeliveredEvent } from '../services/event-bridge';
import { stackNameIn, synthesizeInto } from '../synthesis';
import { openKeptState } from './kept-state';
import { startLocalStack } from './local-stack';
import { type Play, playOn, playOnce, pollEverySeconds } from './play';
import { openPlayedSource } from './played-source';
import { help, readOptions, type StartOptions } from './start-options';
import { openStory, sourceOf } from './story';

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
    const { partnerCentral } = stack;
    const sources = stack.sources.map(({ settings, enabled, account, poll }) => ({
      ...openPlayedSource({ settings, enabled, account, partnerCentral, tell: story.tell }),
      poll,
    }));
    const changes = () => sources.reduce((sum, { scene }) => sum + scene.changes, 0);

    const resumed = kept?.load(partnerCentral) ?? false;
    // One that was not configured the last time has nothing to go on with.
    const isNew = sources.map(({ store }) => store.count === 0);
    for (const [at, { scene }] of sources.entries())
      if (isNew[at]) scene.begin({ history: options.tasks, running: options.once ? 5 : 3 });
    const ready = sources.map(({ name, enabled, shadow, store, startCommand }) => {
      const runningTasks = store.inProgressIds().length;
      return { source: name, endedTasks: store.count - runningTasks, runningTasks, enabled, shadow, startCommand };
    });
    story.tell({
      type: 'ready',
      partnerCentral: partnerCentral.url,
      catalog: stack.catalog,
      endedTasks: ready.reduce((sum, { endedTasks }) => sum + endedTasks, 0),
      runningTasks: ready.reduce((sum, { runningTasks }) => sum + runningTasks, 0),
      sources: ready,
      resumed,
      ...(!options.once && { pollEverySeconds }),
      ...(options.keep !== undefined && { keep: options.keep }),
    });
    for (const [at, { scene }] of sources.entries()) if (!isNew[at]) scene.resume();

    /** One tick of the schedules, with what the bus, the rule and the queue of failed tasks then do in AWS. */
    async function pollAll() {
      // Before the poll: what a table has seen must not be forgotten by Partner Central.
      if (kept?.isDue(changes())) kept.save(partnerCentral, changes());
      const polled = sources.filter(({ enabled }) => enabled);
      const outcomes = await Promise.all(polled.map(async ({ name, poll }) => ({ source: name, ...(await poll()) })));
      for (const { source, result, error } of outcomes)
        if (result) story.tell({ type: 'poll', source, ...result });
        else
          story.tell({ type: 'poll', source, outcome: 'error', error: { name: error.name, message: error.message } });
      for (const event of events.splice(0)) story.tell({ type: 'event', source: sourceOf(event), event });
      const alerts = await stack.deliverAlerts().catch(reason => complain(reason.message));
      for (const { topicArn, subject = '', message } of alerts ?? []) {
        const about = { type: 'alert', sources: story.sourcesIn(message) } as const;
        if (topicArn === stack.chatTopicArn)
          story.tell({ ...about, format: 'chat', notification: JSON.parse(message) });
        else story.tell({ ...about, format: 'mail', subject, body: message });
      }
    }
    const play: Play = { scenes: sources.map(({ scene }) => scene), poll: pollAll, tell: story.tell, stopping };
    if (options.once) await playOnce(play, resumed);
    else await playOn(play);

    kept?.save(partnerCentral, changes());
    story.end(sources.reduce((sum, { scene }) => sum + scene.ended.length, 0));
    const missing = sources.flatMap(({ name, expected }) =>
      expected().filter(taskId => !story.isPublished(name, taskId)),
    );
    if (!options.once || stopping.aborted || missing.length === 0) return 0;
    complain(`No event was published for ${missing.join(', ')}.`);
    return 1;
  }
}

async function synthesizeHere(tell: Play['tell'], stopping: AbortSignal): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'task-poller-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  tell({ type: 'note', text: 'Synthesizing the stack, which takes 2 to 5 seconds on two cores …' });
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
