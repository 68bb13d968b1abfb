/** The plot of growth as SVG: two panels with logarithmic axes. */
import { document, px, text } from './svg';

export interface GrowthPoint {
  readonly history: number;
  readonly listCalls: number;
  readonly cpuMs: number;
}

export interface Growth {
  readonly ours: readonly GrowthPoint[];
  /** Without histories that the peer did not finish. */
  readonly peer: readonly GrowthPoint[];
}

const TITLE = 'Cost of a quiet poll by length of the history';
const WIDTH = 960;
const HEIGHT = 400;
const panel = { top: 84, bottom: 330, width: 330 };
const colours = { ours: 'blue', peer: 'orange' } as const;
const labels = { ours: 'this poller', peer: 'lists everything' };

/** List calls and CPU time of a quiet poll by history, for both pollers. Text is 14 pixels or more. */
export function growthPlot(growth: Growth): string {
  const histories = [...new Set([...growth.ours, ...growth.peer].map(({ history }) => history))].sort((a, b) => a - b);
  return document({ width: WIDTH, height: HEIGHT, title: TITLE, description: described(growth) }, [
    ...drawPanel(78, 'List calls (log scale)', growth, histories, point => point.listCalls),
    ...drawPanel(550, 'CPU time in milliseconds (log scale)', growth, histories, point => point.cpuMs),
  ]);
}

function drawPanel(
  left: number,
  title: string,
  growth: Growth,
  histories: readonly number[],
  measure: (point: GrowthPoint) => number,
): string[] {
  const values = [...growth.ours, ...growth.peer].map(measure);
  const lowest = Math.floor(Math.log10(Math.min(...values)));
  // A value slightly above a decade needs no further decade.
  const highest = Math.max(lowest + 1, Math.ceil(Math.log10(Math.max(...values)) - 0.02));
  const [first, last] = [Math.log10(histories[0] ?? 1), Math.log10(histories.at(-1) ?? 10)];
  const right = left + panel.width;
  const x = (history: number) => left + ((Math.log10(history) - first) / Math.max(1, last - first)) * panel.width;
  const y = (value: number) =>
    panel.bottom - ((Math.log10(value) - lowest) / (highest - lowest)) * (panel.bottom - panel.top);
  const decades = Array.from({ length: highest - lowest + 1 }, (_, at) => 10 ** (lowest + at));
  return [
    text(left, panel.top - 18, title, { weight: 600 }),
    ...decades.flatMap(decade => [
      `<line x1="${left}" y1="${px(y(decade))}" x2="${right}" y2="${px(y(decade))}" class="grid" stroke="currentColor"/>`,
      text(left - 10, y(decade) + 5, decade.toLocaleString('en'), { anchor: 'end', colour: 'faint' }),
    ]),
    ...histories.map(history =>
      text(x(history), panel.bottom + 24, history.toLocaleString('en'), { anchor: 'middle', colour: 'faint' }),
    ),
    text((left + right) / 2, panel.bottom + 50, 'ended tasks in the list (log scale)', {
      anchor: 'middle',
      colour: 'faint',
    }),
    ...(['peer', 'ours'] as const).flatMap(name =>
      drawLine(name, growth[name], point => [x(point.history), y(measure(point))]),
    ),
  ];
}

function drawLine(
  name: keyof Growth,
  points: readonly GrowthPoint[],
  place: (point: GrowthPoint) => [x: number, y: number],
): string[] {
  const places = points.map(place);
  const last = places.at(-1);
  if (last === undefined) return [];
  const colour = colours[name];
  const path = places.map(([x, y]) => `${px(x)},${px(y)}`).join(' ');
  return [
    `<polyline class="${colour}" points="${path}" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linejoin="round"/>`,
    ...places.map(([x, y]) => `<circle class="${colour}" cx="${px(x)}" cy="${px(y)}" r="4.5" fill="currentColor"/>`),
    // The label is above the end of the line, and shifted left where the line rises.
    text(last[0] - 12, last[1] - 11, labels[name], { anchor: 'end', colour, weight: 600 }),
  ];
}

const described = (growth: Growth) =>
  (['ours', 'peer'] as const)
    .map(name => {
      const points = growth[name].map(
        ({ history, listCalls, cpuMs }) => `${history} tasks: ${listCalls} List calls, ${cpuMs.toFixed(0)} ms`,
      );
      return `${labels[name]}: ${points.join('; ')}.`;
    })
    .join(' ');
