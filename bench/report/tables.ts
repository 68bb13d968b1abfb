/** Rows of cells as Markdown. The first row is the header. Every column but the first is right-aligned. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '---:'))), ...body.map(line)].join('\n');
}

/** The same for a terminal, with columns as wide as their contents. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map(row => row[at]?.length ?? 0)));
  return rows.map(row => row.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  ')).join('\n');
}

/** Without decimals from 100 on, otherwise with at most one. */
export const number = (value: number) =>
  value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 });

export const dollars = (amount: number) => `$${amount.toFixed(2)}`;

export const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
