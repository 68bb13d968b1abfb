/** The app for the CDK CLI. README.md has the commands. */
import { App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { DEFAULT_EVENT_SOURCE } from 'partner-central-task-poller/events';
import { ConsumerStack } from './stack';

/**
 * Reads `taskBusName` from the context, and `catalog` and `eventSource` if they differ from the poller's defaults.
 * @throws Error naming a missing value
 */
export function synthesize(props: AppProps = {}) {
  const app = new App({ ...props, autoSynth: false });
  const text = (key: string, otherwise?: string): string => {
    const value = app.node.tryGetContext(key) ?? otherwise;
    if (typeof value === 'string' && value !== '') return value;
    throw new Error(`${key}: got ${JSON.stringify(value)}, allowed: a name; give it as -c ${key}=…`);
  };
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { verbose: true }));
  new ConsumerStack(app, 'TaskEventConsumer', {
    taskBusName: text('taskBusName'),
    eventSource: text('eventSource', DEFAULT_EVENT_SOURCE),
    catalog: text('catalog', 'Sandbox'),
  });
  return app.synth();
}

if (require.main === module)
  try {
    synthesize();
  } catch (error) {
    console.error((error as Error).message); // without the stack trace: the message has the advice
    process.exitCode = 1;
  }
