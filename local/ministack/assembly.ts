/** Edits a synthesized assembly before the CDK CLI deploys it. */
import { createHash } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from '../synthesized';

interface Alarm {
  Metrics?: readonly { MetricStat?: { Metric: object; Period: number; Stat: string } }[];
}

/**
 * MiniStack's CloudFormation supports no alarm on an expression. Such an alarm gets the first metric of its expression
 * instead. Nothing else differs from a deployment to AWS.
 */
export function withoutMetricMath(directory: string): Promise<void> {
  return changeTemplates(directory, template => {
    for (const { Type, Properties } of Object.values(template.Resources)) {
      if (Type !== 'AWS::CloudWatch::Alarm' || !('Metrics' in Properties)) continue;
      const { Metrics = [] } = Properties as Alarm;
      const first = Metrics.flatMap(({ MetricStat }) => MetricStat ?? [])[0];
      if (!first) throw new Error(`An alarm in ${directory} has no metric.`);
      delete Properties.Metrics;
      Object.assign(Properties, first.Metric, { Period: first.Period, Statistic: first.Stat });
    }
    return template;
  });
}

/** @param change may modify the template that it gets, and returns the one to deploy */
export async function changeTemplates(
  directory: string,
  change: (template: Template) => Template | Promise<Template>,
): Promise<void> {
  for (const file of filesIn(directory, '.template.json'))
    writeFileSync(file, JSON.stringify(await change(JSON.parse(readFileSync(file, 'utf8')))));
  renameTemplates(directory);
}

/** Changes the code of every function, like a new release: adds a line that is logged at the start. */
export function withChangedCode(directory: string, line: string): void {
  for (const asset of readdirSync(directory).filter(name => name.startsWith('asset.'))) {
    const hash = asset.slice('asset.'.length);
    appendFileSync(join(directory, asset, 'index.mjs'), `\nconsole.log(${JSON.stringify(line)});\n`);
    const changed = createHash('sha256').update(`${hash}${line}`).digest('hex');
    renameSync(join(directory, asset), join(directory, `asset.${changed}`));
    replaceEverywhere(directory, hash, changed);
  }
  renameTemplates(directory);
}

/** The CLI identifies an uploaded file by its name, which is a hash of the original contents. */
function renameTemplates(directory: string) {
  for (const file of filesIn(directory, '.assets.json')) {
    const { files } = JSON.parse(readFileSync(file, 'utf8')) as { files: Record<string, { source: { path: string } }> };
    for (const [hash, { source }] of Object.entries(files)) {
      if (!source.path.endsWith('.template.json')) continue;
      const content = readFileSync(join(directory, source.path));
      replaceEverywhere(directory, hash, createHash('sha256').update(content).digest('hex'));
    }
  }
}

function replaceEverywhere(directory: string, old: string, other: string) {
  for (const file of filesIn(directory, '.json')) {
    const text = readFileSync(file, 'utf8');
    if (text.includes(old)) writeFileSync(file, text.replaceAll(old, other));
  }
}

const filesIn = (directory: string, ending: string) =>
  readdirSync(directory)
    .filter(name => name.endsWith(ending))
    .map(name => join(directory, name));
