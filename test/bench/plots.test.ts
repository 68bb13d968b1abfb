import type { Latency } from '../../bench/measure/latency';
import { plottedJson } from '../../bench/report/plots';

test('stores the plotted numbers rounded, without cases that no plot shows', () => {
  const point = { history: 1_000, listCalls: 2, cpuMs: 10.2345 };
  const latencies = ['a mix', '90 seconds'].map(tasks => ({ tasks, mode: 'follow', seconds: [1.2345], isShort: true }));
  expect(JSON.parse(plottedJson({ ours: [point], peer: [] }, latencies as unknown as Latency[]))).toEqual({
    growth: { ours: [{ history: 1_000, listCalls: 2, cpuMs: 10.23 }], peer: [] },
    latencies: [{ tasks: 'a mix', mode: 'follow', seconds: [1.23] }],
  });
});
