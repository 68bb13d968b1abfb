import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readConfig } from './config';
import { TaskPollerStack } from './stack';

export interface SynthesizeOptions {
  /** Configuration and CDK's own keys, over those of `cdk.json`. */
  readonly context?: Record<string, unknown>;
  /** Folder of the cloud assembly; a new temporary one unless the CDK CLI names it. */
  readonly outdir?: string;
  /** False leaves the functions' code out, which saves tests the time. */
  readonly bundle?: boolean;
  /** False skips the rules of CloudFormation and cdk-nag, which take seconds. */
  readonly validate?: boolean;
}

/**
 * Synthesizes the app. The CLI, the tests and the local run all come through here, so that they see the same stack.
 * @throws ConfigurationError naming every bad key
 * @throws Error with the report, when a rule of CloudFormation or cdk-nag is broken (under the CLI, that reports it)
 */
export function synthesize({ context, outdir, bundle = true, validate = true }: SynthesizeOptions = {}) {
  const props: AppProps = {
    // Otherwise CDK synthesizes once more when the process ends, also after an error.
    autoSynth: false,
    builtinCloudFormationValidation: validate,
    // The CLI passes the context of cdk.json and -c again through the environment, which wins over these.
    context: {
      ...contextOfCdkJson(),
      ...(bundle ? {} : { 'aws:cdk:bundling-stacks': [] }),
      ...(validate ? {} : { 'aws:cdk:disable-creation-stack-traces': true }), // only findings need them
      ...context,
    },
  };
  const app = new App(outdir === undefined ? props : { ...props, outdir });
  const allContext = app.node.getAllContext();
  const config = readConfig(allContext);
  if (validate) Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { verbose: true }));
  // The id is the name of the stack, which has to differ between stacks in one account.
  new TaskPollerStack(app, config.stackName, { context: allContext });
  return app.synth();
}

function contextOfCdkJson(): Record<string, unknown> {
  return JSON.parse(readFileSync(join(__dirname, '..', 'cdk.json'), 'utf8')).context;
}
