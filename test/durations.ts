export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** The format of times in the poller's settings and checkpoint. */
export const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
