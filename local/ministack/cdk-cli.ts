/** Runs the real CDK CLI against MiniStack. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stackNameIn } from '../synthesis';
import { makeApiDestinations } from './api-destinations';
import { withoutMetricMath } from './assembly';
import { account, type MiniStack, region } from './ministack';
import { run } from './run-program';
import { applyTableSettings } from './table-settings';

const project = join(__dirname, '..', '..');
const cli = require.resolve('aws-cdk/bin/cdk');

/** Settings for resources that MiniStack's CloudFormation does not support. */
export const unknownToMiniStack = { archiveDays: '0', schemaRegistry: 'false', savedQueries: 'false' };

interface SynthOptions {
  /** Folder of the cloud assembly. */
  readonly directory: string;
  /** The app that the CLI runs; by default the one of `cdk.json`. */
  readonly app?: string;
  readonly context?: Readonly<Record<string, string>>;
}

/** @param signal ends the running command */
export function cdkCli(ministack: MiniStack, signal?: AbortSignal) {
  const { environment, folder } = ministack;
  // A separate home folder: the user's may contain a .cdk.json.
  const env = { CI: 'true', HOME: folder, ...environment };
  const cdkIn = (cwd: string, ...args: string[]) => run(process.execPath, [cli, ...args], { cwd, env, signal });
  const cdk = (...args: string[]) => cdkIn(project, ...args);
  return {
    /** Runs outside the project, because the CLI would synthesize the app of our cdk.json. */
    bootstrap: () => cdkIn(folder, 'bootstrap', `aws://${account}/${region}`),

    async synth({ directory, app, context = {} }: SynthOptions): Promise<void> {
      const pairs = Object.entries(context).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
      await cdk('synth', '--quiet', '--output', directory, ...(app ? ['--app', app] : []), ...pairs);
    },

    /** @returns the outputs of the only stack in the folder */
    async deploy(directory: string): Promise<Readonly<Record<string, string>>> {
      await withoutMetricMath(directory);
      await makeApiDestinations(ministack, directory);
      const file = join(directory, 'outputs.json');
      await cdk('deploy', '--app', directory, '--require-approval', 'never', '--outputs-file', file);
      const stackName = stackNameIn(directory);
      const template = readFileSync(join(directory, `${stackName}.template.json`), 'utf8');
      await applyTableSettings(ministack, stackName, JSON.parse(template));
      return JSON.parse(readFileSync(file, 'utf8'))[stackName];
    },

    destroy: (directory: string) => cdk('destroy', '--app', directory, '--force'),
  };
}
