/**
 * Monthly cost for three partners: measures quiet polls, an hour with finished tasks, and an audit, and applies a price
 * list. `npm run cost` prints it; with `-- --write` it also updates docs/performance.md.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { helpOf, optionsOnly, readOptionsOf, UsageError } from '../../cli/lib/command-line';
import { synthesize } from '../../infra/synthesize';
import { readSynthesized } from '../../local/synthesized';
import { replaceBetween } from '../../scripts/write-docs';
import { type Latency, measureLatencies, mixedCase } from '../measure/latency';
import { type Measured, MINUTE_MS, type Ours, startOurs } from '../measure/side-by-side';
import { leaveLookback, pollUntilComplete, sampleFailure } from '../report/cells';
import { dollars, markdownTable, number } from '../report/tables';
import { type BilledResources, billedResources } from './billed-resources';
import {
  assumed,
  type CostItem,
  DAYS,
  extraUsage,
  functionSeconds,
  furtherSourceCost,
  idleQueueRequests,
  type MeasuredParts,
  monthlyCost,
  monthlyUsage,
  POLLS_PER_MONTH,
  plus,
  scheduledUsage,
  times,
  total,
  type Usage,
} from './month';
import { type Partner, partners, typicalPartner } from './partners';
import { prices, pricesAsOf } from './prices';

const DAY_MS = 24 * 60 * MINUTE_MS;

/** Upper limit for the finished tasks of a measured audit. The cost per task is taken from it. */
const MAX_AUDITED = 1_000;

export interface PartnerCost {
  readonly partner: Partner;
  readonly parts: MeasuredParts & { readonly audited: number };
  readonly items: readonly CostItem[];
  readonly resources: BilledResources;
}

export async function measureCosts(
  directory: string,
  stackName: string,
  whose: readonly Partner[] = partners,
  latencies?: readonly Latency[],
): Promise<PartnerCost[]> {
  const resources = billedResources(readSynthesized(directory, stackName).template);
  const extraPolls = extraPollsOf(latencies ?? (await measureLatencies(directory, stackName, [mixedCase])));
  const costs: PartnerCost[] = [];
  for (const partner of whose) {
    const parts = { ...(await measureParts(partner, resources.retentionDays, directory, stackName)), extraPolls };
    costs.push({ partner, parts, resources, items: monthlyCost(partner, parts, resources) });
  }
  return costs;
}

/** In the simulation, few tasks run, so each poll makes one List call. */
function extraPollsOf(latencies: readonly Latency[]): MeasuredParts['extraPolls'] {
  const mixed = latencies.find(({ tasks, mode }) => tasks === mixedCase.name && mode === 'follow and nudges');
  if (mixed === undefined) throw new Error(`The latencies lack ${mixedCase.name}`);
  return { polls: mixed.extraListCallsPerTask, seconds: mixed.extraComputeSecondsPerTask };
}

async function measureParts(partner: Partner, retentionDays: number, directory: string, stackName: string) {
  const { history, running, finishedPerDay } = partner;
  const auditedDays = Math.min(retentionDays, MAX_AUDITED / finishedPerDay);
  const emitSince = Date.now() - auditedDays * DAY_MS;
  // No task stalls: a stall would publish a metric, and tasks that run for weeks are not typical.
  const settings = { emitSince: new Date(emitSince).toISOString(), stalledAfterMinutes: 43_200 };
  const ours = await startOurs(directory, stackName, settings);
  try {
    const { store, clock } = ours;
    store.addHistory({ count: history, newestAt: clock.now() - 120 * MINUTE_MS, spacingMs: DAY_MS / finishedPerDay });
    for (let at = 0; at < running; at += 1) store.add({ startTimeMs: clock.now() - 60 * MINUTE_MS - at });
    await pollUntilComplete(ours);
    await leaveLookback(ours);

    const quiet = await pollFor(ours, 10);
    const quietPoll = times(quiet, 1 / quiet.polls);
    const beyondQuiet = (usage: Usage) => plus(usage, times(quietPoll, -usage.polls));

    const finished = Math.max(1, Math.round(finishedPerDay / 24));
    const busy = await pollFor(ours, 60, minute => {
      for (const number of dueIn(minute, finished)) startAndEnd(ours, partner, number);
    });
    const after = await pollFor(ours, 10); // until no started task is within the lookback

    const audited = store.tasks().filter(({ startTimeMs }) => startTimeMs >= emitSince).length;
    return {
      quietPoll,
      finishedTask: times(beyondQuiet(plus(busy, after)), 1 / finished),
      auditPerTask: times(beyondQuiet(await audit(ours)), 1 / audited),
      rowBytes: ours.meter.meanBytes(),
      audited,
    };
  } finally {
    await ours.close();
  }
}

/** Polls once a minute. */
async function pollFor(ours: Ours, minutes: number, before: (minute: number) => void = () => {}): Promise<Usage> {
  let usage = usageOf(await pollAfter(ours, 0, before));
  for (let minute = 1; minute < minutes; minute += 1)
    usage = plus(usage, usageOf(await pollAfter(ours, minute, before)));
  return usage;
}

async function pollAfter(ours: Ours, minute: number, before: (minute: number) => void): Promise<Measured> {
  ours.clock.advance(MINUTE_MS);
  before(minute);
  return ours.poll();
}

/** Numbers of the tasks that finish in this minute of the hour. */
function dueIn(minute: number, perHour: number): number[] {
  const [before, after] = [minute, minute + 1].map(at => Math.floor((at * perHour) / 60)) as [number, number];
  return Array.from({ length: after - before }, (_, at) => before + at);
}

function startAndEnd({ store, clock }: Ours, { finishedPerDay, failuresPerDay }: Partner, number: number) {
  const [oldest] = store.inProgressIds();
  const failed = number % Math.round(finishedPerDay / failuresPerDay) === 0;
  if (oldest !== undefined) store.end(oldest, failed ? sampleFailure : 'COMPLETE');
  store.add({ startTimeMs: clock.now() });
}

/** @throws Error when the audit publishes: then the usage includes more than an audit */
async function audit(ours: Ours): Promise<Usage> {
  ours.clock.advance(MINUTE_MS);
  let poll = await ours.poll(undefined, 'audit');
  let usage = usageOf(poll);
  while (poll.result.gaps !== 0) {
    ours.clock.advance(MINUTE_MS);
    poll = await ours.poll();
    usage = plus(usage, usageOf(poll));
  }
  if (usage.events > 0)
    throw new Error(`The audit found ${usage.events} events to publish, and should have found none`);
  return usage;
}

function usageOf({
  listCalls,
  tableCalls,
  putCalls,
  cpuMs,
  readUnits,
  writeUnits,
  logBytes,
  ...poll
}: Measured): Usage {
  const otherCalls = tableCalls + putCalls;
  const { events, eventBytes } = poll;
  return { polls: 1, listCalls, otherCalls, cpuMs, readUnits, writeUnits, logBytes, events: events.length, eventBytes };
}

/** The section on cost in docs/performance.md. */
export function costText(costs: readonly PartnerCost[]): string {
  const [{ resources }] = costs as [PartnerCost];
  const row = (name: string, of: (cost: PartnerCost) => string) => [name, ...costs.map(of)];
  const usage = ({ partner, parts }: PartnerCost) => monthlyUsage(partner, parts, resources);
  const extra = ({ partner, parts }: PartnerCost) => extraUsage(partner, parts, resources);
  const scheduled = ({ partner, parts }: PartnerCost) => scheduledUsage(partner, parts, resources);
  const { extraPolls } = (costs[0] as PartnerCost).parts;
  const typical = costs.find(({ partner }) => partner === typicalPartner) ?? (costs[0] as PartnerCost);
  const more = (others: Partial<BilledResources>) =>
    dollars(
      total(monthlyCost(typical.partner, typical.parts, { ...resources, ...others })) -
        total(monthlyCost(typical.partner, typical.parts, resources)),
    );
  const names = (costs[0]?.items ?? []).map(([name]) => name);
  return [
    `A month of three example partners, at one poll a minute, at list prices of ${pricesAsOf} and without any free tier:`,
    '',
    markdownTable([
      row('', ({ partner }) => partner.name),
      row('Ended tasks listed', ({ partner }) => number(partner.history)),
      row('Tasks running', ({ partner }) => number(partner.running)),
      row(
        'Finished tasks a day, of them failed',
        ({ partner: { finishedPerDay, failuresPerDay } }) => `${number(finishedPerDay)}, ${failuresPerDay}`,
      ),
      row('List calls a day', cost => number(usage(cost).listCalls / DAYS)),
      row('Of these, in follows and nudges', cost => number(extra(cost).listCalls / DAYS)),
      row('Write units a month', cost => number(usage(cost).writeUnits)),
      row('Read units a month', cost => number(usage(cost).readUnits)),
      row('Duration of a scheduled poll, seconds', cost =>
        (functionSeconds(scheduled(cost), resources.memoryMb) / POLLS_PER_MONTH).toFixed(2),
      ),
      ...names.map((name, at) => row(name, ({ items }) => dollars(items[at]?.[1] ?? 0))),
      row('**All**', ({ items }) => `**${dollars(total(items))}**`),
    ]),
    '',
    `A further source in the same stack shares table, bus and alerts: ${costs.map(({ partner, parts }) => `${dollars(furtherSourceCost(partner, parts, resources))} more for a ${partner.name} one`).join(', ')}. ` +
      `A metric for stalled tasks, quarantined entries, an overdue audit or an unchanged backlog adds up to ${dollars(prices.metricMonth)} a month. It is charged for each hour in which it is published. ` +
      `For a ${typical.partner.name} one, \`dashboard\` adds ${more({ dashboards: 1 })} and \`customerManagedKey\` ${more({ encryptionKeys: 1, alarmMetrics: resources.alarmMetrics + 1 })}.`,
    '',
    `- **Measured** on local stand-ins: calls, capacity units, log bytes and CPU time of quiet polls, of an hour with finished tasks, and of an audit (of ${costs.map(({ parts }) => number(parts.audited)).join(', ')} tasks, the rest in proportion).`,
    `- **Measured** with [a mix of tasks](benchmark.md#latency) in which each task is announced: follows and nudges take ${extraPolls.polls.toFixed(1)} polls and ${extraPolls.seconds.toFixed(0)} seconds of the function for each task. They make at most ${number(resources.maxExtraListCallsPerDay)} List calls a day.`,
    `- **Counted** in the template: ${resources.alarmMetrics} metrics that the alarms read.`,
    `- **Assumed**: ${assumed.secondsPerListCall} seconds for a List call and ${assumed.secondsPerOtherCall} for any other. CPU time ${(assumed.mbPerVcpu / resources.memoryMb).toFixed(1)} times as long in a function of ${resources.memoryMb} MB. ${assumed.lambdaLogBytesPerPoll} bytes of Lambda's own log lines a poll. ${number(idleQueueRequests(resources))} requests a month by the ${resources.idlePollers} threads with which Lambda polls an idle queue. No stalled tasks: the large partner's tasks run for long and need a higher \`stalledAfterMinutes\`.`,
  ].join('\n');
}

const commandLine = () =>
  optionsOnly(
    new Command('npm run cost --')
      .description('Measures the monthly cost for three partners, on local stand-ins for the AWS services.')
      .option('--write', 'also update docs/performance.md'),
  );

async function main(): Promise<void> {
  const { write, help } = readOptionsOf(commandLine(), process.argv.slice(2), process.env);
  if (help) return void process.stdout.write(helpOf(commandLine()));
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const directory = mkdtempSync(join(tmpdir(), 'task-poller-cost-'));
  try {
    synthesize({ outdir: directory, validate: false });
    const text = costText(await measureCosts(directory, 'PartnerCentralTaskPoller'));
    console.log(text);
    if (!write) return;
    const page = join(__dirname, '..', '..', 'docs', 'performance.md');
    writeFileSync(page, replaceBetween(readFileSync(page, 'utf8'), 'cost', text));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (require.main === module) {
  main().catch(error => {
    console.error(error instanceof UsageError ? error.message : error);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  });
}
