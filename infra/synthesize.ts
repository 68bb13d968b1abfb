import { homedir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Annotations, App, type AppProps, Validations } from 'aws-cdk-lib';
import { CURRENT_VERSION_EXPIRED_FLAGS, CURRENT_VERSION_FLAG_DEFAULTS, FLAGS } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import { contextIn } from './cdk-json';
import { foreignKeys, readConfig } from './config';
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
  /** Folder with the project's `cdk.json`. */
  readonly project?: string;
  /** Folder with the user's own `.cdk.json`, which the CLI adds to the context. */
  readonly home?: string;
}

/**
 * Synthesizes the app. The CLI, the tests and the local run all use this function, so that they get the same stack.
 * @throws ConfigurationError naming every invalid key
 * @throws Error with the report, if a rule of CloudFormation or cdk-nag is violated. Under the CLI, the CLI reports it.
 */
export function synthesize(options: SynthesizeOptions = {}) {
  const {
    context,
    outdir,
    bundle = true,
    validate = true,
    project = join(__dirname, '..'),
    home = homedir(),
  } = options;
  const props: AppProps = {
    // Otherwise CDK synthesizes again when the process exits, even after an error.
    autoSynth: false,
    builtinCloudFormationValidation: validate,
    // The CLI also passes cdk.json and -c through the environment, which overrides these.
    context: {
      ...defaultFlags(),
      ...contextIn(join(project, 'cdk.json')),
      ...(bundle ? {} : { 'aws:cdk:bundling-stacks': [] }),
      ...(validate ? {} : { 'aws:cdk:disable-creation-stack-traces': true }), // only findings use the traces
      ...context,
    },
  };
  const app = new App(outdir === undefined ? props : { ...props, outdir });
  const allContext = app.node.getAllContext();
  const others = keysOfOtherApps(allContext, home);
  const ours = Object.fromEntries(Object.entries(allContext).filter(([key]) => !others.includes(key)));
  const config = readConfig(ours);
  if (validate) Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { verbose: true }));
  // The id becomes the name of the stack, which must be unique in an account and region.
  const stack = new TaskPollerStack(app, config.stackName, { context: ours });
  if (others.length > 0)
    Annotations.of(stack).addWarningV2(
      'partner-central-task-poller:keysOfOtherApps',
      `The context in ~/.cdk.json has keys that are not the poller's and are ignored: ${others.join(', ')}`,
    );
  return app.synth();
}

/** What the user keeps in `~/.cdk.json` for all apps. A key like one of ours is a mistake there, too. */
function keysOfOtherApps(context: Record<string, unknown>, home: string): string[] {
  const foreign = foreignKeys(context);
  if (foreign.length === 0) return [];
  const theirs = contextIn(join(home, '.cdk.json'));
  return foreign.filter(key => isDeepStrictEqual(context[key], theirs[key]));
}

/** The feature flags as they are without `cdk.json`. Set, since the CLI counts in a line those that are not. */
function defaultFlags(): Record<string, unknown> {
  const flags = Object.keys(FLAGS).filter(flag => !CURRENT_VERSION_EXPIRED_FLAGS.includes(flag));
  return Object.fromEntries(flags.map(flag => [flag, CURRENT_VERSION_FLAG_DEFAULTS[flag] ?? false]));
}
