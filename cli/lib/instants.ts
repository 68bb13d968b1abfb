import { InvalidArgumentError } from 'commander';
import { isInstant } from '../../lambdas/poller/core/instant';

export const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

export const momentsAllowed =
  'an instant (2026-11-01T00:00:00Z), a date (2026-11-01, in UTC) or how long ago (24h, 7d)';

/**
 * A moment on the command line, as milliseconds.
 * @throws InvalidArgumentError naming what is allowed
 */
export function readMoment(given: string, now = Date.now()): number {
  const ago = /^(\d{1,6})([smhdw])$/.exec(given);
  if (ago) return now - Number(ago[1]) * unitMs[ago[2] as keyof typeof unitMs];
  const instant = /^\d{4}-\d\d-\d\d$/.test(given) ? `${given}T00:00:00Z` : given;
  if (isInstant(instant)) return Date.parse(instant);
  throw new InvalidArgumentError(`Allowed: ${momentsAllowed}.`);
}
