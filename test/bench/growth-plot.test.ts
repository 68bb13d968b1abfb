import { growthPlot } from '../../bench/report/growth-plot';

const ours = [1_000, 10_000, 100_000, 1_000_000].map(history => ({ history, listCalls: 2, cpuMs: 15 }));
const peer = [1_000, 10_000, 100_000].map(history => ({ history, listCalls: history / 1_000, cpuMs: history / 50 }));
const svg = growthPlot({ ours, peer });

test('has every point of both pollers in both panels, with a legend', () => {
  expect(svg.match(/<circle /g)).toHaveLength(2 * (ours.length + peer.length));
  expect(svg.match(/<polyline /g)).toHaveLength(4);
  expect(svg).not.toContain('NaN');
  for (const label of [
    'this poller',
    'lists everything',
    'List calls (log scale)',
    'CPU time in milliseconds (log scale)',
    '1,000,000',
  ])
    expect(svg).toContain(`>${label}</text>`);
  expect(svg).toContain('100000 tasks: 100 List calls, 2000 ms');
});

test('draws equal values at one height, and a tenfold value one decade higher', () => {
  const [risingInCalls, flatInCalls] = [...svg.matchAll(/points="([^"]+)"/g)].map(([, points]) =>
    (points as string).split(' ').map(point => Number(point.split(',')[1])),
  ) as [number[], number[]];
  expect(new Set(flatInCalls).size).toBe(1);
  const [first, second, third] = risingInCalls as [number, number, number];
  expect(first - second).toBeCloseTo(second - third, 0);
});
