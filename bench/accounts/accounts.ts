/**
 * Many accounts: how many sources one stack can hold, and what a thousand accounts would need from one service.
 * `npm run accounts` prints both. The results are in docs/adr/0011.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { helpOf, optionsOnly, readOptionsOf, UsageError, wholeNumber } from '../../cli/lib/command-line';
import { synthesize } from '../../infra/synthesize';
import { measureCosts } from '../cost/cost';
import { total } from '../cost/month';
import { typicalPartner } from '../cost/partners';
import { dollars, markdownTable, number } from '../report/tables';
import { type FleetUse, simulateFleet } from './fleet';
import { type FleetCost, functionForEach, oneDispatcher } from './fleet-cost';
import { measureTemplate, templatesText } from './templates';

const commandLine = () =>
  optionsOnly(
    new Command('npm run accounts --')
      .description('Measures the stack with 1 to 20 sources, and simulates many accounts on in-memory ports.')
      .option('--accounts <N>', 'number of accounts to simulate (default: 1000)', wholeNumber('--accounts', 1, 10_000))
      .option('--hours <N>', 'hours to simulate (default: 3)', wholeNumber('--hours', 1, 240)),
  );

async function templates(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'accounts-'));
  try {
    synthesize({ outdir: directory, validate: false });
    const [cost] = await measureCosts(directory, 'PartnerCentralTaskPoller', [typicalPartner]);
    if (cost === undefined) throw new Error('Nothing was measured.');
    const all = [1, 5, 18, 20].map(sources => measureTemplate(sources));
    return templatesText([...all, measureTemplate(20, false)], cost.parts);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function fleetText(use: FleetUse): string {
  const costs = [functionForEach(use), oneDispatcher(use)] as const;
  const row = (name: string, of: (cost: FleetCost) => string) => [name, ...costs.map(of)];
  const account = (amount: number) => `$${(amount / use.accounts).toFixed(4)}`;
  const a = (count: number) => number(count / use.accounts / use.days);
  return [
    `${number(use.accounts)} accounts for ${number(use.days * 24)} hours, each polled once a minute. An account a day: ${a(use.listCalls)} List calls (at most ${number(use.maxListCalls)}, of a quota of 100,000 of its own), ${a(use.otherCalls)} calls to table and bus, ${a(use.rows)} rows written, ${a(use.events)} events.`,
    markdownTable([
      ['A month', 'A function for each', 'One dispatcher'],
      row('GB seconds an account', ({ gbSeconds }) => number(gbSeconds / use.accounts)),
      ...costs[0].items.map(([name], at) => row(name, ({ items }) => account(items[at]?.[1] ?? 0))),
      row('**An account**', ({ items }) => `**${account(total(items))}**`),
      row('**All**', ({ items }) => `**${dollars(total(items))}**`),
    ]),
  ].join('\n\n');
}

async function main(): Promise<void> {
  const { accounts = 1_000, hours = 3, help } = readOptionsOf(commandLine(), process.argv.slice(2), process.env);
  if (help) return void process.stdout.write(helpOf(commandLine()));
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  console.log(await templates());
  const startedAt = performance.now();
  const use = await simulateFleet(accounts as number, hours as number);
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(`\n${fleetText(use)}\n\n${number(use.polls)} polls in ${number(seconds)} seconds on this machine.`);
}

if (require.main === module) {
  main().catch(error => {
    console.error(error instanceof UsageError ? error.message : error);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  });
}
