import { type Latency, latencyModes } from '../../bench/measure/latency';
import { latencyPlot, plottedLatencies } from '../../bench/report/latency-plot';

const latencies = ['2 to 20 seconds', 'a mix', '90 seconds'].flatMap(tasks =>
  latencyModes.map((mode, at) => ({ tasks, mode, seconds: [at, 10, 70], median: 10, p95: 70 }) as unknown as Latency),
);
const svg = latencyPlot(plottedLatencies(latencies));

test('has a curve for each mode in both panels, with a legend', () => {
  expect(svg.match(/<polyline /g)).toHaveLength(2 * latencyModes.length);
  for (const label of [...latencyModes, '50 %', '60', 'seconds from listed as finished to event on the bus'])
    expect(svg).toContain(`>${label}</text>`);
  expect(svg).not.toMatch(/NaN|undefined/);
});

test('a curve reaches 100 % at the last task and stays within the axes', () => {
  const [, points = ''] = /<polyline class="orange" points="([^"]+)"/.exec(svg) ?? [];
  const places = points.split(' ').map(point => point.split(',').map(Number)) as [number, number][];
  expect(places.at(0)).toEqual([72, 330]);
  expect(places.at(-1)).toEqual([442, 100]);
});
