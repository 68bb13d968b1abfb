/** Written by `npm run docs` from events/event-schemas.ts. */

/** Category of a reason code; `unknown` for a code that the poller doesn't know. */
export type ReasonCategory =
  | 'access'
  | 'validation'
  | 'conflict'
  | 'throttling'
  | 'quota'
  | 'not-found'
  | 'not-permitted'
  | 'submission'
  | 'internal'
  | 'unknown';

/** The envelope that EventBridge adds. */
export interface EventEnvelope {
  /** Version of EventBridge's envelope. */
  readonly version: string;
  /** Id of this publication. Deduplicate by detail.eventId: an event may be published twice. */
  readonly id: string;
  /** The configured eventSource. */
  readonly source: string;
  /** AWS account of the poller. */
  readonly account: string;
  /** When EventBridge accepted the event, to the second. */
  readonly time: string;
  /** AWS region of the poller. */
  readonly region: string;
  /** ARN of the task, if known. */
  readonly resources: readonly string[];
  /** Present when EventBridge replays the event from an archive. */
  readonly 'replay-name'?: string;
}

/** Detail of a `TaskCompleted` event. Newer pollers may add fields. */
export interface TaskCompletedDetail {
  /** Version of this shape. Fields are only added within a version. */
  readonly schemaVersion: '1';
  /** Deduplication key, the same in every delivery: SHA-256 of catalog, task family, task id and status. */
  readonly eventId: string;
  /** The poll that saw the change; find its log line by this id. In a replay, the replayId. */
  readonly runId: string;
  /** Partner Central catalog: AWS or Sandbox. */
  readonly catalog: string;
  /** Task family, for example OpportunityFromEngagement. */
  readonly taskType: string;
  /** Name of the source, if it has one: which account the task is in. */
  readonly sourceName?: string;
  /** Task identifier, for example task-dpf02ig3g2uui. */
  readonly taskId: string;
  /** ARN of the task. Its account field is empty. */
  readonly taskArn?: string;
  /** Present when an operator replayed the event; identifies the replay. eventId does not change. */
  readonly replayId?: string;
  /** Present when the replay also sends alerts to people. */
  readonly replayAlerts?: true;
  /** How the task ended. */
  readonly taskStatus: 'COMPLETE';
  /** The status recorded before this one. Absent for a task that was first seen when it had finished. */
  readonly previousStatus?: string;
  /** When the task started, to the millisecond. */
  readonly startTime?: string;
  /** Reason code from the API. The list is open: expect unknown codes. */
  readonly reasonCode?: string;
  /** Category of the reason code; unknown for a code that the poller does not know. */
  readonly reasonCategory?: ReasonCategory;
  /** Message from the API. Cut when it does not fit an event. */
  readonly message?: string;
  /** Present when message was cut. */
  readonly messageTruncated?: true;
  /** Opportunity that the task worked on or created. */
  readonly opportunityId?: string;
  /** Resource snapshot job that belongs to the task. */
  readonly resourceSnapshotJobId?: string;
  /** Engagement that the task worked on or created. */
  readonly engagementId?: string;
  /** Invitation that the task accepted or sent. */
  readonly engagementInvitationId?: string;
  /** Context within the engagement. */
  readonly contextId?: string;
  /** The last moment at which the task was known not to have this status. */
  readonly detectedAfter?: string;
  /** The moment at which this status was first seen. The change happened in between. */
  readonly detectedBefore: string;
}

/** A Partner Central task completed. */
export interface TaskCompleted extends EventEnvelope {
  readonly 'detail-type': 'TaskCompleted';
  readonly detail: TaskCompletedDetail;
}

/** Detail of a `TaskFailed` event. Newer pollers may add fields. */
export interface TaskFailedDetail {
  /** Version of this shape. Fields are only added within a version. */
  readonly schemaVersion: '1';
  /** Deduplication key, the same in every delivery: SHA-256 of catalog, task family, task id and status. */
  readonly eventId: string;
  /** The poll that saw the change; find its log line by this id. In a replay, the replayId. */
  readonly runId: string;
  /** Partner Central catalog: AWS or Sandbox. */
  readonly catalog: string;
  /** Task family, for example OpportunityFromEngagement. */
  readonly taskType: string;
  /** Name of the source, if it has one: which account the task is in. */
  readonly sourceName?: string;
  /** Task identifier, for example task-dpf02ig3g2uui. */
  readonly taskId: string;
  /** ARN of the task. Its account field is empty. */
  readonly taskArn?: string;
  /** Present when an operator replayed the event; identifies the replay. eventId does not change. */
  readonly replayId?: string;
  /** Present when the replay also sends alerts to people. */
  readonly replayAlerts?: true;
  /** How the task ended. */
  readonly taskStatus: 'FAILED';
  /** The status recorded before this one. Absent for a task that was first seen when it had finished. */
  readonly previousStatus?: string;
  /** When the task started, to the millisecond. */
  readonly startTime?: string;
  /** Reason code from the API. The list is open: expect unknown codes. */
  readonly reasonCode?: string;
  /** Category of the reason code; unknown for a code that the poller does not know. */
  readonly reasonCategory?: ReasonCategory;
  /** Message from the API. Cut when it does not fit an event. */
  readonly message?: string;
  /** Present when message was cut. */
  readonly messageTruncated?: true;
  /** Opportunity that the task worked on or created. */
  readonly opportunityId?: string;
  /** Resource snapshot job that belongs to the task. */
  readonly resourceSnapshotJobId?: string;
  /** Engagement that the task worked on or created. */
  readonly engagementId?: string;
  /** Invitation that the task accepted or sent. */
  readonly engagementInvitationId?: string;
  /** Context within the engagement. */
  readonly contextId?: string;
  /** The last moment at which the task was known not to have this status. */
  readonly detectedAfter?: string;
  /** The moment at which this status was first seen. The change happened in between. */
  readonly detectedBefore: string;
}

/** A Partner Central task failed. */
export interface TaskFailed extends EventEnvelope {
  readonly 'detail-type': 'TaskFailed';
  readonly detail: TaskFailedDetail;
}

/** Detail of a `TaskStalled` event. Newer pollers may add fields. */
export interface TaskStalledDetail {
  /** Version of this shape. Fields are only added within a version. */
  readonly schemaVersion: '1';
  /** Deduplication key, the same in every delivery: SHA-256 of catalog, task family, task id and the word STALLED. */
  readonly eventId: string;
  /** The poll that saw the change; find its log line by this id. In a replay, the replayId. */
  readonly runId: string;
  /** Partner Central catalog: AWS or Sandbox. */
  readonly catalog: string;
  /** Task family, for example OpportunityFromEngagement. */
  readonly taskType: string;
  /** Name of the source, if it has one: which account the task is in. */
  readonly sourceName?: string;
  /** Task identifier, for example task-dpf02ig3g2uui. */
  readonly taskId: string;
  /** ARN of the task. Its account field is empty. */
  readonly taskArn?: string;
  /** Present when an operator replayed the event; identifies the replay. eventId does not change. */
  readonly replayId?: string;
  /** Present when the replay also sends alerts to people. */
  readonly replayAlerts?: true;
  /** The status that the task still has: IN_PROGRESS, or one that this release does not know. */
  readonly taskStatus: string;
  /** When the task started, to the millisecond. */
  readonly startTime: string;
  /** Opportunity that the task worked on or created. */
  readonly opportunityId?: string;
  /** Resource snapshot job that belongs to the task. */
  readonly resourceSnapshotJobId?: string;
  /** Engagement that the task worked on or created. */
  readonly engagementId?: string;
  /** Invitation that the task accepted or sent. */
  readonly engagementInvitationId?: string;
  /** Context within the engagement. */
  readonly contextId?: string;
  /** How long a task may run before it counts as stalled, as configured when this was published. */
  readonly stalledAfterMinutes: number;
  /** The moment at which the task was seen to be still running. */
  readonly detectedBefore: string;
}

/** A Partner Central task has been running for too long. Published only if taskStalledEvents is on. */
export interface TaskStalled extends EventEnvelope {
  readonly 'detail-type': 'TaskStalled';
  readonly detail: TaskStalledDetail;
}

/** Detail of a `TaskStarted` event. Newer releases may add fields. */
export interface TaskStartedDetail {
  /** Partner Central catalog: AWS or Sandbox. */
  readonly catalog: string;
  /** Task family, for example OpportunityFromEngagement. */
  readonly taskType: string;
  /** Task identifier, for example task-dpf02ig3g2uui. */
  readonly taskId: string;
  /** Only this source looks at once. Without it, all sources of the catalog and family do. */
  readonly sourceName?: string;
}

/** A Partner Central task was started. Published by whoever started it, so that the poller looks at once. */
export interface TaskStarted extends EventEnvelope {
  readonly 'detail-type': 'TaskStarted';
  readonly detail: TaskStartedDetail;
}

/** Any event of the poller. `detail-type` discriminates the union. */
export type TaskEvent = TaskCompleted | TaskFailed | TaskStalled;
