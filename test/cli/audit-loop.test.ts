/** How long an audit is waited for, with a function and a checkpoint of our own. */
import { audit } from '../../cli/commands/audit/audit';
import type { Summary } from '../../lambdas/poller/run';

const DAY = 86_400_000;
const context = { now: () => 10 * DAY, progress: () => {}, signal: new AbortController().signal };
const summary = (outcome: Summary['outcome'], mode: Summary['mode'], runId: string): Summary => ({
  outcome,
  mode,
  runId,
  published: 0,
  pages: 1,
  tasks: 10,
  completed: 0,
  failed: 0,
  rejected: 0,
  drift: 0,
  gaps: 0,
  listCalls: 1,
  milliseconds: 1,
});

test('an invocation that left no request is made again: the audit of yesterday is none of today', async () => {
  let kept = { auditRequestedAt: 9 * DAY, auditedAt: 9 * DAY + 1, leaseOwner: 'yesterday' };
  const modes: string[] = [];
  const audited = await audit({
    async invoke(mode) {
      modes.push(mode);
      const runId = `run-${modes.length}`;
      if (modes.length === 1) return summary('partial', mode, runId); // it could not write its request
      if (modes.length === 2) kept = { ...kept, auditRequestedAt: 10 * DAY, leaseOwner: runId };
      if (modes.length === 3) kept = { ...kept, auditedAt: 10 * DAY + 2, leaseOwner: runId };
      return summary('complete', mode, runId);
    },
    checkpoint: async () => kept as never,
    timeoutMs: DAY,
    pauseMs: 0,
    context,
  });
  expect(modes).toEqual(['audit', 'audit', 'poll']);
  expect(audited).toMatchObject({ requestedAt: 10 * DAY, auditedAt: 10 * DAY + 2, runs: 3, tasks: 30, drift: 0 });
});
