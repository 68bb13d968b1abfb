import { Annotations, Fn, Stack, Token } from 'aws-cdk-lib';
import { CfnRegistry, CfnSchema } from 'aws-cdk-lib/aws-eventschemas';
import { Construct } from 'constructs';
import taskCompleted from '../../docs/schemas/TaskCompleted.json';
import taskFailed from '../../docs/schemas/TaskFailed.json';
import taskStalled from '../../docs/schemas/TaskStalled.json';
import type { Config } from '../config';

interface EventSchemasProps {
  readonly config: Pick<Config, 'eventSource'>;
}

/** CloudFormation refuses a template that has a schema registry there. https://docs.aws.amazon.com/general/latest/gr/eventbridgeschemas.html */
const regionsWithoutRegistry = [
  'ap-east-2',
  'ap-south-2',
  'ap-southeast-4',
  'ap-southeast-5',
  'ap-southeast-6',
  'ap-southeast-7',
  'ca-west-1',
  'il-central-1',
  'mx-central-1',
];

/** The JSON Schemas of the events in an EventBridge schema registry, for consoles, toolkits and scripts. */
export class EventSchemas extends Construct {
  constructor(scope: Construct, id: string, { config }: EventSchemasProps) {
    super(scope, id);
    const region = knownRegion(Stack.of(this));
    if (region && regionsWithoutRegistry.includes(region)) {
      Annotations.of(this).addWarningV2(
        'partner-central-task-poller:noSchemaRegistry',
        `EventBridge has no schema registry in ${region}, so the schemas of the events are not registered. Set schemaRegistry to false if that is fine.`,
      );
      return;
    }
    const registry = new CfnRegistry(this, 'Registry', { description: 'Events of the Partner Central task poller' });
    for (const schema of [taskCompleted, taskFailed, taskStalled])
      new CfnSchema(this, schema.title, {
        registryName: registry.attrRegistryName,
        schemaName: schemaName(config.eventSource, schema.title),
        description: schema.description,
        type: 'JSONSchemaDraft4',
        content: JSON.stringify({ ...schema, 'x-amazon-events-source': config.eventSource }),
      });
  }
}

/** A stack without a region is deployed to the one that the CDK CLI passes. Undefined if there is none. */
const knownRegion = ({ region }: Stack) => (Token.isUnresolved(region) ? process.env.CDK_DEFAULT_REGION : region);

/** The same naming as EventBridge's schema discovery. Slashes are allowed in a source, but not in a schema name. */
function schemaName(source: string, detailType: string): string {
  // A token is replaced when the stack is deployed.
  const name = Token.isUnresolved(source) ? Fn.join('-', Fn.split('/', source)) : source.replaceAll('/', '-');
  return `${name}@${detailType}`;
}
