/** `npm run deploy:local` as a person uses it: what it prints is what is run here, in another shell. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isAlive } from '../../cli/lib/running';
import { broughtVersion } from '../../local/ministack/shell';
import { until } from './aws';
import { descendantsOf } from './listening';

const project = join(__dirname, '..', '..');
let deployment: ChildProcess;
let printed = '';
let processes: number[] = [];
/** The commands, in the order in which they are printed. */
let commands: string[];

beforeAll(async () => {
  deployment = start('npm', ['run', 'deploy:local'], {}, text => {
    printed += text;
  });
  await until('all was printed', 300, async () => {
    if (deployment.exitCode !== null) throw new Error(`It ended with ${deployment.exitCode}:\n${printed}`);
    return /kill \d+\n/.test(printed);
  });
  commands = [...printed.matchAll(/^ {2}(\S(?:.*\\\n)*.*)$/gm)].map(([, command]) => command as string);
  processes = [deployment.pid as number, ...descendantsOf(deployment.pid as number)];
});

afterAll(async () => {
  deployment.kill();
});

test('it says how to use it, and each command works as it is printed', async () => {
  const [environment, startTask, seeEvent, seeAlert, ...ask] = commands;
  const tearDown = ask.pop();
  expect(ask).toEqual(['npm run tasks -- status', 'npm run tasks -- list', 'npm run tasks -- plan']);

  const started = await shell([environment, startTask]);
  const { TaskId } = JSON.parse(started);
  const find = async (command: string | undefined) => {
    const output = await shell([environment, command]);
    return output.includes(TaskId) && output;
  };
  const event = JSON.parse(await until('its event came', 150, () => find(seeEvent)));
  expect(event).toMatchObject({
    'detail-type': 'TaskFailed',
    detail: { taskId: TaskId, reasonCode: 'ContextNotFound' },
  });
  expect(await until('its alert came', 60, () => find(seeAlert))).toContain('Reason: ContextNotFound');
  expect(await shell([environment, 'npm run --silent tasks -- list'])).toContain(TaskId);
  expect(await shell([environment, 'npm run --silent tasks -- doctor'])).toContain('All is well.');
  for (const command of ask) await shell([environment, command]);

  expect(await shell([environment, 'aws --version'])).toContain(`aws-cli/${broughtVersion} `);
  expect(printed).toContain(`version ${broughtVersion}`);
  // A pipe, for /dev/stdout can't be opened where it is a socket.
  await shell([`bash -o pipefail -c ${quoted([environment, 'set -e', preparation, ...rehearsal()].join('\n'))} | cat`]);

  await shell([tearDown]);
  await until('it had ended', 30, async () => deployment.exitCode !== null);
  expect(deployment.exitCode).toBe(0);
  await until('all its processes had ended', 10, async () => !processes.some(isAlive));
  expect(existsSync(dirname((environment as string).slice(2)))).toBe(false);
});

const blocksOf = (text: string) =>
  [...text.matchAll(/^( *)```sh\n([\s\S]*?)^ *```/gm)].map(([, , code]) => code as string);
const [, ...sections] = readFileSync(join(project, 'docs', 'runbook.md'), 'utf8').split(/^## /m);
const preparation = blocksOf(sections[0] as string).join('\n');

/** Commands that do not work on MiniStack, as docs/testing.md says. */
const notThere = [
  'npx cdk',
  'aws sqs list-dead-letter-source-queues',
  'aws dynamodb list-backups',
  'aws events list-archives',
  // Of keys that this deployment does not have.
  'KeyFailuresQueueUrl',
  'UnforwardedQueueUrl',
  // Of a task that there is not, and at last the table.
  'replay --stack "$stack" --task task-xxxxxxxxxxxxx',
  'aws dynamodb delete-table',
];

/** All that the runbook does on AWS, but for that. */
const rehearsal = () => [
  'cd "$(mktemp -d)"',
  `npm() { (cd ${quoted(project)} && command npm "$@"); }`,
  ...sections
    .slice(1)
    .flatMap(section => [
      `echo ${quoted(`== ${section.split('\n')[0]}`)}`,
      `printf '%s' ${quoted(/^```json\n([\s\S]*?)^```/m.exec(section)?.[1] ?? '')} > proof.json`,
      ...blocksOf(section).filter(block => !notThere.some(text => block.includes(text))),
    ]),
];

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Runs lines of a POSIX shell. @throws Error with what it wrote */
async function shell(lines: readonly (string | undefined)[]): Promise<string> {
  let output = '';
  const text = lines.join('\n');
  const onlyNode = { PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(':') };
  const child = start('sh', ['-e', '-c', text], onlyNode, more => {
    output += more;
  });
  const code = await new Promise(resolve => child.once('close', resolve));
  if (code !== 0) throw new Error(`${text}\nended with ${code}:\n${output}`);
  return output;
}

function start(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  onText: (text: string) => void,
): ChildProcess {
  // Somebody's own account, which nothing here may ask.
  const theirs = { AWS_PROFILE: 'production', AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:9', AWS_SESSION_TOKEN: 'secret' };
  const env = { ...process.env, ...theirs, ...environment };
  const child = spawn(program, args, { cwd: project, env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', onText);
  return child;
}
