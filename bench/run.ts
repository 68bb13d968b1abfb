/**
 * `npm run bench`: compares this poller with the peer on the same local services, measures the monthly cost, and checks
 * the targets. Progress goes to standard error, results to standard output.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../cli/lib/command-line';
import { synthesize } from '../infra/synthesize';
import { readSynthesized } from '../local/synthesized';
import { replaceBetween } from '../scripts/write-docs';
import { costText, measureCosts, type PartnerCost } from './cost/cost';
import { total } from './cost/month';
import { partners, typicalPartner } from './cost/partners';
import { measureBackfill } from './measure/backfill';
import { bundle } from './measure/bundle';
import { measureBursts } from './measure/bursts';
import { measureFinishedAmongRunning } from './measure/finished-among-running';
import { isShort, latencyCases, measureLatencies, mixedCase } from './measure/latency';
import { measureListingMemory } from './measure/listing-memory';
import { measureLoads } from './measure/load-time';
import { measureQuietPolls } from './measure/quiet-polls';
import { type Ours, startOurs, startPeer } from './measure/side-by-side';
import { measureThrottledEntries } from './measure/throttled-entries';
import { ALL_HISTORIES, type BenchOptions, help, readOptions } from './options';
import { type Cell, measureCells } from './report/cells';
import { plots, plottedJson, plottedNumbers } from './report/plots';
import {
  benchmarkDocument,
  benchmarkText,
  cellTable,
  figuresText,
  growthOf,
  growthTable,
  latencyTable,
  latencyText,
  loadText,
  machineText,
  targetTable,
  throttledText,
} from './report/report';
import { dollars, textTable } from './report/tables';
import { checkTargets } from './targets';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'; // before the first client is made

const STACK = 'PartnerCentralTaskPoller';
/** A longer backfill takes minutes. */
const MAX_BACKFILL = 100_000;
const LONG_LIST = 100_000;

main().then(
  exitCode => {
    process.exitCode = exitCode;
  },
  error => {
    console.error(error instanceof UsageError ? error.message : error);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);

/** @returns the exit code */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options.help) {
    process.stdout.write(help);
    return 0;
  }
  const directory = mkdtempSync(join(tmpdir(), 'task-poller-bench-'));
  try {
    return await run(options, directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function run({ histories, write }: BenchOptions, directory: string): Promise<number> {
  reportProgress('Synthesizing and bundling');
  synthesize({ outdir: directory, validate: false });
  const peerBundle = await bundle(join(__dirname, 'peer', 'handler.ts'), directory, 'peer');
  const bare = await bundle(join(__dirname, 'measure', 'bare-clients.ts'), directory, 'bare');

  reportProgress('Load times');
  const loads = measureLoads({ poller: readSynthesized(directory, STACK).pollers[0].bundle, bare });
  const { cells, throttled, quietPolls } = await measureHistories(histories, directory, peerBundle);
  const backfilled = Math.min(MAX_BACKFILL, Math.max(...histories));
  reportProgress(`A backfill of ${backfilled} tasks`);
  const backfill = await measureBackfill(directory, STACK, backfilled);
  reportProgress('Bursts');
  const bursts = await measureBursts(directory, STACK, peerBundle);
  reportProgress(`A list of ${LONG_LIST} tasks`);
  const listing = await measureListingMemory(directory, STACK, LONG_LIST);
  reportProgress('Many finished tasks among many running ones');
  const among = await measureFinishedAmongRunning(directory, STACK);
  reportProgress('Latencies');
  const isWhole = histories === ALL_HISTORIES;
  const latencies = await measureLatencies(
    directory,
    STACK,
    isWhole ? latencyCases : latencyCases.filter(each => isShort(each) || each === mixedCase),
  );
  reportProgress('Monthly cost');
  const costs = await measureCosts(directory, STACK, isWhole ? partners : [typicalPartner], latencies);

  const growth = growthOf(quietPolls, cells);
  const targets = checkTargets({ cells, quietPolls, backfill, costs, loads, bursts, listing, among, latencies });
  console.log(
    [
      machineText(),
      textTable(cellTable(cells)),
      throttledText(throttled),
      textTable(cellTable(throttled)),
      'Quiet polls with 20 tasks running:',
      textTable(growthTable(growth)),
      loadText(loads),
      'Latency of finished tasks:',
      textTable(latencyTable(latencies)),
      costText(costs),
      textTable(targetTable(targets)),
    ].join('\n\n'),
  );
  if (write) {
    const root = join(__dirname, '..');
    const [readme, performance] = [join(root, 'README.md'), join(root, 'docs', 'performance.md')];
    const typical = costs.find(({ partner }) => partner === typicalPartner) as PartnerCost;
    const figures = figuresText(latencies, dollars(total(typical.items)));
    writeFileSync(readme, replaceBetween(readFileSync(readme, 'utf8'), 'figures', figures));
    const withCost = replaceBetween(readFileSync(performance, 'utf8'), 'cost', costText(costs));
    const withBenchmark = replaceBetween(withCost, 'benchmark', benchmarkText(growth, loads, throttled));
    writeFileSync(performance, replaceBetween(withBenchmark, 'latency', latencyText(latencies)));
    writeFileSync(join(root, 'docs', 'benchmark.md'), benchmarkDocument(cells, throttled, latencies, targets));
    writeFileSync(plottedNumbers, plottedJson(growth, latencies));
    for (const [file, content] of plots()) writeFileSync(file, content);
  }
  return targets.every(({ holds }) => holds) ? 0 : 1;
}

/** Measures each history. Our pollers keep running until the quiet polls of all histories are compared. */
async function measureHistories(histories: readonly number[], directory: string, peerBundle: string) {
  const all: { history: number; ours: Ours }[] = [];
  const cells: Cell[] = [];
  const throttled: Cell[] = [];
  try {
    for (const history of histories) {
      const ours = await startOurs(directory, STACK);
      all.push({ history, ours });
      const peer = await startPeer(peerBundle, ours.stack);
      try {
        cells.push(...(await measureCells({ ours, peer, history, reportProgress })));
        if (throttled.length > 0) continue;
        reportProgress('One entry in ten throttled');
        throttled.push(...(await measureThrottledEntries({ ours, peer, history })));
      } finally {
        await peer.close();
      }
    }
    reportProgress('Quiet polls of every history');
    return { cells, throttled, quietPolls: await measureQuietPolls(all) };
  } finally {
    await Promise.all(all.map(({ ours }) => ours.close()));
  }
}

function reportProgress(what: string) {
  console.error(`${new Date().toISOString().slice(11, 19)} ${what}`);
}
