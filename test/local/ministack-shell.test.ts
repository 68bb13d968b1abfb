/** The AWS CLI in the shell of `npm run deploy:local`, with fake versions 1 and 2. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentFile } from '../../local/ministack/shell';

const folder = mkdtempSync(join(tmpdir(), 'shell-'));
afterAll(() => rmSync(folder, { recursive: true }));

function program(directory: string, name: string, script: string) {
  mkdirSync(join(folder, directory), { recursive: true });
  writeFileSync(join(folder, directory, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, directory, name), 0o755);
  return join(folder, directory);
}

test.each([
  ['2.31.0', 'theirs'],
  ['1.29.0', 'ours'],
])('with version %s of the user, %s runs and calls MiniStack', (version, whose) => {
  const path = program(
    version,
    'aws',
    `[ "$1" = --version ] && echo aws-cli/${version} || echo theirs $AWS_ENDPOINT_URL`,
  );
  const python = join(program('python', 'python', 'echo ours $AWS_ENDPOINT_URL'), 'python');
  const environment = { AWS_ENDPOINT_URL: 'https://localhost:1' } as Parameters<
    typeof environmentFile
  >[0]['environment'];
  const text = `${environmentFile({ environment, python }, {})}\naws sqs list-queues`;
  const { stdout } = spawnSync('sh', ['-e', '-c', text], { env: { PATH: `${path}:/usr/bin:/bin` }, encoding: 'utf8' });
  expect(stdout).toBe(`${whose} https://localhost:1\n`);
});

const hasPython = spawnSync('python3', ['--version']).status === 0;
describe(`version 1 with the parts of version 2 that the runbook needs${hasPython ? '' : ' (not run: this machine has no python3)'}`, () => {
  beforeAll(() => {
    mkdirSync(join(folder, 'awscli'));
    writeFileSync(join(folder, 'awscli', '__init__.py'), '');
    writeFileSync(
      join(folder, 'awscli', 'clidriver.py'),
      'import json, sys\n\n\ndef main():\n    print(json.dumps(sys.argv[1:]))\n    return 3\n',
    );
  });

  (hasPython ? test : test.skip).each([
    ['sqs list-queues', ['sqs', 'list-queues', '--endpoint-url', 'https://localhost:1']],
    ['sqs list-queues --endpoint-url x', ['sqs', 'list-queues', '--endpoint-url', 'x']],
    [
      'lambda invoke --cli-binary-format raw-in-base64-out --payload {} out',
      ['lambda', 'invoke', '--payload', '{}', 'out'],
    ],
    [
      'logs tail group --since 1h --format short --filter-pattern x',
      [
        ...[
          'logs',
          'filter-log-events',
          '--log-group-name',
          'group',
          '--start-time',
          expect.stringMatching(/^\d{13}$/),
        ],
        ...['--filter-pattern', 'x', '--query', 'events[].[message]', '--output', 'text'],
      ],
    ],
    ['events list-rules', ['events', 'list-rules']],
  ])('aws %s', (line, expected) => {
    const script = join(__dirname, '..', '..', 'local', 'ministack', 'aws.py');
    const { status, stdout, stderr } = spawnSync('python3', [script, ...line.split(' ')], {
      env: { ...process.env, PYTHONPATH: folder, AWS_ENDPOINT_URL: 'https://localhost:1' },
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect([status, JSON.parse(stdout)]).toEqual([3, expected]);
  });
});
