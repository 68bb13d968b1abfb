/** Size of the stack by number of sources, and the cost of a further source. */
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
  /** A text says why synthesis was refused. */
  readonly measured:
    | { readonly resources: number; readonly bytes: number; readonly seconds: number; readonly billed: BilledResources }
    | string;
}

const stackName = 'PartnerCentralTaskPoller';

/** Sources of one catalog and family. Each but the first is in an account of its own. */
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

/** Bundles like `cdk synth`. Skips the CloudFormation rules and cdk-nag. */
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

/** @param parts measured for one source of the typical partner, used for every source */
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

/** The template gives the alarms. The alert queue is shared; everything else exists once per source. */
function stackCost(sources: number, parts: MeasuredParts, billed: BilledResources): number {
  const one = (alarmMetrics: number) => total(monthlyCost(typicalPartner, parts, { ...billed, alarmMetrics }));
  const shared = monthlyCost(typicalPartner, parts, billed).find(([name]) => name === 'Alerts: queue')?.[1] ?? 0;
  return one(billed.alarmMetrics) + (sources - 1) * (one(0) - shared);
}
