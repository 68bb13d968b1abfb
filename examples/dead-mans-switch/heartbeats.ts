/** Decides whether every poller was heard of. Pure. */

/** Namespace and metric of the poller's heartbeat: one for each complete poll. */
export const heartbeat = { namespace: 'PartnerCentralTaskPoller', metricName: 'CompleteRuns', dimension: 'service' };

/** The metric's values within the window, by poller. Without a poll, CloudWatch has none. */
export type Heartbeats = Readonly<Record<string, readonly number[] | undefined>>;

/** The pollers without a single complete poll in the window. One of several is enough to keep the switch waiting. */
export const silentPollers = (pollers: readonly string[], heartbeats: Heartbeats) =>
  pollers.filter(poller => !heartbeats[poller]?.some(count => count > 0));
