/** The app that the CDK CLI runs; README.md has the commands. */
import { App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { DEFAULT_EVENT_SOURCE } from 'partner-central-task-poller/events';
import { WebhookStack } from './stack';

/**
 * Reads `taskBusName`, `endpoint` and `secretName` out of the context, and `catalog`, `eventSource` and `header` if they
 * are not the defaults.
 * @throws Error saying what is missing
 */
export function synthesize(props: AppProps = {}) {
  const app = new App({ ...props, autoSynth: false });
  const text = (key: string, otherwise?: string, like = /./, allowed = 'a name'): string => {
    const value = app.node.tryGetContext(key) ?? otherwise;
    if (typeof value === 'string' && like.test(value)) return value;
    throw new Error(`${key}: got ${JSON.stringify(value)}, allowed: ${allowed}; give it as -c ${key}=…`);
  };
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { verbose: true }));
  new WebhookStack(app, 'TaskEventWebhook', {
    taskBusName: text('taskBusName'),
    eventSource: text('eventSource', DEFAULT_EVENT_SOURCE),
    catalog: text('catalog', 'Sandbox'),
    endpoint: text('endpoint', undefined, /^https:\/\/[^\s/]+(\/\S*)?$/, 'an address with https'),
    header: text('header', 'Authorization'),
    secretName: text('secretName'),
  });
  return app.synth();
}

if (require.main === module)
  try {
    synthesize();
  } catch (error) {
    console.error((error as Error).message); // it says what to do; a stack trace would only hide it
    process.exitCode = 1;
  }
