export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** As the poller's settings and its checkpoint have a moment. */
export const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
