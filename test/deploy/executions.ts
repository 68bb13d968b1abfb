import { DescribeExecutionCommand, GetExecutionHistoryCommand, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { TaskStore } from '../../local/services/task-store';
import { type Aws, until } from './aws';

interface Execution {
  readonly executionArn: string | undefined;
  readonly taskId: string;
}

/** Of the state machine in examples/start-and-wait. */
export function executionsOf({ stepFunctions }: Aws, store: TaskStore, stateMachineArn: string) {
  return {
    /** @param contextId of one task only, by which it is found */
    async start(contextId: string): Promise<Execution> {
      const input = JSON.stringify({ engagementId: 'eng-0123456789abcd', contextId });
      const { executionArn } = await stepFunctions.send(new StartExecutionCommand({ stateMachineArn, input }));
      const isOurs = (task: { readonly contextId?: string | undefined }) => task.contextId === contextId;
      const { taskId } = await until('its task was started', 30, async () => store.tasks().find(isOurs));
      return { executionArn, taskId };
    },

    ended: ({ executionArn }: Execution, seconds: number) =>
      until('it had ended', seconds, async () => {
        const execution = await stepFunctions.send(new DescribeExecutionCommand({ executionArn }));
        return execution.status !== 'RUNNING' && execution;
      }),

    /** Names of the states that it has entered. */
    async statesOf({ executionArn }: Execution) {
      const { events: steps = [] } = await stepFunctions.send(new GetExecutionHistoryCommand({ executionArn }));
      return steps.map(({ stateEnteredEventDetails: entered }) => entered?.name);
    },
  };
}
