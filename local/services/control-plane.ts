/**
 * Stand-ins for the services that describe a stack: CloudFormation (resources), Lambda (functions and their environment)
 * and Scheduler (schedules). They support the calls of the operators' command line.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Template } from '../synthesized';
import type { Invocation } from './function-host';
import { queryError, queryReply } from './query-xml';
import { type Call, jsonReply, Refusal, type Reply, startService } from './service';

export interface ControlPlaneOptions {
  readonly stackName: string;
  readonly template: Template;
  /** Names of resources, by logical id; the logical id itself where there is none. */
  readonly names: Readonly<Record<string, string>>;
  /** Hosts of the functions, by logical id. */
  readonly functions: Readonly<Record<string, HostedFunction>>;
}

export interface HostedFunction {
  readonly environment: Readonly<Record<string, string>>;
  readonly invoke: (input: unknown) => Promise<Invocation<unknown>>;
}

export type ControlPlane = Awaited<ReturnType<typeof startControlPlane>>;

const account = '000000000000';
const region = 'us-east-1';
/** AWS has 100. A smaller page makes the stack take several, so that a client that reads one page fails. */
const pageSize = 25;

const cloudFormationXml = 'http://cloudformation.amazonaws.com/doc/2010-05-15/';

const oneAtATime = <T>(run: (input: unknown) => Promise<T>) => {
  let last: Promise<unknown> = Promise.resolve();
  return (input: unknown): Promise<T> => {
    const next = last.then(() => run(input));
    last = next.catch(() => undefined);
    return next;
  };
};

export async function startControlPlane({ stackName, template, names, functions }: ControlPlaneOptions) {
  const physicalId = (id: string) => names[id] ?? id;
  const ofType = (type: string) =>
    new Map(
      Object.entries(template.Resources)
        .filter(([, { Type }]) => Type === type)
        .map(([id, { Properties = {} }]) => [physicalId(id), { id, properties: Properties }]),
    );
  const lambdas = ofType('AWS::Lambda::Function');
  const schedules = ofType('AWS::Scheduler::Schedule');
  const invokes = new Map(Object.entries(functions).map(([id, { invoke }]) => [id, oneAtATime(invoke)]));

  const cloudFormation = await startService({
    name: 'cloudformation',
    contentType: 'text/xml',
    renderError: queryError(cloudFormationXml),
    handle: ({ operation, input }) => {
      if (operation !== 'ListStackResources') throw unknownOperation(operation);
      const asked = String(input.StackName);
      if (asked !== stackName && !asked.includes(`:stack/${stackName}/`))
        throw refusal(400, 'ValidationError', `Stack with id ${asked} does not exist`);
      const all = Object.entries(template.Resources);
      const from = Number(input.NextToken ?? 0);
      return queryReply(cloudFormationXml, operation, {
        StackResourceSummaries: all.slice(from, from + pageSize).map(([id, { Type }]) => ({
          LogicalResourceId: id,
          PhysicalResourceId: physicalId(id),
          ResourceType: Type,
          ResourceStatus: 'CREATE_COMPLETE',
          LastUpdatedTimestamp: '2026-11-01T00:00:00.000Z',
        })),
        NextToken: from + pageSize < all.length ? String(from + pageSize) : undefined,
      });
    },
  });

  const lambda = await startService({
    name: 'lambda',
    contentType: 'application/json',
    routes: [
      {
        operation: 'GetFunctionConfiguration',
        method: 'GET',
        path: /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)\/configuration$/,
      },
      { operation: 'Invoke', method: 'POST', path: /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)\/invocations$/ },
    ],
    handle: async (call, request) => {
      const { name, id, properties } = lambdaOf(call);
      if (call.operation === 'Invoke') return invoked(id, request);
      return jsonReply({
        FunctionName: name,
        FunctionArn: functionArn(name),
        Handler: properties.Handler,
        Timeout: properties.Timeout,
        State: 'Active',
        Environment: { Variables: functions[id]?.environment ?? {} },
      });
    },
  });

  function lambdaOf({ input }: Call) {
    const name = String(input.FunctionName).split(':').at(-1) as string;
    const found = lambdas.get(name);
    if (found) return { name, ...found };
    throw refusal(404, 'ResourceNotFoundException', `Function not found: ${functionArn(name)}`);
  }

  async function invoked(
    id: string,
    { headers, body }: { headers: IncomingHttpHeaders; body: string },
  ): Promise<Reply> {
    const invoke = invokes.get(id);
    const type = headers['x-amz-invocation-type'] ?? 'RequestResponse';
    if (!invoke || type !== 'RequestResponse')
      throw refusal(400, 'InvalidParameterValueException', `Not on this machine: ${type} of ${physicalId(id)}`);
    const { result, error } = await invoke(JSON.parse(body || '{}'));
    if (!error) return jsonReply(result ?? null);
    const answer = { errorType: error.name, errorMessage: error.message, trace: [] };
    return { ...jsonReply(answer), headers: { 'x-amz-function-error': 'Unhandled' } };
  }

  const scheduler = await startService({
    name: 'scheduler',
    contentType: 'application/json',
    routes: [{ operation: 'GetSchedule', method: 'GET', path: /^\/schedules\/(?<Name>[^/]+)$/ }],
    handle: ({ input }) => {
      const name = String(input.Name);
      const found = schedules.get(name);
      if (!found) throw refusal(404, 'ResourceNotFoundException', `Schedule ${name} does not exist.`);
      const { State, ScheduleExpression, Target } = found.properties as {
        State?: string;
        ScheduleExpression: string;
        Target: { Arn: { 'Fn::GetAtt'?: [string, string] }; Input?: string };
      };
      const target = Target.Arn['Fn::GetAtt']?.[0];
      return jsonReply({
        Name: name,
        GroupName: 'default',
        State: State ?? 'ENABLED',
        ScheduleExpression,
        Target: { Arn: functionArn(physicalId(String(target))), RoleArn: roleArn('scheduler'), Input: Target.Input },
      });
    },
  });

  const services = [cloudFormation, lambda, scheduler];
  return {
    cloudFormation,
    lambda,
    scheduler,
    endpoints: {
      AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.url,
      AWS_ENDPOINT_URL_LAMBDA: lambda.url,
      AWS_ENDPOINT_URL_SCHEDULER: scheduler.url,
    },
    close: async () => {
      await Promise.all(services.map(service => service.close()));
    },
  };
}

const functionArn = (name: string) => `arn:aws:lambda:${region}:${account}:function:${name}`;
const roleArn = (name: string) => `arn:aws:iam::${account}:role/${name}`;

const refusal = (status: number, type: string, message: string) => new Refusal({ status, type, body: { message } });
const unknownOperation = (operation: string) => refusal(400, 'InvalidAction', `No operation ${operation} here.`);
