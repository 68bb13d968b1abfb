/** The runbook names only existing things, and its commands run. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import * as v from 'valibot';
import { configEntries } from '../infra/config-entries';
import { logQueries } from '../infra/constructs/log-queries';
import { CHECKPOINT_KEY, taskKey } from '../lambdas/poller/edges/row-item';
import { tableSchema } from '../lambdas/poller/table-schema';
import { sourceId } from '../lambdas/source-id';
import { taskEventSchema } from '../lambdas/task-event';
import { startLocalStack } from '../local/start/local-stack';
import { readSynthesized } from '../local/synthesized';
import { headingAnchors } from './heading-anchors';
import { all, template } from './infra/read-template';
import { clientOf } from './local/clients';

const root = join(__dirname, '..');
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');
const runbook = read('docs', 'runbook.md');

/** Sections by heading, without the text before the first. */
const sections = new Map(
  headingAnchors(runbook)
    .filter(({ level }) => level === 2)
    .map(({ text, at }, index, all) => [text, runbook.slice(at, all[index + 1]?.at)]),
);
/** Code blocks, without their indentation in a list. */
const blocksOf = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`^( *)\`\`\`${language}\n([\\s\\S]*?)^ *\`\`\``, 'gm'))].map(
    ({ 1: indent = '', 2: code = '' }) => code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
const commands = [...sections.values()].flatMap(section => blocksOf(section, 'sh')).join('\n');

const pollerSource = readdirSync(join(root, 'lambdas', 'poller'), { encoding: 'utf8', recursive: true })
  .filter(file => file.endsWith('.ts'))
  .map(file => read('lambdas', 'poller', file))
  .join('\n');

describe('links', () => {
  test("have GitHub's slugs", () => {
    const markdown = "# A: b's C_d – e\n```sh\n# no heading\n```\n## A: b's C_d – e\n### `code` & more";
    expect(headingAnchors(markdown).map(({ slug }) => slug)).toEqual(['a-bs-c_d--e', 'a-bs-c_d--e-1', 'code--more']);
  });

  test('fails when docs/alerts.md lacks an alarm', () => {
    const alarms = headingAnchors(runbook).filter(({ text }) => text.startsWith('Alarm: '));
    const listed = [...read('docs/alerts.md').matchAll(/^\| \[[^\]]+\]\(runbook\.md#(alarm-[a-z-]+)\) \|/gm)];
    expect(listed.map(([, slug]) => slug)).toEqual(alarms.map(({ slug }) => slug));
  });
});

test('each alarm has description, investigation and resolution', () => {
  const alarms = [...sections].filter(([heading]) => heading.startsWith('Alarm: '));
  expect(alarms).toHaveLength(8);
  for (const [heading, section] of alarms) {
    const parts = [...section.matchAll(/^\*\*(\w+)\.\*\*/gm)].map(([, part]) => part);
    expect({ heading, parts }).toEqual({ heading, parts: ['Description', 'Investigation', 'Resolution'] });
  }
});

describe('names', () => {
  test('each named file exists', () => {
    const named = [...runbook.matchAll(/`((?:lambdas|local|docs|test|infra)\/[\w/.-]+)`/g)].map(
      ([, path]) => path as string,
    );
    expect(named.length).toBeGreaterThan(1);
    expect(named.filter(path => !existsSync(join(root, path)))).toEqual([]);
  });

  test('each key set with -c is in the configuration', () => {
    const named = [...new Set([...runbook.matchAll(/-c (\w+)=/g)].map(([, key]) => key as string))];
    expect(named.length).toBeGreaterThan(2);
    expect(named.filter(key => !(key in configEntries))).toEqual([]);
  });

  test('each output exists in the stack', () => {
    const named = [...commands.matchAll(/\$\(output (\w+)\)/g)].map(([, output]) => output as string);
    expect(named.length).toBeGreaterThan(5);
    const { Outputs } = template({
      customerManagedKey: true,
      forwardTo: 'arn:aws:events:eu-west-1:111122223333:event-bus/crm',
    });
    expect(named.filter(output => !(output in Outputs))).toEqual([]);
  });

  test('each alarm name exists', () => {
    const named = [...commands.matchAll(/\$stack-(\w+)"/g)].map(([, name]) => name as string);
    expect(named).toEqual(['Alarms', 'AlarmsSetAside']);
    const ids = Object.keys(all('AWS::CloudWatch::Alarm'));
    expect(ids.filter(id => id.startsWith('Alarms'))).toHaveLength(9);
    expect(ids).toContain('AlarmsSetAside');
  });

  test('each saved query exists', () => {
    const named = [...runbook.matchAll(/[Ss]aved quer(?:y|ies)[^*\n]*((?:\*[A-Z][^*]+\*(?:, )?)+)/g)]
      .flatMap(([, list]) => [...(list as string).matchAll(/\*([^*]+)\*/g)])
      .map(([, name]) => name as string);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter(name => !(name in logQueries))).toEqual([]);
    expect(Object.keys(logQueries).filter(name => !named.includes(name))).toEqual([]);
  });

  test('each log line exists in the code', () => {
    const named = [...commands.matchAll(/\$\.message = "([^"]+?)\*?"/g)].map(([, line]) => line as string);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter(line => !pollerSource.includes(`'${line}`))).toEqual([]);
  });

  test('each error and log line in a table exists in the code', () => {
    const ofAws = ['AccessDeniedException', 'Task timed out', 'Runtime exited'];
    const cells = [...runbook.matchAll(/^\| (`[^|]+?) \|/gm)].flatMap(([, cell]) =>
      [...(cell as string).matchAll(/`([^`]+)`/g)].flatMap(([, text]) => (text as string).split('…')),
    );
    expect(cells.length).toBeGreaterThan(12);
    const unknown = cells
      .map(text => text.trim())
      .filter(text => !ofAws.includes(text) && !pollerSource.includes(text));
    expect(unknown).toEqual([]);
  });

  test('each table attribute and key exists', () => {
    expect(commands).toContain(`AttributeName=${tableSchema.timeToLive}\n`);
    expect(commands).toContain(`attribute_exists(${tableSchema.index.sortKey})`);
    expect(commands).toContain(
      `source=${sourceId({ catalog: 'Sandbox', taskFamily: 'OpportunityFromEngagement' })}  #`,
    );
    expect(taskKey('S', 'T')).toEqual({ source: 'S', item: 'TASK#T' });
    expect(commands).toContain('{source: {S: $source}, item: {S: ("TASK#" + $task)}}');
    expect(commands).not.toContain(CHECKPOINT_KEY); // operators must not edit it
  });
});

describe('commands', () => {
  const [preparation] = blocksOf(sections.get('Before anything else') ?? '', 'sh') as [string];
  const assigned = (code: string) =>
    [...code.matchAll(/(?:^|[\s;(])(\w+)=|\bfor (\w+) in/g)].map(([, name, looped]) => name ?? looped);
  /** Shell code, without single-quoted parts, which belong to jq and JMESPath. */
  const used = (code: string) =>
    [...code.replace(/'[^']*'/g, '').matchAll(/\$\{?([A-Za-z]\w*)/g)].map(([, name]) => name as string);

  test.each(
    [...sections].flatMap(([heading, text]) => blocksOf(text, 'sh').map((code, at) => [heading, at, code] as const)),
  )('%s, block %i: bash parses it, and its variables are set above it', (heading, at, code) => {
    const parsed = spawnSync('bash', ['-n'], { input: code, encoding: 'utf8' });
    expect(parsed.stderr).toBe('');
    const above = blocksOf(sections.get(heading) ?? '', 'sh').slice(0, at + 1);
    const known = assigned([preparation, ...above].join('\n'));
    expect(used(code).filter(name => !known.includes(name))).toEqual([]);
  });

  test('each deployment has all keys', () => {
    const production = sections.get('Moving from Sandbox to production') ?? ''; // uses another checkout
    const ofThisStack = runbook.replace(production, '');
    const deployments = [...ofThisStack.matchAll(/npx cdk (?:deploy|destroy|diff)([^`\n]*)/g)].map(([, rest]) => rest);
    expect(deployments.length).toBeGreaterThan(8);
    for (const rest of deployments) expect(rest).toMatch(/^ "\$\{keys\[@\]\}"/);
  });
});

describe('the test of the path to the inbox', () => {
  const section = sections.get('Prove the path to the inbox') ?? '';
  const [proof = '', ...others] = blocksOf(section, 'json');
  const [command = ''] = blocksOf(section, 'sh');
  const hasJq = spawnSync('jq', ['--version']).status === 0;

  interface Entry {
    readonly Source: string;
    readonly DetailType: string;
    readonly Detail: string;
  }

  /** Through the stack's rule and the formatter's bundle. */
  async function expectMail(entry: Entry) {
    const [directory, stackName] = [process.env.SYNTHESIZED as string, 'PartnerCentralTaskPoller'];
    const stack = await startLocalStack({ directory, stackName });
    const client = new EventBridgeClient(clientOf(stack.eventBridge));
    try {
      const { busId } = readSynthesized(directory, stackName);
      const answer = await client.send(new PutEventsCommand({ Entries: [{ ...entry, EventBusName: busId }] }));
      expect(answer.FailedEntryCount).toBe(0);
      const mails = await stack.deliverAlerts();
      expect(mails).toHaveLength(1);
      expect(mails[0]?.message).toContain('task-0000000000000');
      expect(mails[0]?.message).toContain('This is a test of the alerts. No task failed.');
    } finally {
      client.destroy();
      await stack.close();
    }
  }

  test('is the only block of JSON in its section', () => {
    expect(others).toEqual([]);
  });

  test('is an event that the rule matches and the formatter turns into a mail', async () => {
    const entry = JSON.parse(proof);
    v.parse(taskEventSchema, entry.Detail);
    await expectMail({ ...entry, Detail: JSON.stringify(entry.Detail) });
  });

  const whyNot = hasJq ? '' : ' (not run: this machine has no jq)';
  (hasJq ? test : test.skip)(`is sent by the command as written${whyNot}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'runbook-test-'));
    try {
      writeFileSync(join(folder, 'proof.json'), proof);
      const before = Date.now();
      const sent = execFileSync('bash', ['-euo', 'pipefail', '-c', `bus=my-bus; aws() { echo "$*"; }\n${command}`], {
        cwd: folder,
        encoding: 'utf8',
      });
      expect(sent).toBe('events put-events --entries file://entries.json\n');
      const entries = JSON.parse(readFileSync(join(folder, 'entries.json'), 'utf8'));
      expect(entries).toEqual([
        {
          EventBusName: 'my-bus',
          Source: 'partnercentral.task-poller',
          DetailType: 'TaskFailed',
          Detail: expect.any(String),
        },
      ]);
      await expectMail(entries[0]);
      const { eventId, detectedBefore } = JSON.parse(entries[0].Detail);
      expect(eventId).not.toMatch(/^0+$/); // a new id, or the formatter would take it for a repeat
      expect(Date.parse(detectedBefore)).toBeGreaterThanOrEqual(before - 1_000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
