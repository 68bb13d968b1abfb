import type { ReasonCategory } from '../events/task-events';

/** A task as Partner Central lists it, without the members that have no value. */
export interface TaskSummary {
  readonly TaskId: string;
  readonly TaskArn?: string;
  /** COMPLETE, FAILED, IN_PROGRESS, or one that this release does not know. */
  readonly TaskStatus?: string;
  readonly StartTime?: Date;
  readonly Message?: string;
  readonly ReasonCode?: string;
  readonly OpportunityId?: string;
  readonly ResourceSnapshotJobId?: string;
  readonly EngagementId?: string;
  readonly EngagementInvitationId?: string;
  readonly ContextId?: string;
}

/** The task has failed. The message leaves out what Partner Central says of it (`task.Message`), so that it can be logged. */
export class TaskHasFailed extends Error {
  override readonly name = 'TaskHasFailed';
  readonly reasonCode: string | undefined;

  constructor(
    readonly task: TaskSummary,
    /** Absent if Partner Central gave no reason code. */
    readonly reasonCategory: ReasonCategory | undefined,
    /** What the reason code means, in one sentence. */
    readonly meaning: string,
    /** What to check or do. */
    readonly action: string,
  ) {
    const reason = task.ReasonCode === undefined ? '' : `: ${task.ReasonCode} (${reasonCategory})`;
    super(`Task ${task.TaskId} failed${reason}. ${meaning} ${action}`);
    this.reasonCode = task.ReasonCode;
  }
}

/** The task had not ended when the time was up. It may still end. */
export class TaskTookTooLong extends Error {
  override readonly name = 'TaskTookTooLong';

  constructor(
    message: string,
    readonly taskId: string,
    /** As it was listed last; absent if it never was. */
    readonly task: TaskSummary | undefined,
    /** `cause` is why the last look-up failed, if it did. */
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Partner Central refuses the look-up, and will again: the message says what to do. `cause` is the SDK's error. */
export class TaskLookUpFailed extends Error {
  override readonly name = 'TaskLookUpFailed';
}
