/** What may come between a poller and its work, one thing in each poll. */
import fc from 'fast-check';
import type { Mode, Summary } from '../../lambdas/poller/run';
import type { FunctionHost } from '../../local/services/function-host';
import type { Call, Fault, Intercept, ServiceName } from '../../local/services/service';
import type { MemoryStack } from '../in-memory/test-stack';
import { errorAnswer, type TestStack } from '../integration/test-stack';

/** What random lives ask of a stack, whether it is in memory or answers over HTTP. */
export interface LifeStack extends Pick<TestStack, 'store' | 'items' | 'checkpoint'> {
  readonly partnerCentral: Pick<MemoryStack['partnerCentral'], 'intercept' | 'tamper'>;
  readonly dynamoDb: { intercept?: Intercept | undefined };
  readonly eventBridge: Pick<TestStack['eventBridge'], 'events' | 'intercept' | 'entryFault'>;
  /** Without the offset that a poll is given. */
  now(): number;
  anotherPoller(settings: Record<string, unknown>): LifePoller;
  expireRows(until: number): Promise<void>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

export interface LifePoller extends Pick<FunctionHost, 'kill'> {
  invoke(
    input: { mode: Mode },
    how: { clockOffsetMs: number; clockSkewMs: number },
  ): Promise<{ result?: Summary | undefined; error?: { name: string } | undefined }>;
}

const mishaps = {
  reset: 'reset',
  'truncated answer': 'truncate',
  error: { status: 500 },
  throttling: { status: 429, type: 'ThrottlingException' },
  'error under HTTP 200': { status: 200, type: 'InternalFailure', body: { message: null } },
} as const satisfies Record<string, Fault['how']>;

const outages = {
  error: { status: 503 },
  'error under HTTP 200': mishaps['error under HTTP 200'],
  'signature expired': {
    status: 403,
    type: 'InvalidSignatureException',
    body: { message: 'Signature expired: 20261125T000000Z is now earlier than 20261125T001000Z' },
  },
} as const satisfies Record<string, Fault['how']>;

const noRows = {
  refused: errorAnswer('ValidationException'),
  denied: errorAnswer('AccessDeniedException'),
} as const satisfies Record<string, Fault>;

export type Disturbance =
  | { is: 'nothing' }
  /** The process dies at one request of that kind. */
  | { is: 'death'; at: string; nth: number; when: Fault['when'] }
  /** Single requests go wrong; the SDK gets over some of them. */
  | { is: 'mishaps'; at: number[]; when: Fault['when']; how: keyof typeof mishaps }
  /** From its request number `from` on, a service answers nothing but errors. */
  | { is: 'outage'; of: ServiceName; from: number; when: Fault['when']; how: keyof typeof outages }
  | { is: 'dead cursors' }
  /** Duplicates, null elements, and summaries without an id on every page. */
  | { is: 'untidy list' }
  /** Throttles all that comes after so many List calls. */
  | { is: 'throttled depth'; pages: number }
  /** The table takes the lease, and no rows. */
  | { is: 'no rows'; how: 'refused' | 'denied' }
  /** Every so many entries one is refused, for good or for now. */
  | { is: 'refused entries'; every: number; code: 'MalformedDetail' | 'InternalFailure' };

export const undisturbed: Disturbance = { is: 'nothing' };

const when = fc.constantFrom<Fault['when']>('before', 'after');
const operation = fc.constantFrom(
  'UpdateItem',
  'ListOpportunityFromEngagementTasks',
  'Query',
  'BatchGetItem',
  'PutEvents',
  'BatchWriteItem',
);

export const disturbance: fc.Arbitrary<Disturbance> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undisturbed) },
  { weight: 4, arbitrary: fc.record({ is: fc.constant('death'), at: operation, nth: fc.nat(2), when }) },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant('mishaps'),
      at: fc.uniqueArray(fc.nat(12), { minLength: 1, maxLength: 6 }),
      when,
      how: fc.constantFrom('reset', 'truncated answer', 'error', 'throttling', 'error under HTTP 200'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant('outage'),
      of: fc.constantFrom<ServiceName>('partnercentral', 'partnercentral', 'dynamodb', 'events'),
      from: fc.constantFrom(0, 0, 0, 1, 2, 4),
      when,
      how: fc.constantFrom('error', 'error under HTTP 200', 'error under HTTP 200', 'signature expired'),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Disturbance>({ is: 'dead cursors' }) },
  { weight: 1, arbitrary: fc.constant<Disturbance>({ is: 'untidy list' }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('throttled depth'), pages: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ is: fc.constant('no rows'), how: fc.constantFrom('refused', 'denied') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      is: fc.constant('refused entries'),
      every: fc.integer({ min: 2, max: 5 }),
      code: fc.constantFrom('MalformedDetail', 'InternalFailure'),
    }),
  },
);

export const oldEntry = { taskId: 'task-aaaaaaaaaaaaa', status: 'COMPLETE', startTimeMs: Date.UTC(2020) };

/** How Partner Central lists tasks for the whole of a story. */
export interface Quirks {
  readonly isUndated: (taskId: string) => boolean;
  /** `oldEntry` stands first on every listing from the top. */
  readonly oldEntryFirst: boolean;
  /** The list of what is running shows all tasks, with the status that they have. */
  readonly ignoresStatus: boolean;
}

/** Disturbs whatever is asked until it is called again. @returns what has come of it so far */
export function disturb(
  stack: LifeStack,
  disturbed: Disturbance,
  host: Pick<LifePoller, 'kill'>,
  { isUndated, oldEntryFirst, ignoresStatus }: Quirks,
): { died: boolean; answersWereLost: boolean; mayFail: boolean } {
  const hit = { died: false, answersWereLost: false, mayFail: false };
  let requests = 0;
  let isTop = false;
  const ofService = new Map<ServiceName, number>();
  const ofOperation = new Map<string, number>();

  async function intercept({ service, operation, input }: Call): Promise<Fault | undefined> {
    if (operation === 'Scan') return undefined; // the test's own look at the table
    const at = requests++;
    const atService = ofService.get(service) ?? 0;
    ofService.set(service, atService + 1);
    const nth = ofOperation.get(operation) ?? 0;
    ofOperation.set(operation, nth + 1);
    if (disturbed.is === 'death' && operation === disturbed.at && nth === disturbed.nth) {
      hit.died = true;
      await host.kill();
      return { when: disturbed.when, how: 'hang' };
    }
    if (disturbed.is === 'mishaps' && disturbed.at.includes(at)) {
      hit.answersWereLost = true;
      return { when: disturbed.when, how: mishaps[disturbed.how] };
    }
    if (disturbed.is === 'outage' && service === disturbed.of && atService >= disturbed.from) {
      hit.answersWereLost = true;
      return { when: disturbed.when, how: outages[disturbed.how] };
    }
    if (disturbed.is === 'throttled depth' && service === 'partnercentral' && atService >= disturbed.pages)
      return errorAnswer('ThrottlingException', 429);
    if (disturbed.is === 'no rows' && operation === 'BatchWriteItem') {
      hit.answersWereLost = true;
      hit.mayFail = disturbed.how === 'denied';
      return noRows[disturbed.how];
    }
    if (ignoresStatus) delete input.TaskStatus;
    isTop =
      service === 'partnercentral' && input.NextToken == null && input.TaskIdentifier == null && !input.TaskStatus;
    if (disturbed.is === 'dead cursors' && input.NextToken != null) return errorAnswer('ValidationException');
    return undefined;
  }

  for (const service of [stack.partnerCentral, stack.dynamoDb, stack.eventBridge]) service.intercept = intercept;
  stack.partnerCentral.tamper = (_, output) => {
    const summaries = (output.TaskSummaries as { TaskId: string }[]).map(summary =>
      isUndated(summary.TaskId) ? { ...summary, StartTime: null } : summary,
    );
    if (disturbed.is === 'untidy list')
      return { ...output, TaskSummaries: [...summaries.slice(0, 1), null, ...summaries, { TaskStatus: 'FAILED' }] };
    const { taskId, status, startTimeMs } = oldEntry;
    const old = { TaskId: taskId, TaskStatus: status, StartTime: new Date(startTimeMs).toISOString() };
    const first = oldEntryFirst && isTop ? [old] : [];
    return { ...output, TaskSummaries: [...first, ...summaries] };
  };
  stack.eventBridge.entryFault =
    disturbed.is === 'refused entries'
      ? (_, index) => (index % disturbed.every === 0 ? { ErrorCode: disturbed.code, ErrorMessage: 'no' } : undefined)
      : undefined;
  return hit;
}
