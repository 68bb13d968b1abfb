/**
 * What a month costs: quiet polls, an hour with endings, and an audit are measured on this machine for three partners,
 * and multiplied by a price list. `npm run cost` prints it; with `-- --write` it goes into docs/performance.md as well.
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
import { leaveLookback, someFailure, untilWhole } from '../report/cells';
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
  POLLS_A_MONTH,
  plus,
  scheduledUsage,
  times,
  total,
  type Usage,
} from './month';
import { type Partner, partners, typicalPartner } from './partners';
import { prices, pricesAsOf } from './prices';

const DAY_MS = 24 * 60 * MINUTE_MS;

/** An audit is measured over about so many tasks at the most (and what runs), and its cost per task taken from that. */
const MOST_AUDITED = 1_000;

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
  const looks = looksOf(latencies ?? (await measureLatencies(directory, stackName, [mixedCase])));
  const costs: PartnerCost[] = [];
  for (const partner of whose) {
    const parts = { ...(await measureParts(partner, resources.retentionDays, directory, stackName)), looks };
    costs.push({ partner, parts, resources, items: monthlyCost(partner, parts, resources) });
  }
  return costs;
}

/** In the simulation, with hardly a task running, each poll makes one List call. */
function looksOf(latencies: readonly Latency[]): MeasuredParts['looks'] {
  const mixed = latencies.find(({ tasks, mode }) => tasks === mixedCase.name && mode === 'follow and nudges');
  if (mixed === undefined) throw new Error(`The latencies lack ${mixedCase.name}`);
  return { polls: mixed.extraListCallsPerTask, seconds: mixed.extraComputeSecondsPerTask };
}

async function measureParts(partner: Partner, retentionDays: number, directory: string, stackName: string) {
  const { history, running, endingsADay } = partner;
  const auditedDays = Math.min(retentionDays, MOST_AUDITED / endingsADay);
  const emitSince = Date.now() - auditedDays * DAY_MS;
  // Nothing stalls: the metric that counts it would report, and a task that runs for weeks is nobody's usual month.
  const settings = { emitSince: new Date(emitSince).toISOString(), stalledAfterMinutes: 43_200 };
  const ours = await startOurs(directory, stackName, settings);
  try {
    const { store, clock } = ours;
    store.addHistory({ count: history, newestAt: clock.now() - 120 * MINUTE_MS, spacingMs: DAY_MS / endingsADay });
    for (let at = 0; at < running; at += 1) store.add({ startTimeMs: clock.now() - 60 * MINUTE_MS - at });
    await untilWhole(ours);
    await leaveLookback(ours);

    const quiet = await pollFor(ours, 10);
    const quietPoll = times(quiet, 1 / quiet.polls);
    const beyondQuiet = (usage: Usage) => plus(usage, times(quietPoll, -usage.polls));

    const endings = Math.max(1, Math.round(endingsADay / 24));
    const busy = await pollFor(ours, 60, minute => {
      for (const number of dueIn(minute, endings)) startAndEnd(ours, partner, number);
    });
    const after = await pollFor(ours, 10); // until the last that started is no longer within the lookback

    const audited = store.tasks().filter(({ startTimeMs }) => startTimeMs >= emitSince).length;
    return {
      quietPoll,
      ending: times(beyondQuiet(plus(busy, after)), 1 / endings),
      auditOfATask: times(beyondQuiet(await audit(ours)), 1 / audited),
      rowBytes: ours.meter.meanBytes(),
      audited,
    };
  } finally {
    await ours.close();
  }
}

/** One poll a minute for so many minutes. */
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

/** The numbers of those of an hour's endings that fall into this minute of it. */
function dueIn(minute: number, anHour: number): number[] {
  const [before, after] = [minute, minute + 1].map(at => Math.floor((at * anHour) / 60)) as [number, number];
  return Array.from({ length: after - before }, (_, at) => before + at);
}

function startAndEnd({ store, clock }: Ours, { endingsADay, failuresADay }: Partner, number: number) {
  const [oldest] = store.inProgressIds();
  const failed = number % Math.round(endingsADay / failuresADay) === 0;
  if (oldest !== undefined) store.end(oldest, failed ? someFailure : 'COMPLETE');
  store.add({ startTimeMs: clock.now() });
}

/** @throws Error when it finds something to publish: then it is not only an audit that was measured */
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

/** The section in docs/performance.md. */
export function costText(costs: readonly PartnerCost[]): string {
  const [{ resources }] = costs as [PartnerCost];
  const row = (name: string, of: (cost: PartnerCost) => string) => [name, ...costs.map(of)];
  const usage = ({ partner, parts }: PartnerCost) => monthlyUsage(partner, parts, resources);
  const extra = ({ partner, parts }: PartnerCost) => extraUsage(partner, parts, resources);
  const scheduled = ({ partner, parts }: PartnerCost) => scheduledUsage(partner, parts, resources);
  const { looks } = (costs[0] as PartnerCost).parts;
  const typical = costs.find(({ partner }) => partner === typicalPartner) ?? (costs[0] as PartnerCost);
  const more = (others: Partial<BilledResources>) =>
    dollars(
      total(monthlyCost(typical.partner, typical.parts, { ...resources, ...others })) -
        total(monthlyCost(typical.partner, typical.parts, resources)),
    );
  const names = (costs[0]?.items ?? []).map(([name]) => name);
  return [
    `A month at one poll a minute, at list prices of ${pricesAsOf} and without any free tier:`,
    '',
    markdownTable([
      row('', ({ partner }) => partner.name),
      row('Ended tasks listed', ({ partner }) => number(partner.history)),
      row('Tasks running', ({ partner }) => number(partner.running)),
      row(
        'Endings a day, of them failures',
        ({ partner: { endingsADay, failuresADay } }) => `${number(endingsADay)}, ${failuresADay}`,
      ),
      row('List calls a day', cost => number(usage(cost).listCalls / DAYS)),
      row('Of them in follows and nudges', cost => number(extra(cost).listCalls / DAYS)),
      row('Write units a month', cost => number(usage(cost).writeUnits)),
      row('Read units a month', cost => number(usage(cost).readUnits)),
      row('Seconds a scheduled poll', cost =>
        (functionSeconds(scheduled(cost), resources.memoryMb) / POLLS_A_MONTH).toFixed(2),
      ),
      ...names.map((name, at) => row(name, ({ items }) => dollars(items[at]?.[1] ?? 0))),
      row('**All**', ({ items }) => `**${dollars(total(items))}**`),
    ]),
    '',
    `A further source in the same stack shares table, bus and alerts: ${costs.map(({ partner, parts }) => `${dollars(furtherSourceCost(partner, parts, resources))} more for a ${partner.name} one`).join(', ')}. ` +
      `While tasks stall, or anything is set aside, overdue or stuck, its metric adds up to ${dollars(prices.metricMonth)} a month, by the hour. ` +
      `For a ${typical.partner.name} one, \`dashboard\` adds ${more({ dashboards: 1 })} and \`customerManagedKey\` ${more({ encryptionKeys: 1, alarmMetrics: resources.alarmMetrics + 1 })}.`,
    '',
    `Follows and nudges: ${looks.polls.toFixed(1)} polls and ${looks.seconds.toFixed(0)} seconds of the function for each task, as measured with [a mix of tasks](benchmark.md#latency) of which each is announced. At most ${number(resources.maxExtraListCallsPerDay)} List calls a day. ` +
      `Measured: calls, capacity units, log bytes and CPU time of quiet polls, of an hour with endings, and of an audit (of ${costs.map(({ parts }) => number(parts.audited)).join(', ')} tasks, the rest in proportion). ` +
      `Counted: ${resources.alarmMetrics} metrics that the stack's alarms look at. ` +
      `Assumed: ${assumed.secondsAListCall} seconds for a List call and ${assumed.secondsAnotherCall} for any other, CPU time ${(assumed.mbOfAWholeCpu / resources.memoryMb).toFixed(1)} times as long in a function of ${resources.memoryMb} MB, ` +
      `${assumed.lambdaLogBytesAPoll} log bytes of Lambda's own a poll, ${number(idleQueueRequests(resources))} requests a month that the ${resources.idlePollers} pollers make that Lambda keeps on an idle queue, and that nothing stalls (the large partner's tasks, which run for long, need a \`stalledAfterMinutes\` to match).`,
  ].join('\n');
}

const commandLine = () =>
  optionsOnly(
    new Command('npm run cost --')
      .description('Measures what a month costs three partners, on local stand-ins for the AWS services.')
      .option('--write', 'puts it into docs/performance.md as well'),
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
