/** Reads and validates the configuration, from a CDK context or from the props of the construct. */
import * as v from 'valibot';
import { ConfigurationError, shown } from '../lambdas/poller/configuration-error';
import { parseFlat, type Settings, settingsEntries } from '../lambdas/poller/settings';
import { filterProblems } from '../lambdas/poller/source-filters';
import { unknownNames } from './alert-routes';
import { configEntries, type Parsed, type StackConfig, sourceKeys } from './config-entries';
import { conflictingSources, inherited, type SourceConfig, sourcesOf } from './sources';
import { similarKey, unknownKeyProblem } from './unknown-keys';

export interface Config extends StackConfig {
  /** The first source has the keys at the top level. */
  readonly sources: readonly [SourceConfig, ...SourceConfig[]];
}

/**
 * Reads our keys from a CDK context.
 * @throws ConfigurationError naming every key that is unknown, invalid or in conflict with another
 */
export function readConfig(
  context: Record<string, unknown>,
  where = 'The configuration (cdk.json and -c key=value)',
): Config {
  const given = ownKeys(context);
  const { furtherSources, ...first } = readSource(given, where);
  const problems: string[] = [];
  const others = furtherSources.flatMap((own, at) => {
    const place = `furtherSources[${at}]`;
    const { furtherSources: _, ...stack } = given;
    const misplaced = Object.entries(own).filter(([key]) => !sourceKeys.includes(key));
    const known = Object.fromEntries(Object.entries(own).filter(([key]) => sourceKeys.includes(key)));
    problems.push(
      ...misplaced.map(([key, value]) =>
        isKey(key)
          ? `${place}.${key}: got ${shown(value)}, allowed: only beside furtherSources, for the whole stack`
          : unknownKeyProblem(key, value, sourceKeys, `${place}.`),
      ),
    );
    try {
      const source = readSource(inherited(stack, known), where);
      // It may only be a misspelt key that makes it equal to another source.
      return misplaced.length > 0 ? [] : [source];
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      problems.push(...error.problems.map(problem => `${place}.${problem}`));
      return [];
    }
  });
  problems.push(...conflictingSources([first, ...others]));
  // An invalid source may be the one that the route names.
  if (problems.length === 0) problems.push(...unknownNames(first.alertRoutes, [first, ...others]));
  if (problems.length > 0) throw new ConfigurationError(where, problems);
  return { ...first, sources: sourcesOf(first, others) };
}

/** @throws ConfigurationError */
function readSource(given: Record<string, unknown>, where: string): Parsed {
  const known = Object.fromEntries(Object.entries(given).filter(([key]) => isKey(key)));
  const unknown = Object.entries(given).filter(([key]) => !isKey(key));
  const conflicts = [
    ...unknown.map(([key, value]) => unknownKeyProblem(key, value, Object.keys(configEntries))),
    ...conflictingKeys(given),
  ];
  try {
    const config = parseFlat(configEntries, known, where);
    conflicts.push(...filterProblems(config));
    if (conflicts.length === 0) return config;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(where, [...error.problems, ...conflicts]);
  }
  throw new ConfigurationError(where, conflicts);
}

/** The poller's settings as JSON, including defaults. The text changes only if a value changes. */
export function settingsJson(config: SourceConfig): string {
  const keys = Object.keys(settingsEntries) as (keyof Settings)[];
  return JSON.stringify(Object.fromEntries(keys.map(key => [key, config[key]])));
}

/** A CDK context without the keys of CDK and its CLI. */
export const ownKeys = (context: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(context).filter(([key]) => !belongsToCdk(key)));

const isKey = (key: string) => Object.hasOwn(configEntries, key);

/** Keys of a CDK context that are neither ours, nor like one of ours, nor CDK's. */
export const foreignKeys = (context: Record<string, unknown>) =>
  Object.keys(ownKeys(context)).filter(key => !isKey(key) && !similarKey(key, Object.keys(configEntries)));

// The CLI stores these two in the context without a prefix. All its other keys have one.
const cliKeys = ['cli-telemetry', 'acknowledged-issue-numbers'];

function belongsToCdk(key: string) {
  return /[:/]/.test(key) || key.startsWith('@') || key.startsWith('cdk-') || cliKeys.includes(key);
}

/** Checks only keys with a valid value. An invalid value is reported on its own. */
function conflictingKeys(given: Record<string, unknown>): string[] {
  const parsed = <K extends keyof typeof configEntries>(key: K) => {
    const result = v.safeParse(configEntries[key], given[key]);
    return result.success ? (result.output as Parsed[K]) : undefined;
  };
  const valid = (key: 'functionTimeoutSeconds' | 'pollEveryMinutes' | 'auditEveryHours' | 'retentionDays') =>
    parsed(key) ?? Number.NaN;
  const [timeoutSeconds, pollMinutes] = [valid('functionTimeoutSeconds'), valid('pollEveryMinutes')];
  const [auditHours, retentionDays] = [valid('auditEveryHours'), valid('retentionDays')];
  const problems: string[] = [];
  if (given.externalId !== undefined && given.assumeRoleArn === undefined)
    problems.push(
      `externalId without assumeRoleArn: got ${shown(given.externalId)}, allowed: only with the role that asks for it`,
    );
  if (given.alarmEmail !== undefined && given.alarmTopicArns !== undefined)
    problems.push(
      'alarmEmail with alarmTopicArns: got both, allowed: one of them; subscribe the address to one of those topics',
    );
  if (given.nudgesFrom !== undefined && given.existingEventBusName !== undefined)
    problems.push(
      'nudgesFrom with existingEventBusName: got both, allowed: one of them; change the policy of the existing bus where it is defined',
    );
  const [routes, alarmTopics] = [parsed('alertRoutes'), parsed('alarmTopicArns')];
  const shared = Object.values(routes ?? {}).filter(route => alarmTopics?.includes(route));
  if (shared.length > 0)
    problems.push(
      `alertRoutes with alarmTopicArns: got ${JSON.stringify(shared[0])} in both, allowed: different topics, so that a burst of failed tasks can't bury an alarm`,
    );
  if (timeoutSeconds >= pollMinutes * 60)
    problems.push(
      `functionTimeoutSeconds with pollEveryMinutes: got ${timeoutSeconds} with ${pollMinutes}, allowed: a timeout of less than one poll period, here at most ${pollMinutes * 60 - 1} seconds`,
    );
  if (auditHours * 60 < pollMinutes)
    problems.push(
      `auditEveryHours with pollEveryMinutes: got ${auditHours} with ${pollMinutes}, allowed: audits no more often than polls, here every ${Math.ceil(pollMinutes / 60)} hours or less often`,
    );
  if (auditHours > retentionDays * 24)
    problems.push(
      `auditEveryHours with retentionDays: got ${auditHours} with ${retentionDays}, allowed: an audit at least once in a retention period, here at most every ${retentionDays * 24} hours`,
    );
  return problems;
}
