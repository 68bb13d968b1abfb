import type { RunLogger } from '../../lambdas/poller/ports';

/** What a run logs as a warning or worse, as a line for people. The rest is in its summary. */
export function textLogger(note: (line: string) => void): RunLogger {
  const write = (message: unknown, ...more: unknown[]) => note([String(message), ...more.flatMap(describe)].join(': '));
  return { info: () => {}, warn: write, error: write, appendKeys: () => {}, removeKeys: () => {} };
}

/** An error's message, and what else is known as name and value. */
function describe(more: unknown): string[] {
  if (more instanceof Error) return [more.message];
  if (typeof more !== 'object' || more === null) return [String(more)];
  const { error, ...rest } = more as Record<string, unknown>;
  const facts = Object.entries(rest).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`],
  );
  return [...(error instanceof Error ? [error.message] : []), ...(facts.length > 0 ? [facts.join(', ')] : [])];
}
