/** What the options say of account, region and machine, as the environment that SDK clients are made from. */
import type { GlobalOptions } from './command';
import { CommandFailure } from './context';
import { profileFiles, readProfiles } from './profiles';
import { findRun, runFile } from './running';
import { shellWord } from './words';

/**
 * @param given the environment of the command line; it stays as it is
 * @param isStackNamed whether the stack's name was given; if not, the name of a local run is taken
 * @throws CommandFailure when nothing runs here, or there is no such profile
 */
export function useAccount(
  global: GlobalOptions,
  isStackNamed: boolean,
  given: NodeJS.ProcessEnv,
): { readonly global: GlobalOptions; readonly environment: NodeJS.ProcessEnv } {
  if (global.local) {
    const { stackName, endpoints } = localRun(given);
    const environment = {
      ...Object.fromEntries(Object.entries(given).filter(([name]) => !name.startsWith('AWS_'))),
      ...endpoints,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    };
    return { global: isStackNamed ? global : { ...global, stack: stackName }, environment };
  }
  const profile = global.profile ?? (given.AWS_DEFAULT_PROFILE || given.AWS_PROFILE);
  if (profile) requireProfile(profile, given);
  return {
    global,
    environment: {
      ...given,
      // As the AWS CLI has it: what the environment has of credentials wins over AWS_PROFILE, and --profile over that.
      ...(global.profile && {
        AWS_ACCESS_KEY_ID: undefined,
        AWS_SECRET_ACCESS_KEY: undefined,
        AWS_SESSION_TOKEN: undefined,
        AWS_WEB_IDENTITY_TOKEN_FILE: undefined,
      }),
      // As the AWS CLI has it; the SDK looks at AWS_REGION only.
      AWS_REGION: global.region ?? (given.AWS_REGION || given.AWS_DEFAULT_REGION),
      AWS_PROFILE: profile,
    },
  };
}

function localRun(environment: NodeJS.ProcessEnv) {
  const run = findRun(runFile(environment));
  if (run) return run;
  throw new CommandFailure('Nothing runs on this machine: start it with npm start, in another terminal.');
}

/** The SDK says of an unknown profile only that there are no credentials. */
function requireProfile(profile: string, environment: NodeJS.ProcessEnv): void {
  const profiles = [...readProfiles(environment).keys()];
  if (profiles.includes(profile)) return;
  const others = profiles.length > 0 ? `there are: ${profiles.map(shellWord).join(', ')}` : 'there is none at all';
  const files = profileFiles(environment).join(' or ');
  throw new CommandFailure(
    `There is no profile ${shellWord(profile)} in ${files}; ${others}. Name one with --profile.`,
  );
}
