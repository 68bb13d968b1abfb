/**
 * A stand-in for Partner Central in AWS JSON 1.0: the three List…Tasks operations, their Start…Task, and the Get operations
 * for deals (GetEngagement, GetOpportunity, GetEngagementInvitation). It validates like the service's model, because the
 * SDK checks nothing, and reproduces oddities of real answers.
 */
import { createHash } from 'node:crypto';
import type { TaskFamily } from '../../lambdas/poller/task-families';
import { engagement, invitation, opportunity } from './deals';
import {
  type FilterName,
  getProblems,
  type Input,
  listProblems,
  refuseBad,
  startProblems,
} from './request-constraints';
import { jsonReply, Refusal, type ServiceOptions, startService, unknownOperation } from './service';
import { type Position, type SavedTasks, type Task, type TaskStore, taskStore } from './task-store';

const defaultPageSize = 100;

type Filters = Partial<Record<FilterName, keyof Task>>;

const families = {
  OpportunityFromEngagement: {
    list: 'ListOpportunityFromEngagementTasks',
    start: 'StartOpportunityFromEngagementTask',
    /** Fields that a task has from its start. */
    begun: ({ Identifier, ContextIdentifier }: Input): Partial<Task> => ({
      engagementId: lastPart(String(Identifier)),
      contextId: String(ContextIdentifier),
    }),
    arnPart: 'opportunity-from-engagement-task',
    filters: {
      OpportunityIdentifier: 'opportunityId',
      EngagementIdentifier: 'engagementId',
      ContextIdentifier: 'contextId',
    } as Filters,
    extra: (task: Task) => ({ EngagementId: task.engagementId ?? null, ContextId: task.contextId ?? null }),
  },
  EngagementFromOpportunity: {
    list: 'ListEngagementFromOpportunityTasks',
    start: 'StartEngagementFromOpportunityTask',
    begun: ({ Identifier }: Input): Partial<Task> => ({
      opportunityId: String(Identifier),
      engagementId: undefined,
      engagementInvitationId: undefined,
    }),
    arnPart: 'engagement-from-opportunity-task',
    filters: { OpportunityIdentifier: 'opportunityId', EngagementIdentifier: 'engagementId' } as Filters,
    extra: (task: Task) => ({
      EngagementId: task.engagementId ?? null,
      EngagementInvitationId: task.engagementInvitationId ?? null,
    }),
  },
  EngagementByAcceptingInvitation: {
    list: 'ListEngagementByAcceptingInvitationTasks',
    start: 'StartEngagementByAcceptingInvitationTask',
    begun: ({ Identifier }: Input): Partial<Task> => ({ engagementInvitationId: lastPart(String(Identifier)) }),
    arnPart: 'engagement-by-accepting-invitation-task',
    filters: {
      OpportunityIdentifier: 'opportunityId',
      EngagementInvitationIdentifier: 'engagementInvitationId',
    } as Filters,
    extra: (task: Task) => ({ EngagementInvitationId: task.engagementInvitationId ?? null }),
  },
} as const satisfies Record<TaskFamily, object>;

type Output = Record<string, unknown>;

const gets = {
  GetEngagement: { identifier: 'EngagementIdentifier', answer: engagement },
  GetOpportunity: { identifier: 'OpportunityIdentifier', answer: opportunity },
  GetEngagementInvitation: { identifier: 'EngagementInvitationIdentifier', answer: invitation },
} as const satisfies Record<string, { identifier: FilterName; answer: unknown }>;

export interface PartnerCentralOptions extends ServiceOptions {
  now?: (() => number) | undefined;
  /** Existing catalogs; AWS and Sandbox by default. */
  catalogs?: readonly string[] | undefined;
  /** Requests above this rate per second are throttled. */
  limit?: { perSecond: number } | undefined;
  /** Changes an answer before it is sent, to simulate service bugs such as null elements. Text is sent unchanged. */
  tamper?: ((operation: string, output: Output) => Output | string) | undefined;
}

export async function startPartnerCentral(options: PartnerCentralOptions = {}) {
  const service = await startService({
    ...options,
    name: 'partnercentral',
    contentType: 'application/x-amz-json-1.0',
    handle: ({ operation, input, accessKeyId }) => {
      const output = partnerCentral.answer(operation, input, partnerCentral.accountOf(accessKeyId));
      const sent = partnerCentral.tamper ? partnerCentral.tamper(operation, output) : output;
      return typeof sent === 'string' ? { status: 200, body: sent } : jsonReply(sent);
    },
  });
  const partnerCentral = Object.assign(service, openPartnerCentral(options), {
    /** Account of a caller, by access key id; decides whose tasks it sees. By default all callers see the same tasks. */
    accountOf: (_accessKeyId: string | undefined): string | undefined => undefined,
  });
  return partnerCentral;
}

/** State and answers of Partner Central, without HTTP. */
export function openPartnerCentral(options: PartnerCentralOptions = {}) {
  const { now = Date.now, catalogs = ['AWS', 'Sandbox'] } = options;
  const stores = new Map<string, TaskStore>();
  const bucket = { tokens: Number.POSITIVE_INFINITY, filledAt: now() }; // full at any limit

  /** @throws Refusal with the service's error */
  function answer(
    this: { limit?: PartnerCentralOptions['limit'] },
    operation: string,
    input: Input,
    account?: string,
  ): Output {
    if (Object.hasOwn(gets, operation)) {
      throttle(this.limit);
      const { identifier, answer } = gets[operation as keyof typeof gets];
      refuseBad(getProblems(input, identifier, catalogs));
      const catalog = input.Catalog as string;
      return answer(
        lastPart(String(input.Identifier)),
        catalog,
        store(catalog, 'EngagementByAcceptingInvitation', account),
      );
    }
    const family = familyNames.find(name => operation === families[name].list || operation === families[name].start);
    if (!family) throw unknownOperation(operation);
    throttle(this.limit);
    const isStart = families[family].start === operation;
    refuseBad(isStart ? startProblems[family](input, catalogs) : listProblems(input, filtersOf(family), catalogs));
    const catalog = input.Catalog as string;
    return (isStart ? start : list)(store(catalog, family, account), catalog, family, input);
  }

  function throttle(limit: PartnerCentralOptions['limit']) {
    if (!limit) return;
    const { perSecond } = limit;
    const refill = (Math.max(0, now() - bucket.filledAt) / 1000) * perSecond;
    bucket.tokens = Math.min(perSecond, bucket.tokens + refill);
    bucket.filledAt = now();
    if (bucket.tokens < 1)
      throw new Refusal({ status: 429, type: 'ThrottlingException', body: { Message: 'Rate exceeded' } });
    bucket.tokens -= 1;
  }

  function store(catalog: string, family: TaskFamily = 'OpportunityFromEngagement', account?: string): TaskStore {
    if (!catalogs.includes(catalog)) throw new Error(`There is no catalog ${catalog}.`);
    const key = [catalog, family, ...(account === undefined ? [] : [account])].join('/');
    const found = stores.get(key) ?? taskStore(key, now);
    stores.set(key, found);
    return found;
  }

  return {
    /** Both can be replaced at any time. */
    tamper: options.tamper,
    limit: options.limit,
    answer,
    store,
    /** The state that is kept between two starts. */
    toJSON: (): Record<string, SavedTasks> =>
      Object.fromEntries([...stores].map(([key, store]) => [key, store.toJSON()])),
    fromJSON(saved: Record<string, SavedTasks>) {
      for (const [key, tasks] of Object.entries(saved)) {
        const [catalog, family, account] = key.split('/') as [string, TaskFamily, string?];
        store(catalog, family, account).fromJSON(tasks);
      }
    },
  };
}

export type PartnerCentral = Awaited<ReturnType<typeof startPartnerCentral>>;

const familyNames = Object.keys(families) as TaskFamily[];
const filtersOf = (family: TaskFamily) => Object.keys(families[family].filters) as FilterName[];

function list(store: TaskStore, catalog: string, family: TaskFamily, input: Input): Output {
  const { filters, extra } = families[family];
  const statuses = input.TaskStatus as string[] | undefined;
  const identifiers = input.TaskIdentifier as string[] | undefined;
  const wanted = Object.entries(filters).flatMap(([name, field]) =>
    input[name] == null ? [] : [{ field, values: new Set((input[name] as string[]).map(lastPart)) }],
  );
  const fingerprint = digest(requestText(catalog, family, input));
  const token = input.NextToken as string | undefined;
  const after = token == null ? undefined : positionOf(token, fingerprint);
  const { tasks, more } = store.page({
    newestFirst: (input.Sort as Input | undefined)?.SortOrder !== 'ASCENDING',
    limit: (input.MaxResults as number | undefined) ?? defaultPageSize,
    after,
    taskIds: identifiers
      ?.filter(id => !id.startsWith('arn:') || id === arn(catalog, family, lastPart(id)))
      .map(lastPart),
    onlyInProgress: statuses?.every(status => status === 'IN_PROGRESS') ?? false,
    matches: task =>
      (statuses?.includes(task.status) ?? true) && wanted.every(({ field, values }) => values.has(String(task[field]))),
  });
  const last = tasks.at(-1);
  return {
    TaskSummaries: tasks.map(task => ({ ...summary(task, catalog, family), ...extra(task) })),
    NextToken: more && last ? tokenOf(last, fingerprint) : null,
  };
}

function start(store: TaskStore, catalog: string, family: TaskFamily, input: Input): Output {
  const { Identifier, ContextIdentifier, AwsSubmission, Tags = [] } = input;
  const request = JSON.stringify([Identifier, ContextIdentifier, Tags, ...(AwsSubmission ? [AwsSubmission] : [])]);
  const clientToken = input.ClientToken as string;
  const earlier = store.clientTokens.get(clientToken);
  if (earlier && earlier.request !== request)
    throw new Refusal({
      status: 409,
      type: 'ConflictException',
      body: { Message: 'This ClientToken was used with other parameters.' },
    });
  const task = (earlier && store.get(earlier.taskId)) ?? store.add(families[family].begun(input));
  store.clientTokens.set(clientToken, { request, taskId: task.taskId });
  return {
    ...summary(task, catalog, family),
    ...families[family].extra(task),
    StartTime: startTime({ ...task, startTimeMs: task.startTimeMs + 3 }), // the service's two clocks differ by this too
  };
}

function summary(task: Task, catalog: string, family: TaskFamily): Output {
  return {
    TaskId: task.taskId,
    TaskArn: arn(catalog, family, task.taskId),
    StartTime: startTime(task),
    TaskStatus: task.status,
    Message: task.message ?? null,
    ReasonCode: task.reasonCode ?? (task.status === 'COMPLETE' ? 'null' : null), // the real service sends the text "null"
    OpportunityId: task.opportunityId ?? null,
    ResourceSnapshotJobId: task.resourceSnapshotJobId ?? null,
  };
}

/** The service leaves the account field of ARNs empty. */
function arn(catalog: string, family: TaskFamily, taskId: string): string {
  return `arn:aws:partnercentral:us-east-1::catalog/${catalog}/${families[family].arnPart}/${taskId}`;
}

/**
 * RFC 3339 with nine fractional digits. Digits below the millisecond are derived from the id and grow with it, so that
 * the order of tasks (start in milliseconds, id) is the order of the shown times.
 */
function startTime({ startTimeMs, taskId }: Position): string {
  const nanoseconds = Math.floor((Number.parseInt(taskId.slice(5, 9), 36) / 36 ** 4) * 1e6);
  return `${new Date(startTimeMs).toISOString().slice(0, -1)}${String(nanoseconds).padStart(6, '0')}Z`;
}

const lastPart = (identifier: string) => identifier.slice(identifier.lastIndexOf('/') + 1);
const digest = (text: string) => createHash('sha256').update(text).digest('base64url').slice(0, 22);

/** A token is valid for one request only: the same catalog, family, filters (in any order), sort and page size. */
function requestText(catalog: string, family: TaskFamily, input: Input): string {
  const lists = ['TaskStatus', 'TaskIdentifier', ...filtersOf(family)];
  const filters = lists.map(name => [...((input[name] as string[] | undefined) ?? [])].sort());
  const order = (input.Sort as Input | undefined)?.SortOrder ?? 'DESCENDING';
  return JSON.stringify([catalog, family, filters, order, input.MaxResults ?? defaultPageSize]);
}

function tokenOf({ startTimeMs, taskId }: Position, fingerprint: string): string {
  const place = `${startTimeMs}/${taskId}`;
  return Buffer.from(`${place}/${digest(place + fingerprint)}`).toString('base64url');
}

function positionOf(token: string, fingerprint: string): Position {
  const [startTimeMs, taskId] = Buffer.from(token, 'base64url').toString().split('/');
  const position = { startTimeMs: Number(startTimeMs), taskId: String(taskId) };
  if (tokenOf(position, fingerprint) !== token)
    refuseBad([{ FieldName: 'NextToken', Message: 'Member must be a token of this request', Code: 'INVALID_VALUE' }]);
  return position;
}
