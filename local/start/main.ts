/**
 * Runs the synthesized stack on this machine and prints what happens. Lines go to standard output, warnings and errors to
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
import { type Play, playForever, playOnce, pollEverySeconds } from './play';
import { openPlayedSource } from './played-source';
import { openReporter, sourceOf } from './reporter';
import { help, readOptions, type StartOptions } from './start-options';

interface Streams {
  readonly stdout: { readonly isTTY?: boolean; write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/**
 * @param args arguments after the script's name
 * @param stopping ends the run after the current poll
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
  const warn = (message: string) => void stderr.write(`${message}\n`);
  const colour = Boolean(stdout.isTTY) && !environment.NO_COLOR && environment.TERM !== 'dumb';
  const reporter = openReporter(options, colour, line => stdout.write(`${line}\n`));
  const kept = options.keep === undefined ? undefined : openKeptState(options.keep);
  const directory = options.app ?? (await synthesizeHere(reporter.report, stopping));
  if (stopping.aborted) return 0;

  const events: DeliveredEvent[] = [];
  const stackName = stackNameIn(directory);
  const stack = await startLocalStack({
    directory,
    stackName,
    port: options.port,
    keep: options.keep,
    onEvent: event => events.push(event),
    onLog: line => isWarning(line) && warn(line),
  }).catch(explainTakenPort);
  try {
    announce(runFile(environment), { stackName, endpoints: stack.endpoints });
  } catch (error) {
    // Only `npm run tasks -- --local` needs the file.
    warn(`npm run tasks can't find this run: ${(error as Error).message}.`);
  }
  try {
    return await runOnStack();
  } finally {
    await stack.close();
  }

  async function runOnStack(): Promise<number> {
    const { partnerCentral } = stack;
    const sources = stack.sources.map(({ settings, enabled, account, poll }) => ({
      ...openPlayedSource({ settings, enabled, account, partnerCentral, report: reporter.report }),
      poll,
    }));
    const changes = () => sources.reduce((sum, { scene }) => sum + scene.changes, 0);

    const resumed = kept?.load(partnerCentral) ?? false;
    // A source that is new since the last run has no saved tasks.
    const isNew = sources.map(({ store }) => store.count === 0);
    for (const [at, { scene }] of sources.entries())
      if (isNew[at]) scene.begin({ history: options.tasks, running: options.once ? 5 : 3 });
    const ready = sources.map(({ name, enabled, shadow, store, startCommand }) => {
      const runningTasks = store.inProgressIds().length;
      return { source: name, endedTasks: store.count - runningTasks, runningTasks, enabled, shadow, startCommand };
    });
    reporter.report({
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

    /** One tick of the schedules, with the resulting work of bus, rule and queue. */
    async function pollAll() {
      // Save before the poll: Partner Central must not forget a task that the table knows.
      if (kept?.isDue(changes())) kept.save(partnerCentral, changes());
      const polled = sources.filter(({ enabled }) => enabled);
      const outcomes = await Promise.all(polled.map(async ({ name, poll }) => ({ source: name, ...(await poll()) })));
      for (const { source, result, error } of outcomes)
        if (result) reporter.report({ type: 'poll', source, ...result });
        else
          reporter.report({
            type: 'poll',
            source,
            outcome: 'error',
            error: { name: error.name, message: error.message },
          });
      for (const event of events.splice(0)) reporter.report({ type: 'event', source: sourceOf(event), event });
      const alerts = await stack.deliverAlerts().catch(reason => warn(reason.message));
      for (const { topicArn, subject = '', message } of alerts ?? []) {
        const about = { type: 'alert', sources: reporter.sourcesIn(message) } as const;
        if (topicArn === stack.chatTopicArn)
          reporter.report({ ...about, format: 'chat', notification: JSON.parse(message) });
        else reporter.report({ ...about, format: 'mail', subject, body: message });
      }
    }
    const play: Play = { scenes: sources.map(({ scene }) => scene), poll: pollAll, report: reporter.report, stopping };
    if (options.once) await playOnce(play, resumed);
    else await playForever(play);

    kept?.save(partnerCentral, changes());
    reporter.end(sources.reduce((sum, { scene }) => sum + scene.ended.length, 0));
    const missing = sources.flatMap(({ name, expected }) =>
      expected().filter(taskId => !reporter.isPublished(name, taskId)),
    );
    if (!options.once || stopping.aborted || missing.length === 0) return 0;
    warn(`No event was published for ${missing.join(', ')}.`);
    return 1;
  }
}

async function synthesizeHere(report: Play['report'], stopping: AbortSignal): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'task-poller-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  report({ type: 'note', text: 'Synthesizing the stack, which takes 2 to 5 seconds on two cores …' });
  await synthesizeInto(directory, stopping);
  return directory;
}

/** Log lines at warning level or above, and lines that are not JSON. The printed lines cover the rest. */
function isWarning(line: string): boolean {
  let level: unknown;
  try {
    ({ level = 'INFO' } = JSON.parse(line)); // metrics are JSON lines without a level
  } catch {
    level = 'ERROR';
  }
  return level === 'WARN' || level === 'ERROR' || level === 'CRITICAL';
}

function explainTakenPort(error: Error): never {
  const { syscall } = (error.cause ?? {}) as NodeJS.ErrnoException;
  throw syscall === 'listen' ? new CannotStart(error.message, { cause: error }) : error;
}
