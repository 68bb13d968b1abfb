/** The plot of latencies as SVG: share of finished tasks published within a number of seconds. */
import { type Latency, type LatencyMode, latencyModes } from '../measure/latency';
import { type Colour, document, px, text } from './svg';

const TITLE = 'Latency of finished tasks';
const WIDTH = 960;
const HEIGHT = 420;
const panel = { top: 100, bottom: 330, width: 370 };
const colourOf: Readonly<Record<LatencyMode, Colour>> = {
  'schedule only': 'orange',
  follow: 'purple',
  'follow and nudges': 'blue',
};
const MAX_SECONDS = 60;

/** The panels. */
const shown = ['2 to 20 seconds', 'a mix'] as const;
const panelTitles: Readonly<Record<string, string>> = {
  '2 to 20 seconds': 'Share of tasks that take 2 to 20 seconds',
  'a mix': 'Share of a mix with a few long tasks',
};

export type PlottedLatency = Pick<Latency, 'tasks' | 'mode' | 'median' | 'p95' | 'seconds'>;

/** The latencies that the plot shows. */
export const plottedLatencies = (latencies: readonly Latency[]): PlottedLatency[] =>
  latencies
    .filter(({ tasks }) => (shown as readonly string[]).includes(tasks))
    .map(({ tasks, mode, median, p95, seconds }) => ({ tasks, mode, median, p95, seconds }));

export function latencyPlot(latencies: readonly PlottedLatency[]): string {
  return document({ width: WIDTH, height: HEIGHT, title: TITLE, description: described(latencies) }, [
    ...legend(),
    ...shown.flatMap((tasks, at) =>
      drawPanel(
        72 + at * 460,
        tasks,
        latencies.filter(latency => latency.tasks === tasks),
      ),
    ),
  ]);
}

const legend = (): string[] =>
  latencyModes.flatMap((mode, at) => {
    const left = 430 + at * 160;
    return [
      `<line x1="${left}" y1="31" x2="${left + 24}" y2="31" class="${colourOf[mode]}" stroke="currentColor" stroke-width="3"/>`,
      text(left + 31, 36, mode, { colour: colourOf[mode], weight: 600 }),
    ];
  });

function drawPanel(left: number, tasks: string, latencies: readonly PlottedLatency[]): string[] {
  const x = (seconds: number) => left + (Math.min(seconds, MAX_SECONDS) / MAX_SECONDS) * panel.width;
  const y = (share: number) => panel.bottom - share * (panel.bottom - panel.top);
  const right = left + panel.width;
  return [
    text(left, panel.top - 20, panelTitles[tasks] ?? tasks, { weight: 600 }),
    ...[0, 0.25, 0.5, 0.75, 1].flatMap(share => [
      `<line x1="${left}" y1="${px(y(share))}" x2="${right}" y2="${px(y(share))}" class="grid" stroke="currentColor"/>`,
      text(left - 10, y(share) + 5, `${share * 100} %`, { anchor: 'end', colour: 'faint' }),
    ]),
    ...[0, 10, 20, 30, 40, 50, 60].map(seconds =>
      text(x(seconds), panel.bottom + 24, String(seconds), { anchor: 'middle', colour: 'faint' }),
    ),
    text((left + right) / 2, panel.bottom + 52, 'seconds from listed as finished to event on the bus', {
      anchor: 'middle',
      colour: 'faint',
    }),
    ...latencies.map(({ mode, seconds }) => {
      const steps = seconds.flatMap((each, at) => [
        `${px(x(each))},${px(y(at / seconds.length))}`,
        `${px(x(each))},${px(y((at + 1) / seconds.length))}`,
      ]);
      const path = [`${left},${panel.bottom}`, ...steps].join(' ');
      return `<polyline class="${colourOf[mode]}" points="${path}" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linejoin="round"/>`;
    }),
  ];
}

const described = (latencies: readonly PlottedLatency[]) =>
  latencies
    .map(
      ({ tasks, mode, median, p95 }) =>
        `${panelTitles[tasks]}, ${mode}: half within ${median.toFixed(1)} seconds, 95 % within ${p95.toFixed(1)}.`,
    )
    .join(' ');
