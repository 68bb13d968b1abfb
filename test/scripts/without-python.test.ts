import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'no-python-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each(['cfn-lint', 'jsii'])('without a Python that can run %s, it says so and does not fail CI', command => {
  const python = join(folder, 'python3');
  writeFileSync(python, '#!/bin/sh\nexit 1\n'); // like a version before 3.10
  chmodSync(python, 0o755);
  const { status, stderr } = spawnSync('bash', [join(__dirname, '..', command, 'run')], {
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 69, stderr: 'It takes Python 3.10 or later as python3.\n' });
});
