/** The sources of one stack: their own keys and the keys that they share. */
import { Token } from 'aws-cdk-lib';
import { filterKeys, sourceId } from '../lambdas/poller/settings';
import type { StackConfig } from './config-entries';

/** The whole configuration of one source: its own keys, and the stack's for the others. */
export interface SourceConfig extends StackConfig {
  /** Identifies its logs and metrics. For the first source it is the stack's name. */
  readonly serviceName: string;
  /** Suffix of its construct ids. Empty for the first source, so that its ids stay when another source is added. */
  readonly idSuffix: string;
  readonly isOnlySource: boolean;
}

type Given = Readonly<Record<string, unknown>>;

/** The keys of a further source: its own, then those of the first source, except the filters. */
export function inherited(stack: Given, own: Given): Given {
  const shared = Object.entries(stack).filter(([key]) => !(filterKeys as readonly string[]).includes(key));
  return { ...Object.fromEntries(shared), ...own };
}

/** Names the sources, and divides the limits of List calls among the sources that use the quota of one account. */
export function sourcesOf(first: StackConfig, others: readonly StackConfig[]): [SourceConfig, ...SourceConfig[]] {
  const all = [first, ...others];
  const sourceAt = (config: StackConfig, at: number): SourceConfig => {
    const [catalog, taskFamily] = at === 0 ? ['', ''] : [config.catalog, config.taskFamily];
    const sourcesOnSameQuota = all.filter(other => mayShareQuota(other, config)).length;
    return {
      ...config,
      maxExtraListCallsPerDay: Math.floor(first.maxExtraListCallsPerDay / sourcesOnSameQuota),
      maxListCallsPerSecond: Math.max(0.1, Math.floor((first.maxListCallsPerSecond / sourcesOnSameQuota) * 100) / 100),
      serviceName: at === 0 ? config.stackName : `${config.stackName}-${catalog}-${taskFamily}`,
      idSuffix: catalog + taskFamily,
      isOnlySource: all.length === 1,
    };
  };
  return [sourceAt(first, 0), ...others.map((config, at) => sourceAt(config, at + 1))];
}

/** The account whose quota is used: that of the role, or undefined for the stack's own. */
export const accountOf = ({ assumeRoleArn }: Pick<StackConfig, 'assumeRoleArn'>) => assumeRoleArn?.split(':')[4];

/** Whether two sources may list in the same account. That of a role whose ARN is a token may be any. */
function mayShareQuota(one: StackConfig, other: StackConfig): boolean {
  if (Token.isUnresolved(one.assumeRoleArn) || Token.isUnresolved(other.assumeRoleArn)) return true;
  return accountOf(one) === accountOf(other);
}

/** Two sources with the same catalog and family would share their rows and their checkpoint, so they are refused. */
export function duplicateSources(all: readonly StackConfig[]): string[] {
  const ids = all.map(sourceId);
  return [...new Set(ids.filter((id, at) => ids.indexOf(id) !== at))].map(
    id =>
      `furtherSources: got ${id.replace('#', '/')} more than once (the first source included), allowed: each catalog and taskFamily once; to separate tasks by filter, use rules on the bus or another stack`,
  );
}
