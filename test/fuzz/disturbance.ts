/** Faults and interruptions, at most one kind in each poll. */
import fc from 'fast-check';
import type { InvocationMode } from '../../lambdas/poller/invocation';
import type { Summary } from '../../lambdas/poller/run';
import type { FunctionHost } from '../../local/services/function-host';
import type { Call, Fault, Intercept, ServiceName } from '../../local/services/service';
import { errorAnswer } from '../faults';
import type { MemoryStack } from '../in-memory/test-stack';
import type { TestStack } from '../integration/test-stack';
import type { Configuration } from './scenario';

/** The stack of random lives: in memory, or over HTTP. */
export interface LifeStack extends Pick<TestStack, 'store' | 'items' | 'checkpoint' | 'removeItems'> {
  /** Whether runs can be frozen. Over HTTP their clock would go on. */
  readonly canFreeze?: true;
  /** In memory only: a hook for pauses, and a summary of each poll of an invocation. */
  readonly pauses?: MemoryStack['pauses'];
  readonly summaries?: Summary[];
  readonly partnerCentral: Pick<MemoryStack['partnerCentral'], 'intercept' | 'tamper' | 'store'> & {
    readonly calls: Pick<MemoryStack['partnerCentral']['calls'], 'total'>;
  };
  readonly dynamoDb: { intercept?: Intercept | undefined; indexLagMs?: number };
  readonly eventBridge: Pick<TestStack['eventBridge'], 'events' | 'intercept' | 'entryFault'>;
  /** Current time, without the clock offset of a poll. */
  now(): number;
  anotherPoller(settings: Record<string, unknown>): LifePoller;
  expireRows(until: number): Promise<void>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

export interface LifePoller extends Pick<FunctionHost, 'kill'> {
  invoke(
    input: { mode: InvocationMode },
    how: { clockOffsetMs: number; clockSkewMs: number },
  ): Promise<{ result?: Summary | undefined; error?: { name: string } | undefined }>;
}

const faults = {
  reset: 'reset',
  'truncated answer': 'truncate',
  error: { status: 500 },
  throttling: { status: 429, type: 'ThrottlingException' },
  'error under HTTP 200': { status: 200, type: 'InternalFailure', body: { message: null } },
} as const satisfies Record<string, Fault['how']>;

const outages = {
  error: { status: 503 },
  'error under HTTP 200': faults['error under HTTP 200'],
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
  /** The process dies at one such request. */
  | { is: 'death'; at: string; nth: number; when: Fault['when'] }
  /**
   * The process freezes at one such request, before or after the service acts, and continues later. Another run may have
   * taken its lease by then.
   */
  | { is: 'freeze'; at: string; nth: number; when: Fault['when']; ms: number; meanwhile: Configuration }
  /** Single requests fail. The SDK's retries hide some of them. */
  | { is: 'faults'; at: number[]; when: Fault['when']; how: keyof typeof faults }
  /** From its request number `from` on, a service returns only errors. */
  | { is: 'outage'; of: ServiceName; from: number; when: Fault['when']; how: keyof typeof outages }
  | { is: 'dead cursors' }
  /** Duplicates, null elements, and summaries without an id on every page. */
  | { is: 'untidy list' }
  /** List calls are throttled after this number. */
  | { is: 'throttled depth'; pages: number }
  /** The table accepts the lease and refuses rows. */
  | { is: 'no rows'; how: 'refused' | 'denied' }
  /** One in `every` entries fails, permanently or temporarily. */
  | { is: 'refused entries'; every: number; code: 'MalformedDetail' | 'InternalFailure' };

export const undisturbed: Disturbance = { is: 'nothing' };

const when = fc.constantFrom<Fault['when']>('before', 'after');
const operation = fc.constantFrom('UpdateItem', 'List', 'Query', 'BatchGetItem', 'PutEvents', 'BatchWriteItem');
const isOf = (kind: string, operation: string) =>
  operation === kind || (kind === 'List' && operation.startsWith('List'));

export const disturbance: fc.Arbitrary<Disturbance> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undisturbed) },
  { weight: 4, arbitrary: fc.record({ is: fc.constant('death'), at: operation, nth: fc.nat(2), when }) },
  {
    weight: 3,
    arbitrary: fc.record({
      is: fc.constant('freeze'),
      at: operation,
      nth: fc.nat(2),
      when,
      ms: fc.constantFrom(20_000, 2 * 60_000, 2 * 60_000, 2 * 3_600_000),
      meanwhile: fc.constantFrom<Configuration>('generous', 'small', 'medium', 'shortRetention'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant('faults'),
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

interface Hooks {
  intercept?: Intercept | undefined;
  beforeAnswer?: ((call: Call) => Promise<void>) | undefined;
}

export const oldEntry = { taskId: 'task-aaaaaaaaaaaaa', status: 'COMPLETE', startTimeMs: Date.UTC(2020) };

/** How Partner Central lists tasks during a scenario. */
export interface Quirks {
  readonly isUndated: (taskId: string) => boolean;
  /** Each listing from the top begins with `oldEntry`. */
  readonly oldEntryFirst: boolean;
  /** The list of running tasks contains tasks of any status. */
  readonly ignoresStatus: boolean;
  /** All tasks have start times. */
  readonly areTidy: boolean;
}

/** Applies the disturbance to all requests until the next call. @returns its effects so far */
export function disturb(
  stack: LifeStack,
  disturbed: Disturbance,
  host: Pick<LifePoller, 'kill'>,
  { isUndated, oldEntryFirst, ignoresStatus, areTidy }: Quirks,
  meanwhile: () => Promise<void> = async () => undefined,
): { died: boolean; froze: boolean; answersWereLost: boolean; mayFail: boolean } {
  const hit = { died: false, froze: false, answersWereLost: false, mayFail: false };
  const services: Hooks[] = [stack.partnerCentral, stack.dynamoDb, stack.eventBridge];
  let requests = 0;
  let isTop = false;
  const ofService = new Map<ServiceName, number>();
  const ofOperation = new Map<string, number>();

  async function intercept({ service, operation, input }: Call): Promise<Fault | undefined> {
    if (operation === 'Scan') return undefined; // a request of the test itself
    const at = requests++;
    const atService = ofService.get(service) ?? 0;
    ofService.set(service, atService + 1);
    const nth = ofOperation.get(operation) ?? 0;
    ofOperation.set(operation, nth + 1);
    const isTarget = 'at' in disturbed && typeof disturbed.at === 'string' && isOf(disturbed.at, operation);
    if (disturbed.is === 'freeze' && isTarget && nth === disturbed.nth) {
      hit.froze = true;
      if (disturbed.when === 'before') await meanwhile();
      else {
        for (const each of services) each.beforeAnswer = meanwhile;
        return undefined;
      }
    }
    if (disturbed.is === 'death' && isTarget && nth === disturbed.nth) {
      hit.died = true;
      await host.kill();
      return { when: disturbed.when, how: 'hang' };
    }
    if (disturbed.is === 'faults' && disturbed.at.includes(at)) {
      hit.answersWereLost = true;
      return { when: disturbed.when, how: faults[disturbed.how] };
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

  for (const service of services) {
    service.intercept = intercept;
    service.beforeAnswer = undefined;
  }
  const isTidy = disturbed.is !== 'untidy list' && !oldEntryFirst && areTidy;
  stack.partnerCentral.tamper = isTidy
    ? undefined
    : (_, output) => {
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
