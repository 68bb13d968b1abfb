import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readConfig } from './config';
import { TaskPollerStack } from './stack';

export interface SynthesizeOptions {
  /** Configuration and CDK's own keys, over those of `cdk.json`. */
  readonly context?: Record<string, unknown>;
  /** Folder of the cloud assembly. Default: the folder that the CDK CLI sets, or a new temporary one. */
  readonly outdir?: string;
  /** False skips the bundling of the functions, to make tests faster. */
  readonly bundle?: boolean;
  /** False skips the rules of CloudFormation and cdk-nag, which take several seconds. */
  readonly validate?: boolean;
}

/**
 * Synthesizes the app. The CLI, the tests and the local run all use this function, so that they get the same stack.
 * @throws ConfigurationError naming every invalid key
 * @throws Error with the report, if a rule of CloudFormation or cdk-nag is violated. Under the CLI, the CLI reports it.
 */
export function synthesize({ context, outdir, bundle = true, validate = true }: SynthesizeOptions = {}) {
  const props: AppProps = {
    // Otherwise CDK synthesizes again when the process exits, even after an error.
    autoSynth: false,
    builtinCloudFormationValidation: validate,
    // The CLI also passes cdk.json and -c through the environment, which overrides these.
    context: {
      ...contextOfCdkJson(),
      ...(bundle ? {} : { 'aws:cdk:bundling-stacks': [] }),
      ...(validate ? {} : { 'aws:cdk:disable-creation-stack-traces': true }), // only findings use the traces
      ...context,
    },
  };
  const app = new App(outdir === undefined ? props : { ...props, outdir });
  const allContext = app.node.getAllContext();
  const config = readConfig(allContext);
  if (validate) Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { verbose: true }));
  // The id becomes the name of the stack, which must be unique in an account and region.
  new TaskPollerStack(app, config.stackName, { context: allContext });
  return app.synth();
}

function contextOfCdkJson(): Record<string, unknown> {
  return JSON.parse(readFileSync(join(__dirname, '..', 'cdk.json'), 'utf8')).context;
}
