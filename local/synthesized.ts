/** Reads a synthesized stack like CloudFormation: functions with bundles and environment, rules, tables. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TASK_FAILED } from '../lambdas/event-names';
import { tableSchema } from '../lambdas/poller/table-schema';

type Json = Readonly<Record<string, unknown>>;

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
}

/** Folder of each asset's code, by its hash. */
interface AssetManifest {
  readonly files: Readonly<Record<string, { readonly source: { readonly path: string } }>>;
}

export interface SynthesizedFunction {
  readonly logicalId: string;
  readonly bundle: string;
  readonly handler: string;
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, unknown>>;
  /** Logical id of its log group. */
  readonly logGroupId: string;
}

export interface SynthesizedPoller extends SynthesizedFunction {
  /** Whether its schedule is enabled. */
  readonly enabled: boolean;
}

/**
 * @param directory the folder of the synthesized stack
 * @throws Error when the stack lacks a resource that a local run needs
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
  /** In the order of the template. */
  function functionsWith(variable: string): [SynthesizedFunction, ...SynthesizedFunction[]] {
    const isIt = ({ Type, Properties }: Resource) => {
      const { Variables = {} } = (Properties.Environment ?? {}) as { Variables?: object };
      return Type === 'AWS::Lambda::Function' && variable in Variables;
    };
    const [first, ...others] = entries.filter(([, resource]) => isIt(resource)).map(synthesizedFunction);
    if (!first) throw new Error(`The synthesized stack has no function with ${variable}.`);
    return [first, ...others];
  }
  function synthesizedFunction([logicalId, resource]: [string, Resource]): SynthesizedFunction {
    const { Handler, Timeout, Environment, Code, LoggingConfig } = resource.Properties as {
      Code: { S3Key: string };
      Handler: string;
      Timeout: number;
      Environment: { Variables: Record<string, unknown> };
      LoggingConfig: { LogGroup: { Ref: string } };
    };
    const [file, handler] = Handler.split('.') as [string, string];
    return {
      logicalId,
      bundle: join(directory, String(files[Code.S3Key.replace('.zip', '')]?.source.path), `${file}.mjs`),
      handler,
      timeoutMs: Timeout * 1_000,
      environment: Environment.Variables,
      logGroupId: LoggingConfig.LogGroup.Ref,
    };
  }

  const [tableId] = one('snapshot table', ({ Properties: { TimeToLiveSpecification: ttl } }) => {
    return (ttl as { AttributeName?: string } | undefined)?.AttributeName === tableSchema.timeToLive;
  });
  const [busId] = one('event bus', ({ Type }) => Type === 'AWS::Events::EventBus');
  const [, rule] = one('rule for failed tasks', ({ Properties: { EventPattern } }) => {
    return (EventPattern as Json | undefined)?.['detail-type']?.toString() === TASK_FAILED;
  });
  const [, mapping] = one('queue for the formatter', ({ Type }) => Type === 'AWS::Lambda::EventSourceMapping');
  const [formatter] = functionsWith('TOPIC_ARN');
  const [firstPoller, ...otherPollers] = functionsWith('TABLE_NAME');
  function pollerOf(poller: SynthesizedFunction): SynthesizedPoller {
    const [, schedule] = one(`schedule of ${poller.logicalId}`, ({ Type, Properties: { Target } }) => {
      const { Arn, Input = '{}' } = (Target ?? {}) as { Arn?: { 'Fn::GetAtt'?: string[] }; Input?: string };
      return (
        Type === 'AWS::Scheduler::Schedule' &&
        Arn?.['Fn::GetAtt']?.[0] === poller.logicalId &&
        JSON.parse(Input).mode === 'poll'
      );
    });
    return { ...poller, enabled: schedule.Properties.State !== 'DISABLED' };
  }
  // The stack may have other topics. The formatter knows only these.
  const topicOf = (variable: string) => (formatter.environment[variable] as { Ref: string } | undefined)?.Ref;
  return {
    template,
    tableId,
    busId,
    topicId: String(topicOf('TOPIC_ARN')),
    chatTopicId: topicOf('CHAT_TOPIC_ARN'),
    alertBatchSize: Number(mapping.Properties.BatchSize),
    failedTasksPattern: rule.Properties.EventPattern as object,
    /** One for each source, the first one first. */
    pollers: [pollerOf(firstPoller), ...otherPollers.map(pollerOf)] as [SynthesizedPoller, ...SynthesizedPoller[]],
    formatter,
  };
}

/** The environment, with each Ref to a logical id replaced by the local physical name, also within joined texts. */
export function resolveEnvironment(
  environment: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, string>>,
) {
  return Object.fromEntries(
    Object.entries(environment).map(([key, value]) => {
      const resolved = (part: unknown): string => {
        if (typeof part === 'string') return part;
        const { Ref: id = '', 'Fn::Join': joined } = part as { Ref?: string; 'Fn::Join'?: [string, unknown[]] };
        if (joined) return joined[1].map(resolved).join(joined[0]);
        const name = names[id];
        if (name !== undefined) return name;
        throw new Error(`${key} is ${JSON.stringify(value)}, which has no name on this machine.`);
      };
      return [key, resolved(value)];
    }),
  );
}
