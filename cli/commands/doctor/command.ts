/** `doctor`: is everything there that the poller needs? One line a check, and for what is wrong, what to do. */

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { withoutAbsent } from '../../../lambdas/poller/core/task';
import { PARTNER_CENTRAL_REGION } from '../../../lambdas/poller/settings';
import type { TaskFamily } from '../../../lambdas/poller/task-families';
import { formatSource } from '../../../lambdas/source-id';
import { type CommandContext, examples, type Register } from '../../lib/command';
import type { DeployedSource } from '../../lib/deployment';
import { openTable } from '../../lib/table';
import { counted } from '../../lib/words';
import type { Found } from './check';
import { actionsOf, connectForListing, type ListingSettings, mayList } from './listing';
import { describeBus, findStack, isAlive, isOn, readSchedules } from './stack';
import { describeTable, expiresRows, isBackedUp, isProtected } from './table';

interface Result {
  readonly check: string;
  readonly source?: string;
  readonly ok: boolean;
  /** One line: what was found, or what is wrong and what to do. */
  readonly detail: string;
}

export const register: Register = (program, run) => {
  program
    .command('doctor')
    .summary('check credentials, permissions, stack, table, bus, schedules and the last poll')
    .description(
      'Checks everything that the poller needs: credentials, the stack, the permission to list tasks, table, bus, schedules, and the last poll. Each check is one line. A failed check says what to do, and the others still run. It changes nothing, and works before the first deployment.',
    )
    .addHelpText(
      'after',
      examples(
        'npm run tasks -- doctor',
        'npm run tasks -- doctor --profile prod --region eu-central-1',
        "npm run --silent tasks -- doctor --json | jq '.checks[] | select(.ok | not)'",
      ),
    )
    .action(
      run(async context => {
        const results: Result[] = [];
        await examine(context, result => {
          results.push(result);
          if (!context.json) context.print(asLine(result));
        });
        const wrong = results.filter(({ ok }) => !ok).length;
        if (context.json) context.print(JSON.stringify({ ok: wrong === 0, checks: results }, null, 2));
        else context.print(wrong === 0 ? '\nAll is well.' : `\n${counted(wrong, 'thing is', 'things are')} wrong.`);
        return wrong === 0 ? 0 : 1;
      }),
    );
};

async function examine(context: CommandContext, report: (result: Result) => void): Promise<void> {
  const { signal, global, now, aws } = context;
  const sending = { abortSignal: signal };

  /** @returns what the check found, undefined when it is wrong */
  async function check<T>(name: string, look: () => Promise<Found<T>>, source?: string): Promise<T | undefined> {
    const about = withoutAbsent({ check: name, source });
    try {
      const [found, detail] = await look();
      report({ ...about, ok: true, detail });
      return found;
    } catch (error) {
      if (signal.aborted) throw error;
      report({ ...about, ok: false, detail: context.explain(error) });
      return undefined;
    }
  }

  const region = await check('region', async () => {
    const found = await new STSClient(aws('STS')).config.region();
    return [found, found];
  });
  const caller = await check('credentials', async () => {
    // Any region answers this.
    const sts = new STSClient({ ...aws('STS'), region: region ?? PARTNER_CENTRAL_REGION });
    const { Arn = 'nobody', Account = 'none' } = await sts.send(new GetCallerIdentityCommand({}), sending);
    return [Arn, `${Arn}, account ${Account}`];
  });
  if (caller === undefined) return;

  const deployment = await check('stack', () => findStack(context));
  if (!deployment) {
    const [catalog, taskFamily] = (global.source ?? 'Sandbox/OpportunityFromEngagement').split('/');
    await checkListing({ catalog: catalog as ListingSettings['catalog'], taskFamily: taskFamily as TaskFamily });
    return;
  }
  const schedules = readSchedules(new SchedulerClient(aws('SCHEDULER')), deployment.schedules, sending);
  for (const source of deployment.sources) await checkSource(source, deployment.sources.length > 1);

  async function checkListing(settings: ListingSettings, source?: string) {
    const client = connectForListing(aws, settings);
    for (const action of actionsOf(settings.taskFamily))
      await check(`may ${action.split(':')[1]}`, () => mayList(client, action, settings, sending), source);
  }

  async function checkSource(source: DeployedSource, isOneOfSeveral: boolean) {
    const { settings, tableName, eventBusName } = source;
    const label = isOneOfSeveral ? formatSource(source.id) : undefined;
    const dynamoDb = new DynamoDBClient(aws('DYNAMODB'));
    const eventBridge = new EventBridgeClient(aws('EVENTBRIDGE'));
    await checkListing(settings, label);
    const table = await check('table', () => describeTable(dynamoDb, tableName, sending), label);
    if (table !== undefined) {
      await check('deletion protection', () => isProtected(table, tableName), label);
      await check('time to live', () => expiresRows(dynamoDb, tableName, sending), label);
      await check('point-in-time recovery', () => isBackedUp(dynamoDb, tableName, sending), label);
    }
    await check('event bus', () => describeBus(eventBridge, eventBusName, sending), label);
    for (const mode of ['poll', 'audit'] as const)
      await check(`${mode} schedule`, async () => isOn(mode, source, await schedules()), label);
    if (table !== undefined) await check('last poll', () => isAlive(source, openTable(source, context), now()), label);
  }
}

const asLine = ({ check, source, ok, detail }: Result) =>
  `${ok ? 'ok   ' : 'wrong'}  ${source ? `${source}: ` : ''}${check}: ${detail}`;
