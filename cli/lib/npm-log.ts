import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A log is named after the moment when npm began: 2026-11-28T22_19_07_950Z-debug-0.log */
const logName = /^(\d{4}-\d\d-\d\dT\d\d)_(\d\d)_(\d\d)_(\d{3}Z)-debug-0\.log$/;
/** From the start of npm to the start of this process. */
const LONGEST_START_MS = 60_000;

/**
 * The options that npm took for itself when it ran this script. npm does not pass on the
 * options that it knows. It rewrites --local to --no-global, and does not pass that on either. Only its log has them.
 * @param args that npm passed on
 * @returns such as `--json`; none where npm keeps no log
 */
export function optionsTakenByNpm(
  args: readonly string[],
  { npm_config_cache: cache, npm_lifecycle_event: script }: NodeJS.ProcessEnv,
  now: number,
): string[] {
  if (cache === undefined || script === undefined) return [];
  for (const words of recentCommands(join(cache, '_logs'), now)) {
    const end = words.includes('--') ? words.indexOf('--') : words.length;
    const before = words.slice(0, end);
    const isOption = (word: string) => word.startsWith('-');
    const rest = [...before.filter(word => !isOption(word)), ...words.slice(end + 1)];
    // Others may have run npm at the same time.
    if (!rest.includes(script) || rest.slice(rest.length - args.length).join('\n') !== args.join('\n')) continue;
    return before
      .filter(isOption)
      .map(option => (option.split('=')[0] === '--no-global' ? '--local' : (option.split('=')[0] as string)));
  }
  return [];
}

/** What npm was called with, the latest first. */
function recentCommands(folder: string, now: number): string[][] {
  try {
    return readdirSync(folder)
      .filter(name => now - beginOf(name) < LONGEST_START_MS)
      .sort()
      .reverse()
      .map(name => {
        const [, line = ''] = /verbose argv (.*)/.exec(readFileSync(join(folder, name), 'utf8')) ?? [];
        return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word]) => word as string);
      });
  } catch {
    return []; // npm keeps no log, or has just removed an old one
  }
}

function beginOf(name: string): number {
  const [, hour, minutes, seconds, rest] = logName.exec(name) ?? [];
  return Date.parse(`${hour}:${minutes}:${seconds}.${rest}`) || 0;
}
