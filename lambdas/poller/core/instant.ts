/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

const instant = /^(\d{4}-\d\d-(\d\d)T\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Whether a text is an RFC 3339 instant that exists. JavaScript's own parser is laxer: it knows a 30th of February. */
export function isInstant(text: string): boolean {
  const [, wallClock, day] = instant.exec(text) ?? [];
  return wallClock !== undefined && new Date(`${wallClock}Z`).getUTCDate() === Number(day);
}

const looseInstant = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d+)?)([Zz]|[+-]\d\d:?\d\d)?$/;

/**
 * The RFC 3339 instant that a text means. Lower case, a space for the T, and an offset without a colon are accepted, and
 * a time without a zone is UTC.
 * @returns undefined for what is not a time
 */
export function toInstant(text: string): string | undefined {
  if (isInstant(text)) return text;
  const [, date, time, zone = 'Z'] = looseInstant.exec(text) ?? [];
  const given = `${date}T${time}${zone.toUpperCase().replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')}`;
  return isInstant(given) ? given : undefined;
}

/** A time that the table stores as ISO 8601 text; undefined for anything else. Moment 0 is a time like any other. */
export function storedTime(value: unknown): EpochMs | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}
