/** The plots, and docs/benchmark.json with their numbers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Latency } from '../measure/latency';
import { type Growth, growthPlot } from './growth-plot';
import { latencyPlot, type PlottedLatency, plottedLatencies } from './latency-plot';

const docs = join(__dirname, '..', '..', 'docs');

/** Stored, so that a change of the plots needs no new measurement. */
export const plottedNumbers = join(docs, 'benchmark.json');

/** A line for each curve of the latencies. Numbers are rounded to 0.01 ms or seconds. */
export function plottedJson(growth: Growth, latencies: readonly Latency[]): string {
  const line = (value: unknown) =>
    JSON.stringify(value, (_, each) => (typeof each === 'number' ? Math.round(each * 100) / 100 : each));
  return `{"growth":${line(growth)},\n"latencies":[\n${plottedLatencies(latencies).map(line).join(',\n')}\n]}\n`;
}

/** The files of the plots, drawn from the stored numbers. */
export function plots(): [path: string, content: string][] {
  const { growth, latencies } = JSON.parse(readFileSync(plottedNumbers, 'utf8')) as {
    growth: Growth;
    latencies: PlottedLatency[];
  };
  return [
    [join(docs, 'growth.svg'), growthPlot(growth)],
    [join(docs, 'latency.svg'), latencyPlot(latencies)],
  ];
}
