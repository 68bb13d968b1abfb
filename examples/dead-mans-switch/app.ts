/** The app that the CDK CLI runs; README.md has the commands. */
import { App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { DeadMansSwitchStack } from './stack';

/**
 * Reads `switchUrl` out of the context, and `pollers` and `windowMinutes` if they are not the defaults.
 * @throws Error saying what is missing
 */
export function synthesize(props: AppProps = {}) {
  const app = new App({ ...props, autoSynth: false });
  const text = (key: string, otherwise: string | undefined, like: RegExp, allowed: string): string => {
    const value = app.node.tryGetContext(key) ?? otherwise;
    if (typeof value === 'string' && like.test(value)) return value;
    throw new Error(`${key}: got ${JSON.stringify(value)}, allowed: ${allowed}; give it as -c ${key}=…`);
  };
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { verbose: true }));
  const name = '[A-Za-z][A-Za-z0-9-]*';
  const pollers = text(
    'pollers',
    'PartnerCentralTaskPoller',
    new RegExp(`^${name}(,${name})*$`),
    'names of pollers, separated by commas',
  );
  new DeadMansSwitchStack(app, 'TaskPollerDeadMansSwitch', {
    pollers: pollers.split(','),
    switchUrl: text('switchUrl', undefined, /^https:\/\/\S+$/, 'an address with https'),
    windowMinutes: Number(text('windowMinutes', '15', /^[1-9]\d{0,3}$/, 'a number of minutes from 1 to 9999')),
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
