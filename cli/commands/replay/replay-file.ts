/**
 * What a replay was about and how far it came: a file of lines of JSON, the first with the list, each further one with
 * what was published since. It is only ever appended to, so that a death at any moment leaves it readable, and it has ids
 * only: what the API said stays in the table.
 */
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TerminalStatus } from '../../../lambdas/poller/core/task';
import { CommandFailure } from '../../lib/context';

export interface Replay {
  readonly replayId: string;
  /** Where the rows are. */
  readonly source: string;
  readonly tableName: string;
  /** Whether people are alerted once more. */
  readonly alerts: boolean;
  readonly tasks: readonly (readonly [taskId: string, status: TerminalStatus])[];
}

const replayIds = /^\d{8}T\d{6}Z-[0-9a-f]{6}$/;
const fileOf = (folder: string, replayId: string) => join(folder, `replay-${replayId}.jsonl`);

export function beginReplayFile(folder: string, replay: Replay) {
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(fileOf(folder, replay.replayId), `${JSON.stringify(replay)}\n`, { flag: 'wx' });
  } catch (error) {
    throw new CommandFailure(`${folder} can't be used: ${(error as Error).message}; name another with --state.`);
  }
  return progressIn(folder, replay, new Set());
}

/** @throws CommandFailure when there is none of that id */
export function resumeReplayFile(folder: string, replayId: string) {
  try {
    if (!replayIds.test(replayId)) throw new Error('that is no id of one');
    const [first = '', ...more] = readFileSync(fileOf(folder, replayId), 'utf8').split('\n');
    const replay = JSON.parse(first) as Replay;
    return progressIn(folder, replay, new Set(more.flatMap(readLine)));
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new CommandFailure(
      `Replay ${replayId} can't be resumed from ${folder}: ${reason}. (Once it is complete, its file is gone.)`,
    );
  }
}

/** The last line may be half a one. */
function readLine(line: string): string[] {
  try {
    return (JSON.parse(line) as { done: string[] }).done;
  } catch {
    return [];
  }
}

function progressIn(folder: string, replay: Replay, done: Set<string>) {
  const file = fileOf(folder, replay.replayId);
  return {
    replay,
    /** Task ids that need nothing more. */
    done: done as ReadonlySet<string>,
    note(taskIds: readonly string[]) {
      if (taskIds.length === 0) return;
      for (const taskId of taskIds) done.add(taskId);
      appendFileSync(file, `\n${JSON.stringify({ done: taskIds })}\n`); // begins a line, for the last may be half a one
    },
    remove: () => rmSync(file, { force: true }),
  };
}

export type ReplayProgress = ReturnType<typeof beginReplayFile>;
