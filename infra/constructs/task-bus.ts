import { Duration } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import type { Config } from '../config';

interface TaskBusProps {
  readonly config: Pick<Config, 'archiveDays' | 'eventSource'>;
}

/** A bus of our own: who may publish on it is ours to say, and a replay reaches our readers only. */
export class TaskBus extends Construct {
  readonly bus: EventBus;

  constructor(scope: Construct, id: string, { config }: TaskBusProps) {
    super(scope, id);
    this.bus = new EventBus(this, 'Bus', { description: 'Partner Central tasks that completed or failed' });
    if (config.archiveDays === 0) return;
    this.bus.archive('Archive', {
      description: 'Events of the task poller, for a replay',
      eventPattern: { source: [config.eventSource] },
      retention: Duration.days(config.archiveDays),
    });
  }
}
