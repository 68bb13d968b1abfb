/** Tells the switch that the pollers live, if they do. What it throws, or does not tell, sets off the switch. */
import { CloudWatchClient, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { heartbeat, silentPollers } from './heartbeats';

const cloudWatch = new CloudWatchClient({});

export async function handler() {
  const pollers = String(process.env.POLLERS).split(',');
  const silent = silentPollers(pollers, await heartbeats(pollers));
  if (silent.length > 0) {
    console.warn(JSON.stringify({ message: 'The switch is not told: no complete poll', silent }));
    return { told: false, silent };
  }
  const { ok, status } = await fetch(String(process.env.SWITCH_URL), {
    method: 'POST',
    signal: AbortSignal.timeout(10_000),
  });
  if (!ok) throw new Error(`The switch answered ${status}`); // Lambda tries it once more
  console.log(JSON.stringify({ message: 'The switch was told', pollers }));
  return { told: true, silent };
}

async function heartbeats(pollers: readonly string[]) {
  const now = Date.now();
  const { namespace, metricName, dimension } = heartbeat;
  const { MetricDataResults = [] } = await cloudWatch.send(
    new GetMetricDataCommand({
      StartTime: new Date(now - Number(process.env.WINDOW_MINUTES) * 60_000),
      EndTime: new Date(now),
      MetricDataQueries: pollers.map((Value, at) => ({
        Id: `poller${at}`,
        MetricStat: {
          Metric: { Namespace: namespace, MetricName: metricName, Dimensions: [{ Name: dimension, Value }] },
          Period: 60,
          Stat: 'Sum',
        },
      })),
    }),
  );
  return Object.fromEntries(
    pollers.map((poller, at) => [poller, MetricDataResults.find(({ Id }) => Id === `poller${at}`)?.Values]),
  );
}
