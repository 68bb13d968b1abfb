/** Is the stack there, with its bus and its schedules, and does it poll? */
import { DescribeEventBusCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { GetScheduleCommand, type GetScheduleCommandOutput, type SchedulerClient } from '@aws-sdk/client-scheduler';
import { formatSource } from '../../../lambdas/source-id';
import type { CommandContext } from '../../lib/command';
import { type DeployedSource, findDeployment, NotDeployed } from '../../lib/deployment';
import { clockInWords, clockOffsetSeconds, isLate } from '../../lib/source-status';
import { chooseSources } from '../../lib/sources';
import type { TableReader } from '../../lib/table';
import { relative, utcAndAge } from '../../lib/words';
import { gone, type Sending, Wrong } from './check';

/** The stack, with those of its sources that are asked for. */
export async function findStack({ global: { stack, source }, signal, aws }: CommandContext) {
  const deployment = await findDeployment({ stack, signal, aws }).catch((error: unknown) => {
    if (error instanceof NotDeployed)
      throw new Wrong(`${error.message.split('. ')[0]}: deploy it with npx cdk deploy.`);
    throw error;
  });
  const { region } = deployment;
  const sources = chooseSources(deployment, source);
  return [
    { ...deployment, sources },
    `${stack} in ${region} polls ${sources.map(({ id }) => formatSource(id)).join(', ')}`,
  ] as const;
}

export async function describeBus(client: EventBridgeClient, Name: string, sending: Sending) {
  await client
    .send(new DescribeEventBusCommand({ Name }), sending)
    .catch(gone(`the event bus ${Name} is gone: docs/runbook.md, under "Alarm: failing", says how to get it back.`));
  return [Name, Name] as const;
}

/** Read once, when first asked for. */
export function readSchedules(client: SchedulerClient, schedules: readonly string[], sending: Sending) {
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

export async function isOn(
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
    `${found.Name} is disabled: if the poller isn't paused on purpose, deploy with -c enabled=true (and --revert-drift, if it was disabled by hand).`,
  );
}

function modeOf(input: string | undefined): unknown {
  try {
    return JSON.parse(input ?? '').mode;
  } catch {
    return undefined;
  }
}

export async function isAlive(source: DeployedSource, table: TableReader, now: number) {
  const { lastSuccessAt, clockOffsetMs } = (await table.checkpoint()) ?? {};
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
