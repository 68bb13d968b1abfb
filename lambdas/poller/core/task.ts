import { type EpochMs, toInstant } from './instant';

export type { EpochMs };

export const IN_PROGRESS = 'IN_PROGRESS';
/** Stands for the status of a summary without one. Like any unknown status, it is watched until it becomes a known one. */
export const NO_STATUS = 'ABSENT';

export const terminalStatuses = ['COMPLETE', 'FAILED'] as const;
export type TerminalStatus = (typeof terminalStatuses)[number];
export const isTerminal = (status: string): status is TerminalStatus => status === 'COMPLETE' || status === 'FAILED';

/** One task as Partner Central listed it, absent values left out. `status` and `reasonCode` are open lists. */
export interface ListedTask {
  readonly taskId: string;
  readonly status: string;
  readonly taskArn?: string;
  readonly startTime?: EpochMs;
  readonly message?: string;
  readonly reasonCode?: string;
  readonly opportunityId?: string;
  readonly resourceSnapshotJobId?: string;
  readonly engagementId?: string;
  readonly engagementInvitationId?: string;
  readonly contextId?: string;
}

/** DynamoDB's sort keys have at most 1,024 bytes. A longer id could never be recorded, so it would be published for ever. */
const MAX_TASK_ID_BYTES = 1_000;

/**
 * Reads one summary of a List answer, of any task family. Every member is optional in the API, and real answers have
 * null, "" and the text "null" for absent values.
 * @returns undefined if there is no usable task id
 */
export function readSummary(summary: unknown): ListedTask | undefined {
  if (typeof summary !== 'object' || summary === null) return undefined;
  const given = summary as Record<string, unknown>;
  const taskId = presentText(given.TaskId);
  if (taskId === undefined || Buffer.byteLength(taskId) > MAX_TASK_ID_BYTES) return undefined;
  return withoutAbsent({
    taskId,
    status: presentText(given.TaskStatus) ?? NO_STATUS,
    taskArn: presentText(given.TaskArn),
    startTime: readTime(given.StartTime),
    message: presentText(given.Message),
    reasonCode: presentText(given.ReasonCode),
    opportunityId: presentText(given.OpportunityId),
    resourceSnapshotJobId: presentText(given.ResourceSnapshotJobId),
    engagementId: presentText(given.EngagementId),
    engagementInvitationId: presentText(given.EngagementInvitationId),
    contextId: presentText(given.ContextId),
  });
}

function readTime(value: unknown): EpochMs | undefined {
  const instant = typeof value === 'string' ? toInstant(value) : undefined;
  return instant === undefined ? undefined : Date.parse(instant);
}

function presentText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value !== 'null' ? value : undefined;
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The same object without its undefined members. */
export function withoutAbsent<T extends object>(value: T): Present<T> {
  const present: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    if (member !== undefined) present[name] = member;
  }
  return present as Present<T>;
}
