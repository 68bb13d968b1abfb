/** The stack that tests of what the engine decides run on. */
import type { Intercept } from '../local/services/service';
import type { Task } from '../local/services/task-store';
import { type MemoryStack, openMemoryStack } from './in-memory/test-stack';
import { type Basics, type Poller, questions } from './integration/questions';

/**
 * A stack for what the engine decides: in memory, or over HTTP where `TEST_STACK=http` says so.
 * @param settings what differs from the defaults
 */
export async function openEngineStack(settings: Record<string, unknown> = {}): Promise<EngineStack> {
  if (process.env.TEST_STACK === 'http') {
    const { openTestStack } = await import('./integration/test-stack');
    return openTestStack(settings);
  }
  const stack = openMemoryStack(settings, 'real');
  return Object.assign(stack, questions(stack));
}

export type EngineStack = ReturnType<typeof questions> &
  Omit<Basics, 'partnerCentral' | 'dynamoDb' | 'eventBridge' | 'item'> &
  Pick<MemoryStack, 'items' | 'logs' | 'now' | 'reset' | 'close'> & {
    readonly partnerCentral: Basics['partnerCentral'] &
      Pick<MemoryStack['partnerCentral'], 'intercept' | 'tamper' | 'limit' | 'clockOffsetMs' | 'store'>;
    readonly dynamoDb: Basics['dynamoDb'] & { intercept: Intercept | undefined };
    readonly eventBridge: Basics['eventBridge'] &
      Pick<MemoryStack['eventBridge'], 'intercept' | 'entryFault' | 'clear'>;
    anotherPoller(settings?: Record<string, unknown>): Poller;
  };

/** `taskId status` of tasks, as `published` tells it. */
export const outcomes = (tasks: readonly Pick<Task, 'taskId' | 'status'>[]) =>
  tasks.map(({ taskId, status }) => `${taskId} ${status}`).sort();
