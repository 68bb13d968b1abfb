/** The stack for tests of the engine's decisions. */
import type { Intercept } from '../local/services/service';
import type { Task } from '../local/services/task-store';
import { type MemoryStack, openMemoryStack } from './in-memory/test-stack';
import { type Poller, type StackParts, stackActions } from './integration/stack-actions';

/** `npm run test:full`. Except for one test of each kind, tests that wait for real timeouts run only then. */
export const isOverHttp = process.env.TEST_STACK === 'http';

/**
 * A stack in memory, or over HTTP if `TEST_STACK=http`.
 * @param settings overrides of the defaults
 */
export async function openEngineStack(settings: Record<string, unknown> = {}): Promise<EngineStack> {
  if (isOverHttp) {
    const { openTestStack } = await import('./integration/test-stack');
    return openTestStack(settings);
  }
  const stack = openMemoryStack(settings, 'real');
  return Object.assign(stack, stackActions(stack));
}

export type EngineStack = ReturnType<typeof stackActions> &
  Omit<StackParts, 'partnerCentral' | 'dynamoDb' | 'eventBridge' | 'item'> &
  Pick<MemoryStack, 'items' | 'logs' | 'now' | 'reset' | 'close'> & {
    readonly partnerCentral: StackParts['partnerCentral'] &
      Pick<MemoryStack['partnerCentral'], 'intercept' | 'tamper' | 'limit' | 'clockOffsetMs' | 'store'>;
    readonly dynamoDb: StackParts['dynamoDb'] & { intercept: Intercept | undefined };
    readonly eventBridge: StackParts['eventBridge'] &
      Pick<MemoryStack['eventBridge'], 'intercept' | 'entryFault' | 'clear'>;
    anotherPoller(settings?: Record<string, unknown>): Poller;
  };

/** `taskId status` of tasks, in the format of `published`. */
export const outcomes = (tasks: readonly Pick<Task, 'taskId' | 'status'>[]) =>
  tasks.map(({ taskId, status }) => `${taskId} ${status}`).sort();
