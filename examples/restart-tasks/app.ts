/** The app that the CDK CLI runs; README.md has the commands. */
import { App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { DEFAULT_EVENT_SOURCE } from 'partner-central-task-poller/events';
import { RestartTasksStack } from './stack';

/**
 * Reads `taskBusName` and `email` out of the context, and `catalog`, `eventSource`, `maxRestarts` and `involvementType` if
 * they are not the defaults.
 * @throws Error saying what is missing
 */
export function synthesize(props: AppProps = {}) {
  const app = new App({ ...props, autoSynth: false });
  const optional = (key: string, like: RegExp, allowed: string): string | undefined => {
    const value = app.node.tryGetContext(key);
    if (value === undefined || (typeof value === 'string' && like.test(value))) return value;
    throw new Error(`${key}: got ${JSON.stringify(value)}, allowed: ${allowed}; give it as -c ${key}=…`);
  };
  const text = (key: string, like: RegExp, allowed: string): string => {
    const value = optional(key, like, allowed);
    if (value !== undefined) return value;
    throw new Error(`${key}: got nothing, allowed: ${allowed}; give it as -c ${key}=…`);
  };
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { verbose: true }));
  new RestartTasksStack(app, 'RestartTasks', {
    taskBusName: text('taskBusName', /./, 'a name'),
    eventSource: optional('eventSource', /./, 'a name') ?? DEFAULT_EVENT_SOURCE,
    catalog: optional('catalog', /./, 'a name') ?? 'Sandbox',
    email: text('email', /^[^\s@]+@[^\s@]+$/, 'an e-mail address'),
    maxRestarts: Number(optional('maxRestarts', /^[1-5]$/, 'a number from 1 to 5') ?? 3),
    involvementType: optional('involvementType', /^(Co-Sell|For Visibility Only)$/, 'Co-Sell or For Visibility Only'),
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
