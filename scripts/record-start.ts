/**
 * `npm run picture`: runs `npm start -- --once` and draws its output as a terminal, in docs/start.svg. Leaves out
 * times and durations. The rest is the same in each run, so a test can compare the picture.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { escapeXml } from '../bench/report/svg';
import { main } from '../local/start/main';

const COMMAND = 'npm start -- --once';
const COLUMNS = 100;
/** Further consecutive lines of one kind are counted, not shown. */
const MAX_LINES = 3;
const ROW_PX = 18;
const TOP_PX = 62;
const LEFT_PX = 20;
const WIDTH_PX = 840;

interface Span {
  readonly style: string;
  readonly text: string;
}
type Row = readonly Span[];

const styles: Readonly<Record<string, string>> = { 1: 'bold', 2: 'dim', 31: 'red', 32: 'green', 33: 'yellow' };

/**
 * The picture, as SVG with its text as text. Not animated, so that readers need not wait.
 * @param output of `npm start -- --once`, in colour
 */
export function startPicture(output: string): string {
  const rows = [[{ style: 'bold', text: `$ ${COMMAND}` }], [], ...excerpt(output)];
  const lines = rows.map((row, at) => {
    const spans = row.map(({ style, text }) => `<tspan class="${style}">${escapeXml(text)}</tspan>`);
    return `<text xml:space="preserve" x="${LEFT_PX}" y="${TOP_PX + at * ROW_PX}">${spans.join('')}</text>`;
  });
  const height = TOP_PX + rows.length * ROW_PX;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH_PX} ${height}" width="${WIDTH_PX}" height="${height}" role="img" aria-labelledby="title">`,
    `<title id="title">Output of ${COMMAND}, shortened, without times</title>`,
    '<style>',
    "text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #e6edf3 }",
    '.bold { font-weight: 700 } .dim { fill: #9198a1 } .red { fill: #ff7b72 } .green { fill: #7ee787 } .yellow { fill: #e3b341 }',
    '</style>',
    `<rect x="0.5" y="0.5" width="${WIDTH_PX - 1}" height="${height - 1}" rx="10" fill="#161b22" stroke="#3d444d"/>`,
    ...['#ff5f57', '#febc2e', '#28c840'].map(
      (colour, at) => `<circle cx="${LEFT_PX + 6 + at * 20}" cy="22" r="6" fill="${colour}"/>`,
    ),
    ...lines,
    '</svg>',
    '',
  ].join('\n');
}

/** From the first poll on, with the first lines of each kind and of the mail. */
function excerpt(output: string): Row[] {
  const shown = output
    .slice(output.indexOf('\u001b[1m1. '))
    .trimEnd()
    .replace(/(\| What to do:.*\n(?: +\| {5}.*\n)*)(?: +\|.*\n)+/, '$1        | …\n')
    .replace(/^\S*\d\d:\d\d:\d\d\S* {2}/gm, '')
    .replace(/, \d+ ms/g, '');
  return shown.split('\n').flatMap(withoutRepetition).map(spansOf).flatMap(wrapped);
}

function withoutRepetition(line: string, at: number, lines: readonly string[]): string[] {
  const kindOf = (other: string | undefined) => /^(task|event) /.exec(other ?? '')?.[1];
  const kind = kindOf(line);
  if (kind === undefined) return [line];
  let first = at;
  while (kindOf(lines[first - 1]) === kind) first -= 1;
  if (at - first < MAX_LINES) return [line];
  return kindOf(lines[at + 1]) === kind ? [] : [`${kind.padEnd(5)}  … ${at - first + 1 - MAX_LINES} more`];
}

function spansOf(line: string): Row {
  const [plain = '', ...painted] = line.split('\u001b[');
  const spans = painted.map(part => {
    const [, code = '', text = ''] = /^(\d+)m(.*)/.exec(part) ?? [];
    return { style: styles[code] ?? 'plain', text };
  });
  return [{ style: 'plain', text: plain }, ...spans].filter(({ text }) => text !== '');
}

/** Only the last span can be too long: a heading, or the text after coloured words. */
function wrapped(row: Row): Row[] {
  const last = row.at(-1);
  const room = COLUMNS - row.slice(0, -1).reduce((sum, { text }) => sum + text.length, 0);
  if (last === undefined || last.text.length <= room) return [row];
  const end = last.text.lastIndexOf(' ', room);
  return [
    [...row.slice(0, -1), { ...last, text: last.text.slice(0, end) }],
    [{ ...last, text: `   ${last.text.slice(end + 1)}` }],
  ];
}

async function record() {
  let output = '';
  const stdout = { isTTY: true, write: (text: string) => (output += text) };
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'; // before the first client is made
  const code = await main(['--once'], { stdout, stderr: process.stderr }, {}, new AbortController().signal);
  if (code === 0) writeFileSync(join(__dirname, '..', 'docs', 'start.svg'), startPicture(output));
  process.exitCode = code;
}

if (require.main === module) void record();
