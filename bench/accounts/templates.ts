/** How large the stack gets with the number of its sources, and what a further one costs. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_RESOURCES } from '../../infra/stack-limit';
import { synthesize } from '../../infra/synthesize';
import { ConfigurationError } from '../../lambdas/poller/configuration-error';
import { readSynthesized } from '../../local/synthesized';
import { type BilledResources, billedResources } from '../cost/billed-resources';
import { type MeasuredParts, monthlyCost, total } from '../cost/month';
import { typicalPartner } from '../cost/partners';
import { dollars, markdownTable } from '../report/tables';

export interface MeasuredTemplate {
  readonly sources: number;
  readonly nativeNudges: boolean;
  /** Or why there is none. */
  readonly measured:
    | { readonly resources: number; readonly bytes: number; readonly seconds: number; readonly billed: BilledResources }
    | string;
}

const stackName = 'PartnerCentralTaskPoller';

/** So many sources of one catalog and family, all but the first in accounts of their own. */
export const accountsConfig = (sources: number) => ({
  catalog: 'AWS',
  alertEmail: 'crm-team@example.com',
  alarmEmail: 'oncall@example.com',
  furtherSources: Array.from({ length: sources - 1 }, (_, at) => ({
    name: `account${at + 1}`,
    assumeRoleArn: `arn:aws:iam::${100_000_000_000 + at}:role/task-reader`,
    externalId: `partner-${at + 1}`,
  })),
});

/** With the bundles, as `cdk synth` does it; without the rules of CloudFormation and cdk-nag. */
export function measureTemplate(sources: number, nativeNudges = true, bundle = true): MeasuredTemplate {
  const outdir = mkdtempSync(join(tmpdir(), 'accounts-'));
  const startedAt = performance.now();
  try {
    synthesize({ outdir, bundle, validate: false, context: { ...accountsConfig(sources), nativeNudges } });
    const seconds = (performance.now() - startedAt) / 1_000;
    const { template } = readSynthesized(outdir, stackName);
    const { size: bytes } = statSync(join(outdir, `${stackName}.template.json`));
    const resources = Object.keys(template.Resources).length;
    return { sources, nativeNudges, measured: { resources, bytes, seconds, billed: billedResources(template) } };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { sources, nativeNudges, measured: error.problems.join('; ') };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** @param parts of a source of the typical partner, each in all sources */
export function templatesText(all: readonly MeasuredTemplate[], parts: MeasuredParts): string {
  const rows = all.map(({ sources, nativeNudges, measured }) => {
    const name = `${sources}${nativeNudges ? '' : ', without native nudges'}`;
    if (typeof measured === 'string') return [name, 'refused', '', '', ''];
    const { resources, bytes, seconds, billed } = measured;
    return [
      name,
      String(resources),
      `${(bytes / 1_000).toFixed(0)} KB`,
      `${seconds.toFixed(1)} s`,
      dollars(stackCost(sources, parts, billed)),
    ];
  });
  const refused = all.flatMap(({ measured }) => (typeof measured === 'string' ? [measured] : []));
  return [
    markdownTable([['Sources', `Resources of ${MAX_RESOURCES}`, 'Template of 1 MB', 'Synthesis', 'A month'], ...rows]),
    ...refused,
  ].join('\n\n');
}

/** Alarms are counted in the template. All else but the queue of alerts is there once for each source. */
function stackCost(sources: number, parts: MeasuredParts, billed: BilledResources): number {
  const one = (alarmMetrics: number) => total(monthlyCost(typicalPartner, parts, { ...billed, alarmMetrics }));
  const shared = monthlyCost(typicalPartner, parts, billed).find(([name]) => name === 'Alerts: queue')?.[1] ?? 0;
  return one(billed.alarmMetrics) + (sources - 1) * (one(0) - shared);
}
