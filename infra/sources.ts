/** The sources of one stack: what is theirs alone, and what they share. */
import { filterKeys, sourceId } from '../lambdas/poller/settings';
import type { StackConfig } from './config-entries';

/** One source with all that holds for it: its own keys, and the stack's for the rest. */
export interface SourceConfig extends StackConfig {
  /** Tells its logs and metrics from those of others; the stack's name for the first source. */
  readonly serviceName: string;
  /** Ends the ids of its constructs; nothing for the first source, so that it keeps them when another one comes. */
  readonly idSuffix: string;
  readonly isOnlySource: boolean;
}

type Given = Readonly<Record<string, unknown>>;

/** What a further source is given: the first one's keys but for its filters, which say what that one is. */
export function inherited(stack: Given, own: Given): Given {
  const shared = Object.entries(stack).filter(([key]) => !(filterKeys as readonly string[]).includes(key));
  return { ...Object.fromEntries(shared), ...own };
}

/** Names the sources, and divides the pace of List calls among those that draw on one account's quota. */
export function sourcesOf(first: StackConfig, others: readonly StackConfig[]): [SourceConfig, ...SourceConfig[]] {
  const all = [first, ...others];
  const named = (config: StackConfig, at: number): SourceConfig => {
    const [catalog, taskFamily] = at === 0 ? ['', ''] : [config.catalog, config.taskFamily];
    const sharers = all.filter(other => accountOf(other) === accountOf(config)).length;
    return {
      ...config,
      maxListCallsPerSecond: Math.max(0.1, Math.floor((first.maxListCallsPerSecond / sharers) * 100) / 100),
      serviceName: at === 0 ? config.stackName : `${config.stackName}-${catalog}-${taskFamily}`,
      idSuffix: catalog + taskFamily,
      isOnlySource: all.length === 1,
    };
  };
  return [named(first, 0), ...others.map((config, at) => named(config, at + 1))];
}

/** Of the quota: that of the role, or our own. */
const accountOf = ({ assumeRoleArn }: StackConfig) => assumeRoleArn?.split(':')[4];

/** Each source of a catalog and family has one memory: two would share it. */
export function duplicateSources(all: readonly StackConfig[]): string[] {
  const ids = all.map(sourceId);
  return [...new Set(ids.filter((id, at) => ids.indexOf(id) !== at))].map(
    id =>
      `furtherSources: got ${id.replace('#', '/')} more than once (the first source included), allowed: each catalog and taskFamily once; tell filters apart by rules on the bus, or make another stack`,
  );
}
