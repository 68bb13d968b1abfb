/** `doctor`: is everything there that the poller needs? One line a check, and for what is wrong, what to do. */
import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { DescribeEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import {
  ListEngagementByAcceptingInvitationTasksCommand,
  ListEngagementFromOpportunityTasksCommand,
  ListOpportunityFromEngagementTasksCommand,
  PartnerCentralSellingClient,
} from '@aws-sdk/client-partnercentral-selling';
import { GetScheduleCommand, type GetScheduleCommandOutput, SchedulerClient } from '@aws-sdk/client-scheduler';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { withoutAbsent } from '../../../lambdas/poller/core/task';
import { PARTNER_CENTRAL_REGION, type Settings } from '../../../lambdas/poller/settings';
import { tableSchema } from '../../../lambdas/poller/table-schema';
import { familyOf } from '../../../lambdas/poller/task-families';
import { type CommandContext, clientOptions, examples, type Register } from '../../lib/command';
import { CommandFailure } from '../../lib/context';
import { type DeployedSource, findDeployment, NotDeployed } from '../../lib/deployment';
import { explain } from '../../lib/explain';
import { openTable } from '../../lib/read-table';
import { clockInWords, clockOffsetSeconds, isLate } from '../../lib/source-status';
import { chooseSources, spoken } from '../../lib/sources';
import { counted, relative, utcAndAge } from '../../lib/words';

/** Thrown by a check for what is wrong: the message says what, and what to do. */
class Wrong extends CommandFailure {}

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
    .summary('is everything there that the poller needs?')
    .description(
      'Checks, one line each, what the poller needs: credentials, the stack, the right to list tasks, table, bus, schedules, and the last poll. It goes on after what is wrong, changes nothing, and works before anything is deployed too.',
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

async function examine(context: CommandContext, tell: (result: Result) => void): Promise<void> {
  const { signal, global, now } = context;
  const sending = { abortSignal: signal };

  /** @returns what the check brought, undefined when it is wrong */
  async function check<T>(
    name: string,
    look: () => Promise<readonly [T, string]>,
    source?: string,
  ): Promise<T | undefined> {
    const about = withoutAbsent({ check: name, source });
    try {
      const [found, detail] = await look();
      tell({ ...about, ok: true, detail });
      return found;
    } catch (error) {
      if (signal.aborted) throw error;
      tell({
        ...about,
        ok: false,
        detail: error instanceof CommandFailure ? error.message : explain(error, process.env),
      });
      return undefined;
    }
  }

  await check('region', async () => {
    const region = await new STSClient(clientOptions).config.region();
    return [region, region];
  });
  const caller = await check('credentials', async () => {
    // Without a region too: any tells who we are.
    const sts = new STSClient({ ...clientOptions, region: process.env.AWS_REGION ?? PARTNER_CENTRAL_REGION });
    const { Arn = 'nobody', Account = 'none' } = await sts.send(new GetCallerIdentityCommand({}), sending);
    return [Arn, `${Arn}, account ${Account}`];
  });
  if (caller === undefined) return;

  const deployment = await check('stack', () => findStack(context));
  if (!deployment) {
    const [catalog, taskFamily] = (global.source ?? 'Sandbox/OpportunityFromEngagement').split('/');
    await checkCatalog({ catalog, taskFamily } as Settings);
    return;
  }
  const schedules = readSchedules(deployment.schedules, sending);
  for (const source of deployment.sources) await checkSource(source, deployment.sources.length > 1);

  async function checkCatalog(settings: Pick<Settings, 'catalog' | 'taskFamily' | 'assumeRoleArn'>, source?: string) {
    const client = partnerCentral(settings);
    for (const action of familyOf(settings.taskFamily).actions)
      await check(`may ${action.split(':')[1]}`, () => mayList(client, action, settings, sending), source);
  }

  async function checkSource(source: DeployedSource, isOneOfSeveral: boolean) {
    const { settings, tableName, eventBusName } = source;
    const label = isOneOfSeveral ? spoken(source.id) : undefined;
    const dynamoDb = new DynamoDBClient(clientOptions);
    await checkCatalog(settings, label);
    const table = await check('table', () => describeTable(dynamoDb, tableName, sending), label);
    if (table !== undefined) {
      await check('deletion protection', () => isProtected(table, tableName), label);
      await check('time to live', () => expiresRows(dynamoDb, tableName, sending), label);
      await check('point-in-time recovery', () => isBackedUp(dynamoDb, tableName, sending), label);
    }
    await check('event bus', () => describeBus(eventBusName, sending), label);
    for (const mode of ['poll', 'audit'] as const)
      await check(`${mode} schedule`, async () => isOn(mode, source, await schedules()), label);
    if (table !== undefined) await check('last poll', () => isAlive(source, now(), signal), label);
  }
}

const asLine = ({ check, source, ok, detail }: Result) =>
  `${ok ? 'ok   ' : 'wrong'}  ${source ? `${source}: ` : ''}${check}: ${detail}`;

type Sending = { readonly abortSignal: AbortSignal };

/** With those of its sources that are asked for. */
async function findStack({ global: { stack, source }, signal }: CommandContext) {
  const deployment = await findDeployment({ stack, signal }).catch((error: unknown) => {
    if (error instanceof NotDeployed)
      throw new Wrong(`${error.message.split('. ')[0]}: deploy it with npx cdk deploy.`);
    throw error;
  });
  const { region } = deployment;
  const sources = chooseSources(deployment, source);
  return [
    { ...deployment, sources },
    `${stack} in ${region} polls ${sources.map(({ id }) => spoken(id)).join(', ')}`,
  ] as const;
}

function partnerCentral({ assumeRoleArn: RoleArn }: Pick<Settings, 'assumeRoleArn'>) {
  return new PartnerCentralSellingClient({
    ...clientOptions,
    region: PARTNER_CENTRAL_REGION,
    ...(RoleArn && {
      credentials: fromTemporaryCredentials({ params: { RoleArn, RoleSessionName: 'task-poller-doctor' } }),
    }),
  });
}

/** By the action that is needed for each. */
const listCommands = {
  'partnercentral:ListOpportunityFromEngagementTasks': ListOpportunityFromEngagementTasksCommand,
  'partnercentral:ListEngagementFromOpportunityTasks': ListEngagementFromOpportunityTasksCommand,
  'partnercentral:ListEngagementByAcceptingInvitationTasks': ListEngagementByAcceptingInvitationTasksCommand,
} as unknown as Readonly<Record<string, typeof ListOpportunityFromEngagementTasksCommand>>;

async function mayList(
  client: PartnerCentralSellingClient,
  action: string,
  { catalog, assumeRoleArn }: Pick<Settings, 'catalog' | 'assumeRoleArn'>,
  sending: Sending,
) {
  const List = listCommands[action] as typeof ListOpportunityFromEngagementTasksCommand;
  await client.send(new List({ Catalog: catalog, MaxResults: 1 }), sending).catch((error: Error) => {
    if (!/^AccessDenied(Exception)?$/.test(error.name)) throw error;
    if (assumeRoleArn && /sts:AssumeRole/.test(error.message))
      throw new Wrong(
        `you may not assume ${assumeRoleArn}. The poller may all the same: its last poll tells; to check it from here, let the role's trust policy name you and allow yourself sts:AssumeRole.`,
      );
    throw new Wrong(
      `${assumeRoleArn ?? 'your credentials'} may not use ${action} in catalog ${catalog}: allow it, and check that the account is the one linked to Partner Central.`,
    );
  });
  return [true, `catalog ${catalog}, ${assumeRoleArn ? `through ${assumeRoleArn}` : 'by your credentials'}`] as const;
}

async function describeTable(client: DynamoDBClient, TableName: string, sending: Sending) {
  const { Table } = await client
    .send(new DescribeTableCommand({ TableName }), sending)
    .catch(gone(`the table ${TableName} is gone: docs/runbook.md tells how to restore it.`));
  if (Table?.TableStatus !== 'ACTIVE' && Table?.TableStatus !== 'UPDATING')
    throw new Wrong(`the table ${TableName} is ${Table?.TableStatus}: wait until it is ACTIVE.`);
  return [Table, TableName] as const;
}

async function isProtected(table: { readonly DeletionProtectionEnabled?: boolean | undefined }, tableName: string) {
  if (table.DeletionProtectionEnabled) return [true, 'on'] as const;
  throw new Wrong(`off: aws dynamodb update-table --table-name ${tableName} --deletion-protection-enabled`);
}

async function expiresRows(client: DynamoDBClient, TableName: string, sending: Sending) {
  const { TimeToLiveDescription: ttl } = await client.send(new DescribeTimeToLiveCommand({ TableName }), sending);
  const attribute = tableSchema.timeToLive;
  const isSetUp = ttl?.TimeToLiveStatus === 'ENABLED' || ttl?.TimeToLiveStatus === 'ENABLING';
  if (isSetUp && ttl.AttributeName === attribute) return [true, `on, by ${attribute}`] as const;
  throw new Wrong(
    `${isSetUp ? `on by ${ttl.AttributeName}, not by ${attribute}` : 'off, so old rows stay for ever'}: aws dynamodb update-time-to-live --table-name ${TableName} --time-to-live-specification Enabled=true,AttributeName=${attribute}`,
  );
}

async function isBackedUp(client: DynamoDBClient, TableName: string, sending: Sending) {
  const answer = await client.send(new DescribeContinuousBackupsCommand({ TableName }), sending);
  const recovery = answer.ContinuousBackupsDescription?.PointInTimeRecoveryDescription;
  if (recovery?.PointInTimeRecoveryStatus === 'ENABLED') return [true, 'on'] as const;
  throw new Wrong(
    `off: aws dynamodb update-continuous-backups --table-name ${TableName} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`,
  );
}

async function describeBus(Name: string, sending: Sending) {
  const client = new EventBridgeClient(clientOptions);
  await client
    .send(new DescribeEventBusCommand({ Name }), sending)
    .catch(gone(`the event bus ${Name} is gone: docs/runbook.md, under "Alarm: failing", tells how to get it back.`));
  return [Name, Name] as const;
}

/** Read once, when first asked for. */
function readSchedules(schedules: readonly string[], sending: Sending) {
  const client = new SchedulerClient(clientOptions);
  let read: Promise<GetScheduleCommandOutput[]> | undefined;
  return () => {
    read ??= Promise.all(
      schedules.map(Name =>
        client.send(new GetScheduleCommand({ Name }), sending).catch((error: Error) => {
          if (error.name === 'ResourceNotFoundException') return undefined;
          throw error;
        }),
      ),
    ).then(found => found.filter(schedule => schedule !== undefined));
    return read;
  };
}

async function isOn(
  mode: 'poll' | 'audit',
  { functionName }: DeployedSource,
  schedules: readonly GetScheduleCommandOutput[],
) {
  const found = schedules.find(
    ({ Target }) => Target?.Arn?.split(':')[6] === functionName && modeOf(Target.Input) === mode,
  );
  if (!found)
    throw new Wrong(`there is none for the function ${functionName}: deploy again with npx cdk deploy --revert-drift.`);
  if (found.State === 'ENABLED') return [found, `${found.ScheduleExpression}`] as const;
  throw new Wrong(
    `${found.Name} is disabled: if the poller isn't paused on purpose, deploy with -c enabled=true (and --revert-drift, if somebody disabled it by hand).`,
  );
}

function modeOf(input: string | undefined): unknown {
  try {
    return JSON.parse(input ?? '').mode;
  } catch {
    return undefined;
  }
}

async function isAlive(source: DeployedSource, now: number, signal: AbortSignal) {
  const { lastSuccessAt, clockOffsetMs } = (await openTable(source, signal).checkpoint())?.checkpoint ?? {};
  if (lastSuccessAt === undefined)
    throw new Wrong(
      'none has been complete so far: wait for a minute or two; if that does not help, see docs/runbook.md under "Alarm: not finishing".',
    );
  if (isLate(source, lastSuccessAt, now))
    throw new Wrong(
      `the last complete one was ${utcAndAge(lastSuccessAt, now)}: see docs/runbook.md under "Alarm: not finishing".`,
    );
  const seconds = clockOffsetSeconds(clockOffsetMs);
  const clock = seconds === undefined ? '' : `; ${clockInWords(seconds)}`;
  return [lastSuccessAt, `complete ${relative(lastSuccessAt, now)}${clock}`] as const;
}

const gone =
  (sentence: string) =>
  (error: Error): never => {
    throw error.name === 'ResourceNotFoundException' ? new Wrong(sentence) : error;
  };
