/** Reads a synthesized stack the way CloudFormation does: functions with their bundles and environment, rules, tables. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableSchema } from '../lambdas/poller/table-schema';

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
}

/** Where the code of each asset was put, by its hash. */
interface AssetManifest {
  readonly files: Readonly<Record<string, { readonly source: { readonly path: string } }>>;
}

export interface SynthesizedFunction {
  readonly logicalId: string;
  readonly bundle: string;
  readonly handler: string;
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, unknown>>;
}

/**
 * @param directory the folder that the stack was synthesized into
 * @throws Error when the stack lacks one of the resources that a local run needs
 */
export function readSynthesized(directory: string, stackName: string) {
  const template = JSON.parse(readFileSync(join(directory, `${stackName}.template.json`), 'utf8')) as Template;
  const { files } = JSON.parse(readFileSync(join(directory, `${stackName}.assets.json`), 'utf8')) as AssetManifest;
  const entries = Object.entries(template.Resources);

  function one(what: string, isIt: (resource: Resource) => boolean): [string, Resource] {
    const [found] = entries.filter(([, resource]) => isIt(resource));
    if (!found) throw new Error(`The synthesized stack has no ${what}.`);
    return found;
  }
  function functionWith(variable: string): SynthesizedFunction {
    const [logicalId, resource] = one(`function with ${variable}`, ({ Type, Properties }) => {
      const { Variables = {} } = (Properties.Environment ?? {}) as { Variables?: object };
      return Type === 'AWS::Lambda::Function' && variable in Variables;
    });
    const { Handler, Timeout, Environment, Code } = resource.Properties as {
      Code: { S3Key: string };
      Handler: string;
      Timeout: number;
      Environment: { Variables: Record<string, unknown> };
    };
    const [file, handler] = Handler.split('.') as [string, string];
    return {
      logicalId,
      bundle: join(directory, String(files[Code.S3Key.replace('.zip', '')]?.source.path), `${file}.mjs`),
      handler,
      timeoutMs: Timeout * 1_000,
      environment: Environment.Variables,
    };
  }

  const [tableId] = one('snapshot table', ({ Properties: { TimeToLiveSpecification: ttl } }) => {
    return (ttl as { AttributeName?: string } | undefined)?.AttributeName === tableSchema.timeToLive;
  });
  const [busId] = one('event bus', ({ Type }) => Type === 'AWS::Events::EventBus');
  const [, rule] = one('rule for failed tasks', ({ Type }) => Type === 'AWS::Events::Rule');
  const [, mapping] = one('queue for the formatter', ({ Type }) => Type === 'AWS::Lambda::EventSourceMapping');
  const formatter = functionWith('TOPIC_ARN');
  // The stack may have other topics and logs: these are the ones that the formatter is told of.
  const toldOf = (variable: string) => (formatter.environment[variable] as { Ref: string } | undefined)?.Ref;
  return {
    template,
    tableId,
    busId,
    topicId: String(toldOf('TOPIC_ARN')),
    chatTopicId: toldOf('CHAT_TOPIC_ARN'),
    pollerLogsId: String(toldOf('POLLER_LOG_GROUP')),
    alertBatchSize: Number(mapping.Properties.BatchSize),
    failedTasksPattern: rule.Properties.EventPattern as object,
    poller: functionWith('TABLE_NAME'),
    formatter,
  };
}

/** The environment with each Ref to a logical id replaced by the physical name it has here. */
export function resolveEnvironment(
  environment: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, string>>,
) {
  return Object.fromEntries(
    Object.entries(environment).map(([key, value]) => {
      if (typeof value === 'string') return [key, value];
      const id = (value as { Ref?: string }).Ref ?? '';
      const name = names[id];
      if (name === undefined) throw new Error(`${key} is ${JSON.stringify(value)}, which has no name on this machine.`);
      return [key, name];
    }),
  );
}
