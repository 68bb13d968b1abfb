/** How SDK clients find account, region and endpoints: from the environment that the command line was given. */
import { ProxyAgent } from 'proxy-agent';
import { CommandFailure } from './context';
import { type CredentialOptions, credentialsOf } from './credentials';
import { readProfiles } from './profiles';

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
const requestHandler = { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true };

/** Any region's STS assumes a role. */
const STS_REGION = 'us-east-1';

export type Aws = ReturnType<typeof awsOf>;

/**
 * @param ask asks a person for an MFA code; undefined where there is none to ask
 * @returns the options of a service's client: `new LambdaClient(aws('LAMBDA'))`
 */
export function awsOf(environment: NodeJS.ProcessEnv, ask: CredentialOptions['ask'] = async () => undefined) {
  const region = regionOf(environment);
  const transport = { requestHandler: { ...requestHandler, ...proxyOf(environment) } };
  const sts = { region: () => region().catch(() => STS_REGION), ...endpointOf('STS', environment), ...transport };
  const credentials = credentialsOf(environment, { sts, ask });
  return (service: Service) => ({
    region,
    credentials,
    ...endpointOf(service, environment),
    ...(environment.AWS_PROFILE && { profile: environment.AWS_PROFILE }),
    ...transport,
  });
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

function endpointOf(service: Service, environment: NodeJS.ProcessEnv): { endpoint?: string } {
  if (environment.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') return {};
  const endpoint = environment[`AWS_ENDPOINT_URL_${service}`] || environment.AWS_ENDPOINT_URL;
  return endpoint ? { endpoint } : {};
}

/** The SDK knows no proxy. The agent itself reads HTTPS_PROXY and NO_PROXY, of the process. */
function proxyOf({ HTTPS_PROXY: upper, https_proxy: lower }: NodeJS.ProcessEnv): { httpsAgent?: ProxyAgent } {
  return upper || lower ? { httpsAgent: new ProxyAgent({ keepAlive: true }) } : {};
}
