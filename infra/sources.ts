/** The sources of one stack: their own keys and the keys that they share. */
import { Token } from 'aws-cdk-lib';
import { filterKeys } from '../lambdas/poller/source-filters';
import { formatSource, sourceId } from '../lambdas/source-id';
import type { StackConfig } from './config-entries';

/** The whole configuration of one source: its own keys, and the stack's for the others. */
export interface SourceConfig extends StackConfig {
  /** The source for people, such as AWS/OpportunityFromEngagement, and the name if it has one. */
  readonly label: string;
  /** Identifies its logs and metrics. For the first source it is the stack's name, and its own name if it has one. */
  readonly serviceName: string;
  /** Suffix of its construct ids. Empty for the first source, so that its ids stay when another source is added. */
  readonly idSuffix: string;
  readonly isOnlySource: boolean;
}

type Given = Readonly<Record<string, unknown>>;

/** The keys of a further source: its own, then those of the first source, except the filters and the name. */
export function inherited(stack: Given, own: Given): Given {
  // An external id is for one role.
  const ownOnly = [...filterKeys, 'name', ...('assumeRoleArn' in own ? ['externalId'] : [])];
  const shared = Object.entries(stack).filter(([key]) => !ownOnly.includes(key));
  return { ...Object.fromEntries(shared), ...own };
}

/** Names the sources, and divides the limits of List calls among the sources that use the quota of one account. */
export function sourcesOf(first: StackConfig, others: readonly StackConfig[]): [SourceConfig, ...SourceConfig[]] {
  const all = [first, ...others];
  const sourceAt = (config: StackConfig, at: number): SourceConfig => {
    const own = at === 0 ? [] : [config.catalog, config.taskFamily];
    const { name } = config;
    const sourcesOnSameQuota = all.filter(other => mayShareQuota(other, config)).length;
    return {
      ...config,
      maxExtraListCallsPerDay: Math.floor(first.maxExtraListCallsPerDay / sourcesOnSameQuota),
      maxListCallsPerSecond: Math.max(0.1, Math.floor((first.maxListCallsPerSecond / sourcesOnSameQuota) * 100) / 100),
      label: formatSource(sourceId(config)),
      serviceName: [config.stackName, ...own, ...(name ? [name] : [])].join('-'),
      idSuffix: [...own, ...(name && at > 0 ? [name] : [])].join(''),
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

/**
 * Sources that can't stand beside each other. With the same id they would share their rows and their checkpoint. Those of
 * one catalog and family in one account would publish every task twice, whatever their names are.
 */
export function conflictingSources(all: readonly StackConfig[]): string[] {
  const problems = all.flatMap((one, at) => all.slice(0, at).flatMap(other => conflict(other, one) ?? []));
  return [...new Set(problems)];
}

function conflict(one: StackConfig, other: StackConfig): string | undefined {
  const id = sourceId(one);
  if (id === sourceId(other))
    return `furtherSources: got ${formatSource(id)} more than once (the first source included), allowed: each catalog and taskFamily once, or once for each account with a name of its own; to separate tasks by filter, use rules on the bus or another stack`;
  if (one.catalog !== other.catalog || one.taskFamily !== other.taskFamily || !isSameAccount(one, other))
    return undefined;
  const account = Token.isUnresolved(one.assumeRoleArn) ? 'of one role' : (accountOf(one) ?? "the stack's own");
  return `furtherSources: got ${formatSource(id)} and ${formatSource(sourceId(other))} in the same account (${account}), allowed: accounts that differ, each by the assumeRoleArn of its source`;
}

/** Two roles whose ARNs are different tokens may be in different accounts. */
function isSameAccount(one: StackConfig, other: StackConfig): boolean {
  if (one.assumeRoleArn === other.assumeRoleArn) return true;
  if (Token.isUnresolved(one.assumeRoleArn) || Token.isUnresolved(other.assumeRoleArn)) return false;
  return accountOf(one) === accountOf(other);
}
