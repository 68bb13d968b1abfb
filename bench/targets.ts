/** What the poller has to hold. */

import type { PartnerCost } from './cost/cost';
import { total } from './cost/month';
import { typicalPartner } from './cost/partners';
import type { Backfill } from './measure/backfill';
import type { QuietPoll } from './measure/quiet-polls';
import { type Cell, runningCounts, TYPICAL_RUNNING } from './report/cells';
import { dollars, megabytes, number } from './report/tables';

export interface Target {
  readonly what: string;
  readonly limit: string;
  readonly got: string;
  readonly holds: boolean;
}

const MOST_CPU_GROWTH = 1.3;
const MOST_BACKFILL_BYTES = 150_000_000;
const MOST_DOLLARS = 2;

export interface Results {
  readonly cells: readonly Cell[];
  readonly quietPolls: readonly QuietPoll[];
  readonly backfill: Backfill;
  readonly costs: readonly PartnerCost[];
}

export function checkTargets({ cells, quietPolls, backfill, costs }: Results): Target[] {
  const quiet = cells.filter(({ poller, endings }) => poller === 'ours' && endings === 0);
  const [shortest, longest] = [quietPolls[0] as QuietPoll, quietPolls.at(-1) as QuietPoll];
  const span = `from ${number(shortest.history)} to ${number(longest.history)} tasks`;

  const listCalls = runningCounts.map(count => ({
    running: count,
    counts: [...new Set(quiet.filter(({ running }) => running === count).map(({ measured }) => measured.listCalls))],
  }));
  const growth = longest.cpuMs / shortest.cpuMs;
  const { tasks, polls, deadlineSeconds, peakRssBytes, right, missing, extra } = backfill;
  const typical = costs.find(({ partner }) => partner === typicalPartner) as PartnerCost;
  const month = total(typical.items);
  return [
    {
      what: `List calls of a quiet poll, ${span}`,
      limit: 'constant',
      got: listCalls.map(({ running, counts }) => `${counts.join(' or ')} with ${number(running)} running`).join(', '),
      holds: listCalls.every(({ counts }) => counts.length === 1),
    },
    {
      what: `CPU time of a quiet poll, ${span}, ${TYPICAL_RUNNING} running`,
      limit: `at most ${MOST_CPU_GROWTH} times`,
      got: `${growth.toFixed(2)} times: ${shortest.cpuMs.toFixed(1)} ms and ${longest.cpuMs.toFixed(1)} ms`,
      holds: growth <= MOST_CPU_GROWTH,
    },
    {
      what: `Resident memory while ${number(tasks)} tasks are published afterwards`,
      limit: `less than ${megabytes(MOST_BACKFILL_BYTES)} MB`,
      got: `${megabytes(peakRssBytes)} MB`,
      holds: peakRssBytes < MOST_BACKFILL_BYTES,
    },
    {
      what: `The same in polls of ${deadlineSeconds} seconds`,
      limit: 'each outcome once',
      got: `${number(right)} right, ${number(missing)} missing, ${number(extra)} extra in ${polls} polls`,
      holds: right === tasks && missing === 0 && extra === 0,
    },
    {
      what: 'A month of the typical partner',
      limit: `at most ${dollars(MOST_DOLLARS)}`,
      got: dollars(month),
      holds: month <= MOST_DOLLARS,
    },
  ];
}
