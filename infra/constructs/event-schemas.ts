import { Fn, Token } from 'aws-cdk-lib';
import { CfnRegistry, CfnSchema } from 'aws-cdk-lib/aws-eventschemas';
import { Construct } from 'constructs';
import taskCompleted from '../../docs/schemas/TaskCompleted.json';
import taskFailed from '../../docs/schemas/TaskFailed.json';
import taskStalled from '../../docs/schemas/TaskStalled.json';
import type { Config } from '../config';

interface EventSchemasProps {
  readonly config: Pick<Config, 'eventSource'>;
}

/** The JSON Schemas of the events in an EventBridge schema registry, for consoles, toolkits and scripts. */
export class EventSchemas extends Construct {
  constructor(scope: Construct, id: string, { config }: EventSchemasProps) {
    super(scope, id);
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

/** The same naming as EventBridge's schema discovery. Slashes are allowed in a source, but not in a schema name. */
function schemaName(source: string, detailType: string): string {
  // A token is replaced when the stack is deployed.
  const name = Token.isUnresolved(source) ? Fn.join('-', Fn.split('/', source)) : source.replaceAll('/', '-');
  return `${name}@${detailType}`;
}
