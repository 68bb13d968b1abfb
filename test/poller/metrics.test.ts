import { metricsLine } from '../../lambdas/poller/metrics';
import type { Summary } from '../../lambdas/poller/run';

const quiet: Summary = {
  outcome: 'complete',
  mode: 'poll',
  pages: 1,
  tasks: 0,
  completed: 0,
  failed: 0,
  rejected: 0,
  drift: 0,
  published: 0,
  gaps: 0,
  listCalls: 1,
  milliseconds: 5,
  runId: 'run',
};
const metricsOf = (summary: Summary) => {
  const { _aws, service, ...metrics } = JSON.parse(metricsLine(summary, 'stack', 7) as string);
  return metrics;
};

test('a quiet run publishes only the heartbeat, in the embedded metric format', () => {
  const line = metricsLine(quiet, 'stack', 7);
  expect(line).toMatch(/^\{"_aws":[^\n]+$/);
  expect(JSON.parse(line as string)).toEqual({
    _aws: {
      Timestamp: 7,
      CloudWatchMetrics: [
        {
          Namespace: 'PartnerCentralTaskPoller',
          Dimensions: [['service']],
          Metrics: [{ Name: 'CompleteRuns', Unit: 'Count' }],
        },
      ],
    },
    service: 'stack',
    CompleteRuns: 1,
  });
});

test('publishes no metric for absent values', () => {
  expect(metricsLine({ ...quiet, outcome: 'partial' }, 'stack', 7)).toBeUndefined();
});

test.each<[string, Partial<Summary>, object]>([
  ['failed tasks', { failed: 2 }, { TasksFailed: 2 }],
  ['failed tasks in shadow mode', { failed: 2, shadow: true }, {}],
  ['stalled tasks', { stalled: 3 }, { TasksStalled: 3 }],
  [
    'everything quarantined',
    { setAside: 1, malformed: 2, damagedRows: 3, refusedRows: 4, missing: 5, refusedStalledEvents: 6 },
    { ItemsSetAside: 21 },
  ],
  ['drift and an overdue audit', { drift: 2, auditOverdue: true }, { AuditProblems: 3 }],
  ['an unchanged backlog', { gaps: 4, backlogUnchanged: true }, { BacklogUnchanged: 4 }],
  ['a changing backlog', { gaps: 4 }, {}],
])('%s', (_, more, expected) => {
  expect(metricsOf({ ...quiet, ...more })).toEqual({ CompleteRuns: 1, ...expected });
});
