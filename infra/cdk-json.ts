import { existsSync, readFileSync } from 'node:fs';
import { ConfigurationError } from '../lambdas/poller/configuration-error';
import { parseJson } from './json-text';

/**
 * The context in a `cdk.json`, or nothing without such a file.
 * @throws ConfigurationError saying where it is no JSON
 */
export function contextIn(file: string): Readonly<Record<string, unknown>> {
  if (!existsSync(file)) return {};
  let json: unknown;
  try {
    json = parseJson(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConfigurationError(file, [(error as Error).message]);
  }
  return Object(Object(json).context);
}
