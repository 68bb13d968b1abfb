/** Finds what is deployed: no outputs are needed, so any app that uses our construct is found. */
import { CloudFormationClient, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { environment, readEnvironment, type Settings } from '../../lambdas/poller/settings';
import { sourceId } from '../../lambdas/source-id';
import type { Aws } from './aws';
import { CommandFailure } from './context';

/** One source as it is deployed: the environment of its function. */
export interface DeployedSource {
  /** Such as Sandbox#OpportunityFromEngagement. */
  readonly id: string;
  readonly settings: Settings;
  readonly tableName: string;
  readonly eventBusName: string;
  readonly functionName: string;
}

export interface Deployment {
  readonly stack: string;
  readonly region: string;
  /** By id; at least one. */
  readonly sources: readonly DeployedSource[];
  /** Names of the schedules in the stack. */
  readonly schedules: readonly string[];
}

export interface FindOptions {
  /** Name or ARN. */
  readonly stack: string;
  readonly signal: AbortSignal;
  readonly aws: Aws;
}

/** The stack is not there, which `doctor` reports and does not fail for. */
export class NotDeployed extends CommandFailure {}

/** @throws CommandFailure when there is no such stack, or no poller in it */
export async function findDeployment({ stack, signal, aws }: FindOptions): Promise<Deployment> {
  const cloudFormation = new CloudFormationClient(aws('CLOUDFORMATION'));
  const region = await cloudFormation.config.region();
  const resources = await resourcesOf(cloudFormation, stack, signal).catch((error: Error) => {
    if (error.name !== 'ValidationError' || !/does not exist/.test(error.message)) throw error;
    const others = 'Name another one with --stack, or another region with --region; npx cdk deploy makes it.';
    throw new NotDeployed(`There is no stack ${stack} in ${region}. ${others}`);
  });
  const named = (type: string) => resources.filter(resource => resource.type === type).map(({ name }) => name);

  const lambda = new LambdaClient(aws('LAMBDA'));
  const hidden: string[] = [];
  const functions = named('AWS::Lambda::Function').map(name => sourceOf(lambda, name, signal, hidden));
  const sources = (await Promise.all(functions)).filter(source => source !== undefined);
  // Functions that can't be read matter only where no poller was found: they may be somebody else's, under another key.
  if (sources.length === 0 && hidden.length > 0)
    throw new CommandFailure(
      `The environment of ${hidden.join(' and ')}: allow yourself kms:Decrypt with the stack's key.`,
    );
  if (sources.length === 0)
    throw new CommandFailure(
      `The stack ${stack} in ${region} has no task poller in it: name another one with --stack, or another region with --region.`,
    );
  return {
    stack,
    region,
    sources: sources.sort((a, b) => (a.id < b.id ? -1 : 1)),
    schedules: named('AWS::Scheduler::Schedule'),
  };
}

interface Resource {
  readonly type: string;
  readonly name: string;
}

/** Of nested stacks too. */
async function resourcesOf(client: CloudFormationClient, stack: string, signal: AbortSignal): Promise<Resource[]> {
  const found: Resource[] = [];
  for await (const page of paginateListStackResources({ client }, { StackName: stack }, { abortSignal: signal })) {
    for (const { ResourceType: type = '', PhysicalResourceId: name, ResourceStatus } of page.StackResourceSummaries ??
      []) {
      if (!name || ResourceStatus === 'DELETE_COMPLETE') continue;
      if (type === 'AWS::CloudFormation::Stack') found.push(...(await resourcesOf(client, name, signal)));
      else found.push({ type, name });
    }
  }
  return found;
}

/** @returns undefined for a function that is no poller, or not there any more */
async function sourceOf(lambda: LambdaClient, functionName: string, signal: AbortSignal, hiddenOnes: string[]) {
  const get = new GetFunctionConfigurationCommand({ FunctionName: functionName });
  const answer = await lambda.send(get, { abortSignal: signal }).catch((error: Error) => {
    if (error.name === 'ResourceNotFoundException') return undefined;
    throw error;
  });
  const { Variables: variables, Error: hidden } = answer?.Environment ?? {};
  if (hidden) hiddenOnes.push(`${functionName} can't be read (${hidden.ErrorCode})`);
  if (!variables || Object.values(environment).some(name => variables[name] === undefined)) return undefined;
  const { settings, tableName, eventBusName } = readEnvironment(variables);
  return { id: sourceId(settings), settings, tableName, eventBusName, functionName } satisfies DeployedSource;
}
