/** What the options say of account, region and machine, put where every SDK client looks for it: into the environment. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { GlobalOptions } from './command';
import { CommandFailure } from './context';
import { findRun, runFile } from './running';

/**
 * @param isStackNamed whether the stack's name was given; otherwise a local run's own is as good
 * @returns the options, with the stack's name as it is now
 * @throws CommandFailure when nothing runs here, or there is no such profile
 */
export function useAccount(
  global: GlobalOptions,
  isStackNamed: boolean,
  environment: NodeJS.ProcessEnv,
): GlobalOptions {
  if (global.local) {
    const stack = useLocalRun(environment);
    return isStackNamed ? global : { ...global, stack };
  }
  // As the AWS CLI has it; the SDK looks at AWS_REGION only.
  const region = global.region ?? (environment.AWS_REGION || environment.AWS_DEFAULT_REGION);
  if (region) environment.AWS_REGION = region;
  if (global.profile !== undefined) {
    environment.AWS_PROFILE = global.profile;
    forgetKeys(environment); // whoever names a profile means it
  }
  if (environment.AWS_PROFILE) requireProfile(environment.AWS_PROFILE, environment);
  return global;
}

/** @returns the name of the stack that runs there */
function useLocalRun(environment: NodeJS.ProcessEnv): string {
  const run = findRun(runFile(environment));
  if (!run) throw new CommandFailure('Nothing runs on this machine: start it with npm start, in another terminal.');
  forgetKeys(environment);
  for (const name of ['AWS_PROFILE', 'AWS_ENDPOINT_URL', 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'])
    delete environment[name];
  Object.assign(environment, run.endpoints, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  });
  return run.stackName;
}

function forgetKeys(environment: NodeJS.ProcessEnv) {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) delete environment[name];
}

/** The SDK says of an unknown profile only that there are no credentials. */
function requireProfile(profile: string, environment: NodeJS.ProcessEnv): void {
  const folder = join(homedir(), '.aws');
  const files = [
    environment.AWS_CONFIG_FILE ?? join(folder, 'config'),
    environment.AWS_SHARED_CREDENTIALS_FILE ?? join(folder, 'credentials'),
  ];
  const profiles = [...new Set(files.flatMap(profilesIn))];
  if (profiles.includes(profile)) return;
  const others = profiles.length > 0 ? `there are: ${profiles.join(', ')}` : 'there is none at all';
  throw new CommandFailure(
    `There is no profile ${profile} in ${files.join(' or ')}; ${others}. Name one with --profile.`,
  );
}

function profilesIn(file: string): string[] {
  try {
    const sections = readFileSync(file, 'utf8').matchAll(/^\s*\[\s*(profile\s+)?([^\]]+?)\s*\]/gm);
    return [...sections].map(([, , name]) => (name as string).replace(/^(["'])(.*)\1$/, '$2'));
  } catch {
    return [];
  }
}
