/**
 * What a month costs: a quiet poll and a poll that finds endings are measured on this machine (calls, log bytes), and
 * multiplied by a price list. `npm run cost` prints it; with `-- --write` it goes into the README as well.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '../infra/synthesize';
import { startLocalStack } from '../local/local-stack';
import { prices, pricesAsOf } from './prices';
import { replaceBetween } from './write-docs';

const MINUTES_A_MONTH = 30 * 24 * 60;
const MEMORY_GB = 0.25;
/** Not measurable here: four to five round trips within AWS, and one to Partner Central. */
const ASSUMED_SECONDS_A_POLL = 0.3;
/** Lambda keeps five long polls of 20 seconds open on a queue, whether anything is in it or not. */
const IDLE_QUEUE_REQUESTS = 5 * 3 * MINUTES_A_MONTH;

const partner = { running: 20, endingsADay: 50, failuresADay: 5 };

async function measure() {
  const directory = mkdtempSync(join(tmpdir(), 'task-poller-cost-'));
  let logBytes = 0;
  synthesize({ outdir: directory });
  const stack = await startLocalStack({
    directory,
    stackName: 'PartnerCentralTaskPoller',
    onLog: line => {
      logBytes += Buffer.byteLength(line) + 26; // what CloudWatch adds to each line
    },
  });
  try {
    const store = stack.partnerCentral.store(stack.catalog);
    store.addHistory({ count: 10_000, newestAt: Date.now() - 3_600_000, spacingMs: 60_000 });
    for (let at = 0; at < partner.running; at += 1) store.add({ startTimeMs: Date.now() - 7_200_000 - at });
    await stack.poll();
    await stack.poll();
    logBytes = 0;
    for (const service of [stack.partnerCentral, stack.dynamoDb]) service.calls.reset();
    const { result, error } = await stack.poll();
    if (error) throw new Error(error.message);
    return {
      listCalls: result.listCalls,
      tableWrites: stack.dynamoDb.calls.of('UpdateItem') + stack.dynamoDb.calls.of('BatchWriteItem'),
      tableReads: stack.dynamoDb.calls.of('Query') + stack.dynamoDb.calls.of('BatchGetItem'),
      logBytes,
    };
  } finally {
    await stack.close();
    rmSync(directory, { recursive: true });
  }
}

export function monthlyCost(poll: Awaited<ReturnType<typeof measure>>) {
  const polls = MINUTES_A_MONTH;
  const endings = partner.endingsADay * 30;
  const failures = partner.failuresADay * 30;
  // A row is written when it is first seen and when it ended, both times with its entry in the index.
  const writeUnits = polls * poll.tableWrites + endings * 4;
  const readUnits = polls * poll.tableReads * 0.5 + endings * 2;
  return [
    ['Function', polls * (prices.lambdaRequest + ASSUMED_SECONDS_A_POLL * MEMORY_GB * prices.lambdaGbSecond)],
    ['Schedules', polls * prices.schedulerInvocation],
    ['Table', writeUnits * prices.tableWriteUnit + readUnits * prices.tableReadUnit],
    ['Events', endings * prices.customEvent],
    ['Alerts: queue', (IDLE_QUEUE_REQUESTS + failures * 3) * prices.queueRequest],
    ['Alerts: function and mails', failures * (prices.lambdaRequest + prices.email)],
    ['Logs', (polls * poll.logBytes * prices.logGb) / 1e9],
    ['Metrics: the heartbeat', prices.metricMonth],
    ['Metrics: failed tasks, in the hours that have any', (prices.metricMonth * Math.min(720, failures)) / 720],
  ] as const;
}

async function main(): Promise<void> {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const poll = await measure();
  const items = monthlyCost(poll);
  const dollars = (amount: number) => `$${amount.toFixed(2)}`;
  const total = items.reduce((sum, [, amount]) => sum + amount, 0);
  const text = [
    `A poll with ${partner.running} tasks running and nothing new makes ${poll.listCalls} List calls, ${poll.tableWrites} table writes and ${poll.tableReads} table read, and logs ${poll.logBytes} bytes.`,
    `With ${partner.endingsADay} endings a day, ${partner.failuresADay} of them failures, at list prices of ${pricesAsOf} and without any free tier, a month costs:`,
    '',
    '| Item | A month |',
    '| --- | ---: |',
    ...items.map(([name, amount]) => `| ${name} | ${dollars(amount)} |`),
    `| **All** | **${dollars(total)}** |`,
    '',
    `Assumed, not measured: ${ASSUMED_SECONDS_A_POLL} seconds a poll on AWS, and ${IDLE_QUEUE_REQUESTS.toLocaleString('en')} requests a month that Lambda makes to an idle queue.`,
  ].join('\n');
  console.log(text);
  if (!process.argv.includes('--write')) return;
  const readme = join(__dirname, '..', 'README.md');
  writeFileSync(readme, replaceBetween(readFileSync(readme, 'utf8'), 'cost', text));
}

void main();
