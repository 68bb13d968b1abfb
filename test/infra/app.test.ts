/** The app as the CDK CLI runs it, in a process of its own. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

test('fails when keys are bad: names each of them, and shows no stack trace', () => {
  const CDK_CONTEXT_JSON = '{"catalog":"Sandpit","pollEveryMinutes":"0","colour":"red","memoryMb":"1"}'; // the CLI's -c
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', join('infra', 'app.ts')], {
    cwd: join(__dirname, '..', '..'),
    env: { ...process.env, CDK_CONTEXT_JSON },
    encoding: 'utf8',
  });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain(`\
The configuration (cdk.json and -c key=value) can't be used:
  - catalog: got "Sandpit", allowed: AWS or Sandbox
  - pollEveryMinutes: got "0", allowed: a whole number of minutes from 1 to 1440
  - memoryMb: got "1", allowed: a whole number of megabytes from 128 to 3008
  - colour: unknown key, got "red"; docs/configuration.md has all keys
`);
  expect(stderr).not.toMatch(/^\s+at /m);
});
