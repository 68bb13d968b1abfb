/** `wait TASK`: until one task has ended. Asks Partner Central itself; nothing has to be deployed. */
import { PartnerCentralSellingClient } from '@aws-sdk/client-partnercentral-selling';
import { Option } from 'commander';
import { PARTNER_CENTRAL_REGION } from '../../../lambdas/poller/settings';
import { formatSource, sourceId } from '../../../lambdas/source-id';
import { TaskHasFailed, type TaskSummary, TaskTookTooLong } from '../../../wait/task-errors';
import { waitForTask } from '../../../wait/wait-for-task';
import { type CommandContext, examples, type Register } from '../../lib/command';
import { refuseStackOptions } from '../../lib/sources';
import { addFamilyOptions, type FamilyOptions, readPeriod, settingsOf } from '../../lib/watch-options';
import { duration, inLine } from '../../lib/words';

interface Options extends FamilyOptions {
  readonly timeout: number;
}

/** The task may still end. */
const NOT_YET = 3;

export const register: Register = (program, run) => {
  const command = program
    .command('wait')
    .summary('wait until one task has ended; needs no stack')
    .description(
      'Waits until one task has ended, and shows how. It asks Partner Central every ten seconds or sooner, and needs no stack. It also waits for a task that is not listed yet.\n\nThe exit code is 0 if the task completed, 1 if it failed, and 3 if it has not ended in time.',
    )
    .argument('<TASK>', 'id or ARN of the task')
    .addOption(
      new Option('--timeout <TIME>', 'how long to wait at most, such as 30s or 1h')
        .argParser(readPeriod)
        .default(5 * 60_000, '5m'),
    );
  addFamilyOptions(command)
    .addHelpText(
      'after',
      examples(
        'npm run tasks -- wait task-dpf02ig3g2uui --catalog AWS',
        'npm run tasks -- wait task-dpf02ig3g2uui --family EngagementFromOpportunity --timeout 30m',
        'npm run --silent tasks -- wait task-dpf02ig3g2uui --json | jq -r .opportunityId',
      ),
    )
    .action(run<Options>(waitFor));
};

async function waitFor(context: CommandContext, options: Options, [given = '']: readonly string[]): Promise<number> {
  refuseStackOptions(context.isGiven);
  const { catalog, taskFamily } = settingsOf(options, {});
  const source = formatSource(sourceId({ catalog, taskFamily }));
  const client = new PartnerCentralSellingClient({
    ...context.aws('PARTNERCENTRAL_SELLING'),
    region: PARTNER_CENTRAL_REGION,
  });
  context.note(`Waiting for ${given} of ${source}, ${duration(options.timeout)} at most. Ctrl-C stops it.`);
  const show = (task: TaskSummary, failure?: TaskHasFailed) =>
    context.print(context.json ? JSON.stringify(asJson(source, task, failure), null, 2) : asText(task, failure));
  try {
    const wait = { catalog, taskType: taskFamily, taskId: given, maxWaitTime: options.timeout / 1_000 };
    show(await waitForTask(client, { ...wait, abortSignal: context.signal }));
    return 0;
  } catch (error) {
    if (error instanceof TaskHasFailed) {
      show(error.task, error);
      return 1;
    }
    if (!(error instanceof TaskTookTooLong)) throw error;
    show(error.task ?? { TaskId: error.taskId });
    context.note(error.message);
    return NOT_YET;
  } finally {
    client.destroy();
  }
}

/** Named as in the events, with `status` as in `show`. */
const asJson = (source: string, task: TaskSummary, failure?: TaskHasFailed) => ({
  source,
  taskId: task.TaskId,
  status: task.TaskStatus,
  taskArn: task.TaskArn,
  startTime: task.StartTime?.toISOString(),
  reasonCode: task.ReasonCode,
  reasonCategory: failure?.reasonCategory,
  message: task.Message,
  meaning: failure?.meaning,
  action: failure?.action,
  opportunityId: task.OpportunityId,
  resourceSnapshotJobId: task.ResourceSnapshotJobId,
  engagementId: task.EngagementId,
  engagementInvitationId: task.EngagementInvitationId,
  contextId: task.ContextId,
});

function asText(task: TaskSummary, failure?: TaskHasFailed): string {
  const lines: [string, string | undefined][] = [
    ['Reason', failure?.reasonCode && `${failure.reasonCode} (${failure.reasonCategory})`],
    ['Message', task.Message],
    ['It means', failure?.meaning],
    ['What to do', failure?.action],
    ['Opportunity', task.OpportunityId],
    ['Snapshot job', task.ResourceSnapshotJobId],
    ['Engagement', task.EngagementId],
    ['Invitation', task.EngagementInvitationId],
    ['Context', task.ContextId],
  ];
  const text = lines.flatMap(([name, value]) => (value ? [`  ${name.padEnd(16)}${inLine(value)}`] : []));
  return [inLine(`${task.TaskId}  ${task.TaskStatus ?? 'not listed'}`), ...text].join('\n');
}
