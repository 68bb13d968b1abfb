/** An example as it deploys, synthesized with its bundles, and its functions on this machine. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppProps } from 'aws-cdk-lib';
import { hostFunction } from '../../local/services/function-host';
import { resolveEnvironment } from '../../local/synthesized';
import { type Json, nameOf, type Resource, type TemplateJson } from '../infra/read-template';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const { context: ofThePoller } = JSON.parse(readFileSync(join(__dirname, '..', '..', 'cdk.json'), 'utf8'));

type Synthesize = (props: AppProps) => { readonly stacks: readonly { readonly template: TemplateJson }[] };

/** @param context as the CLI gives it: the keys of the poller's own cdk.json stand beside these */
export function synthesizedExample(synthesize: Synthesize, context: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'example-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const props = { builtinCloudFormationValidation: false, context: { ...ofThePoller, ...context } };
  const template = synthesize({ ...props, outdir: join(folder, 'cdk.out') }).stacks[0]?.template as TemplateJson;

  /** With its logical id, which has a hash. */
  const idOf = (name: string) => String(Object.keys(template.Resources).find(id => nameOf(id) === name));
  return {
    template,
    idOf,
    /** What CloudFormation would say to another context. */
    synthesizeWith: (other: Readonly<Record<string, string | undefined>>) =>
      synthesize({ outdir: join(folder, 'other'), context: { ...props.context, ...other } }),
    /** @param names what references in its environment resolve to */
    host(name: string, names: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>>) {
      const resource = template.Resources[idOf(name)] as Resource;
      const { Code, Environment, Timeout } = resource.Properties as {
        Code: { S3Key: string };
        Environment: { Variables: Json };
        Timeout: number;
      };
      const logs: string[] = [];
      const host = hostFunction({
        bundle: join(folder, 'cdk.out', `asset.${Code.S3Key.replace('.zip', '')}`, 'index.mjs'),
        handler: 'handler',
        timeoutMs: Timeout * 1_000,
        environment: { ...resolveEnvironment(Environment.Variables, names), ...environment },
        onLog: line => logs.push(line),
      });
      return Object.assign(host, { logs });
    },
  };
}
