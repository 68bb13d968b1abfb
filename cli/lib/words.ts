/** Times and tables as people read them. */

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

export const counted = (count: number, one: string, several = `${one}s`) =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : several}`;

/** A length of time in its largest unit, and the next one where the first is small: `1 hour 20 minutes`, `3 days`. */
export function duration(ms: number): string {
  const at = units.findIndex(([, size]) => ms >= size);
  const [unit, size] = units[at] ?? ['second', 1_000];
  const whole = Math.floor(ms / size);
  const next = whole < 3 ? units[at + 1] : undefined;
  const rest = next ? Math.floor((ms % size) / next[1]) : 0;
  return next && rest > 0 ? `${counted(whole, unit)} ${counted(rest, next[0])}` : counted(whole, unit);
}

/** `12 minutes ago`, `in 3 hours`, `now`. */
export function relative(at: number, now: number): string {
  if (Math.abs(now - at) < 1_000) return 'now';
  return at < now ? `${duration(now - at)} ago` : `in ${duration(at - now)}`;
}

/** `2026-11-23 23:40:12 UTC` */
export const utc = (at: number) => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

export const utcAndAge = (at: number, now: number) => `${utc(at)}, ${relative(at, now)}`;

export const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());

/** For a shell, in a command that is printed to be copied: quoted where it has to be. */
export const shellWord = (word: string) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** Lines with nothing in them that a terminal would obey: ids, codes and messages are whatever the API says. */
export const harmless = (text: string) => text.replace(/(?!\n)[\p{Cc}\p{Cf}]/gu, '\ufffd');

/** The same for JSON, which leaves some of these in its texts as they are. */
export const escaped = (json: string) =>
  json.replace(/(?!\n)[\p{Cc}\p{Cf}]/gu, characters =>
    characters.replace(/[\s\S]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );

/** Text of the API on one line. */
export const inLine = (text: string) => harmless(text.replace(/[\r\n\t]+/g, ' '));

/** Columns two spaces apart, each as wide as it needs to be, without the empty ones; a line that is longer than `width` is cut. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
) {
  const isUsed = (_: string, at: number) => rows.some(row => row[at] !== '');
  const lines = [header, ...rows.map(row => row.map(inLine))].map(line => line.filter(isUsed));
  const widths = header
    .filter(isUsed)
    .map((_, at) => lines.reduce((most, line) => Math.max(most, line[at]?.length ?? 0), 0));
  return lines.map(row => {
    const line = row
      .map((cell, at) => cell.padEnd(widths[at] as number))
      .join('  ')
      .trimEnd();
    return line.length > width ? `${line.slice(0, width - 1)}…` : line;
  });
}
