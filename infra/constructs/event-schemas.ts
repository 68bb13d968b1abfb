import { CfnRegistry, CfnSchema } from 'aws-cdk-lib/aws-eventschemas';
import { Construct } from 'constructs';
import taskCompleted from '../../docs/schemas/TaskCompleted.json';
import taskFailed from '../../docs/schemas/TaskFailed.json';
import taskStalled from '../../docs/schemas/TaskStalled.json';
import type { Config } from '../config';

interface EventSchemasProps {
  readonly config: Pick<Config, 'eventSource'>;
}

/** The shapes of the events in a registry of EventBridge, where consoles, toolkits and scripts look for them. */
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

/** As EventBridge names what it discovers. A source may have slashes, and a name may not. */
const schemaName = (source: string, detailType: string) => `${source.replaceAll('/', '-')}@${detailType}`;
