const instant = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** Whether a text is an RFC 3339 instant that exists. JavaScript's own parser is laxer: it knows a 30th of February. */
export function isInstant(text: string): boolean {
  const [, wallClock = ''] = instant.exec(text) ?? [];
  const at = new Date(`${wallClock}Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(wallClock);
}
