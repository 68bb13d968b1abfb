/** The CDK CLI as a user calls it, in a process without credentials. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Resource {
  readonly Type: string;
  readonly Properties: { Code: { S3Key: string }; Environment: { Variables: Record<string, unknown> } };
}

const root = join(__dirname, '..', '..');
const outdirs: string[] = [];
afterAll(() => {
  for (const outdir of outdirs) rmSync(outdir, { recursive: true });
});

function run(command: string, args: string[], env: Record<string, string> = {}) {
  return new Promise<{ status: number | null; output: string }>(resolve => {
    const keep = Object.entries(process.env).filter(([key]) => !/^(AWS_|CDK_|NODE_OPTIONS)/.test(key));
    const child = spawn(command, args, { cwd: root, env: { ...Object.fromEntries(keep), ...env } });
    let output = '';
    child.stdout.on('data', chunk => (output += chunk));
    child.stderr.on('data', chunk => (output += chunk));
    child.on('close', status => resolve({ status, output }));
  });
}

async function cdkSynth(...context: string[]) {
  const outdir = mkdtempSync(join(tmpdir(), 'cdk-synth-'));
  outdirs.push(outdir);
  const cli = join('node_modules', 'aws-cdk', 'bin', 'cdk');
  const given = context.flatMap(pair => ['-c', pair]);
  const result = await run(process.execPath, [cli, 'synth', '--quiet', '--output', outdir, ...given]);
  return { ...result, outdir };
}

test('-c reaches the template, and each bundle loads like in Lambda', async () => {
  const { status, output, outdir } = await cdkSynth(
    ...['catalog=AWS', 'stackName=Production', 'pollEveryMinutes=5', 'tags=team=crm,cost-center=42'],
    ...['alertEmail=crm@example.com', 'alarmEmail=oncall@example.com'], // without addresses the report warns
  );
  expect({ status, output }).toMatchObject({ status: 0 });
  expect(output).not.toContain('feature flags');
  const text = readFileSync(join(outdir, 'Production.template.json'), 'utf8');
  expect(text).toContain('rate(5 minutes)');
  expect(JSON.parse(text)).toHaveProperty('Resources.TaskBus82DFEABF.Properties.Tags', [
    { Key: 'cost-center', Value: '42' },
    { Key: 'team', Value: 'crm' },
  ]);
  expect(JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8')).pluginReports).toEqual([]);

  const { Resources } = JSON.parse(text) as { Resources: Record<string, Resource> };
  const functions = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
  expect(functions).toHaveLength(2);
  for (const { Properties } of functions) {
    const bundle = join(outdir, `asset.${Properties.Code.S3Key.replace('.zip', '')}`, 'index.mjs');
    const program = `import(${JSON.stringify(bundle)}).then(bundle => console.log(typeof bundle.handler))`;
    const environment = Object.entries(Properties.Environment.Variables).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : 'known-after-deployment',
    ]);
    const loaded = await run(process.execPath, ['-e', program], {
      ...Object.fromEntries(environment),
      AWS_REGION: 'us-east-1',
    });
    expect(loaded).toEqual({ status: 0, output: expect.stringMatching(/^function$/m) });
  }
});
