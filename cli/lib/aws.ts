/** How SDK clients find account, region and endpoints: from the environment that the command line was given. */
import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { CommandFailure } from './context';
import { profileFiles, readProfiles } from './profiles';

/** As the SDK has them in the names of its variables. */
export type Service =
  | 'CLOUDFORMATION'
  | 'DYNAMODB'
  | 'EVENTBRIDGE'
  | 'LAMBDA'
  | 'PARTNERCENTRAL_SELLING'
  | 'SCHEDULER'
  | 'STS';

/** Options of any client of a service. A connection that hangs is no reason to wait for minutes. */
export const requestHandler = { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true };

export type Aws = ReturnType<typeof awsOf>;

/** The SDK warns of profile and keys that are both set, which is how a profile is named in a shell that has keys. */
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** @returns the options of a service's client: `new LambdaClient(aws('LAMBDA'))` */
export function awsOf(environment: NodeJS.ProcessEnv) {
  const region = regionOf(environment);
  const credentials = credentialsOf(environment);
  return (service: Service) => {
    const endpoint = endpointOf(service, environment);
    return {
      region,
      credentials,
      ...(endpoint !== undefined && { endpoint }),
      ...(environment.AWS_PROFILE && { profile: environment.AWS_PROFILE }),
      requestHandler,
    };
  };
}

function regionOf(environment: NodeJS.ProcessEnv) {
  return async () => {
    const profile = environment.AWS_PROFILE || 'default';
    const region = environment.AWS_REGION || readProfiles(environment).get(profile)?.region;
    if (region) return region;
    throw new CommandFailure(
      "No region is set: name the stack's region with --region, or in AWS_REGION or the profile.",
    );
  };
}

/**
 * Once for all clients, so that a role is assumed and a sign-in is read once. What is no key and no profile (a role of this
 * machine, a sign-in) the SDK finds by the environment of the process.
 */
function credentialsOf(environment: NodeJS.ProcessEnv) {
  const {
    AWS_PROFILE: profile,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = environment;
  if (!profile && accessKeyId && secretAccessKey)
    return async () => ({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) });
  const [configFilepath, filepath] = profileFiles(environment);
  return fromNodeProviderChain({ ...(profile && { profile }), configFilepath, filepath, logger: silent });
}

function endpointOf(service: Service, environment: NodeJS.ProcessEnv): string | undefined {
  if (environment.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') return undefined;
  return environment[`AWS_ENDPOINT_URL_${service}`] || environment.AWS_ENDPOINT_URL || undefined;
}
