/** When tasks start and end and when the poller runs: once, or endlessly. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Line } from './format-line';
import { failed, type openScene } from './scene';

export const pollEverySeconds = 3;

export interface Play {
  /** One for each source. */
  readonly scenes: readonly ReturnType<typeof openScene>[];
  /** Polls each of them. */
  readonly poll: () => Promise<void>;
  readonly report: (line: Line) => void;
  readonly stopping: AbortSignal;
}

export async function playForever({ scenes, poll, stopping }: Play): Promise<void> {
  const meanwhile = setInterval(() => {
    for (const scene of scenes) scene.advance();
  }, 500);
  const periodMs = pollEverySeconds * 1_000;
  for (let dueAt = Date.now(); !stopping.aborted; ) {
    await poll();
    // Skips ticks during a poll that took longer than a period.
    dueAt += periodMs * Math.max(1, Math.ceil((Date.now() - dueAt) / periodMs));
    await pause(dueAt - Date.now(), stopping);
  }
  clearInterval(meanwhile);
}

export async function playOnce({ scenes, poll, report, stopping }: Play, resumed: boolean): Promise<void> {
  const parts = [
    {
      text: resumed
        ? '1. The first poll continues from the last run: it publishes tasks that ended since, and nothing twice.'
        : '1. The first poll learns which tasks run. Tasks that ended before are history: only emitSince publishes them.',
      happens: () => {},
    },
    {
      text: '2. Tasks start and end. One poll of each source publishes an event for each ended task. A mail reports the failures.',
      happens: () => scenes.forEach(endAll),
    },
    {
      text: '3. Nothing has happened since: a poll makes one List call, however long the history, and publishes nothing.',
      happens: () => {},
    },
  ];
  for (const { text, happens } of parts) {
    if (stopping.aborted) return;
    report({ type: 'note', text });
    happens();
    await poll();
    await pause(500, stopping);
  }
}

/** Two more tasks start, all end, and some of them fail. */
function endAll(scene: Play['scenes'][number]): void {
  scene.start();
  scene.start();
  const failures = ['EngagementAccessDenied', 'OpportunityValidationFailed', 'ServiceQuotaExceeded'] as const;
  for (const [at, taskId] of scene.running().entries()) {
    const reasonCode = at % 2 === 1 ? failures[(at - 1) / 2] : undefined;
    scene.end(taskId, reasonCode ? failed(reasonCode) : 'COMPLETE');
  }
}

async function pause(ms: number, stopping: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stopping }).catch(() => undefined);
}
