import { createHash } from 'node:crypto';
import {
  ListEngagementByAcceptingInvitationTasksCommand,
  ListEngagementFromOpportunityTasksCommand,
  ListOpportunityFromEngagementTasksCommand,
  type ListOpportunityFromEngagementTasksRequest,
  PartnerCentralSellingClient,
} from '@aws-sdk/client-partnercentral-selling';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import type { Budget } from '../budget';
import type { EpochMs, ListedTask } from '../core/task';
import { IN_PROGRESS, readSummary } from '../core/task';
import { PermanentFailure, RequestRefused, sortFailure, TransientFailure } from '../errors';
import { PARTNER_CENTRAL_REGION, type Settings } from '../settings';
import { type FilterKey, familyOf, type TaskFamily } from '../task-families';
import { tolerateMalformedAnswers } from './list-answer';

/** What a List call is to show, beside the catalog. */
export interface Listing {
  /** `sweep`: newest first, by the source's filters. `running`: what is IN_PROGRESS, by the same. Otherwise: up to ten task ids, whatever the filters. */
  readonly of: 'sweep' | 'running' | readonly string[];
  /** 1 to 1000 */
  readonly pageSize: number;
  readonly token?: string;
}

export interface Page {
  readonly tasks: readonly ListedTask[];
  /** Elements that carried no usable task. */
  readonly malformed: number;
  /** Absent on the last page. */
  readonly nextToken?: string;
  readonly askedAt: EpochMs;
  readonly answeredAt: EpochMs;
}

export type PartnerCentral = ReturnType<typeof connectPartnerCentral>;

const SORT = { SortBy: 'StartTime', SortOrder: 'DESCENDING' } as const;

/** All with the same request and answer, as far as the SDK's serializer and ours look at them. */
type ListCommand = typeof ListOpportunityFromEngagementTasksCommand;

const commands = {
  OpportunityFromEngagement: ListOpportunityFromEngagementTasksCommand,
  EngagementFromOpportunity: ListEngagementFromOpportunityTasksCommand as unknown as ListCommand,
  EngagementByAcceptingInvitation: ListEngagementByAcceptingInvitationTasksCommand as unknown as ListCommand,
} satisfies Record<TaskFamily, ListCommand>;

const advice = ({ catalog, taskFamily, assumeRoleArn }: Settings) => ({
  denied:
    `Let ${assumeRoleArn ? `the role ${assumeRoleArn}` : "the function's role"} use ` +
    `${familyOf(taskFamily).actions.join(' and ')} for catalog ${catalog}, and check that ` +
    `${assumeRoleArn ? 'its' : 'this'} AWS account is the one linked to Partner Central`,
  refused: 'Check the configured catalog and identifiers; if they are right, report it',
});

/**
 * Credentials of the role that lists the tasks, renewed before they expire.
 * @throws TransientFailure, PermanentFailure
 */
function credentialsOf(RoleArn: string) {
  const assume = fromTemporaryCredentials({ params: { RoleArn, RoleSessionName: 'task-poller' } });
  return () =>
    assume().catch((error: unknown) => {
      const failure = sortFailure(error, `AssumeRole of ${RoleArn}`, {
        denied: "Let the function's role use sts:AssumeRole on it, and let its trust policy name the function's role",
        refused: 'Check assumeRoleArn',
      });
      throw failure instanceof RequestRefused
        ? new PermanentFailure(`${failure.message}. ${failure.advice}`, { cause: failure })
        : failure;
    });
}

/** Lists tasks of one source. List is the only read that Partner Central offers: no Get, no time filter. */
export function connectPartnerCentral(settings: Settings, now: () => EpochMs) {
  const { operation, filters: filterNames, fields } = familyOf(settings.taskFamily);
  const ListTasks = commands[settings.taskFamily];
  const client = new PartnerCentralSellingClient({
    region: PARTNER_CENTRAL_REGION,
    ...(settings.assumeRoleArn && { credentials: credentialsOf(settings.assumeRoleArn) }),
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 15_000, throwOnRequestTimeout: true },
  });
  tolerateMalformedAnswers(client);

  const filters = Object.fromEntries(
    [...Object.entries(filterNames), ['taskIdentifiers', 'TaskIdentifier'] as const].flatMap(([key, name]) => {
      const identifiers = settings[key as FilterKey | 'taskIdentifiers'];
      return identifiers ? [[name, identifiers]] : [];
    }),
  );

  function request({ of, pageSize, token }: Listing): ListOpportunityFromEngagementTasksRequest {
    return {
      Catalog: settings.catalog,
      MaxResults: pageSize,
      Sort: SORT,
      ...(typeof of === 'string' ? filters : { TaskIdentifier: [...of] }),
      ...(of === 'running' && { TaskStatus: [IN_PROGRESS] }),
      ...(token !== undefined && { NextToken: token }),
    };
  }

  return {
    /** Identifies the filters, whatever the order in which they are configured. */
    filters: digest(filters),

    /** Identifies what a sweep's token belongs to; with other filters, page size or order it is worthless. */
    fingerprint: (pageSize: number) => digest({ filters, pageSize, SORT }),

    /**
     * One page, in the list's order.
     * @throws RequestRefused, TransientFailure, PermanentFailure
     */
    async list(listing: Listing, budget: Budget): Promise<Page> {
      const command = new ListTasks(request(listing));
      // Innermost but for the signature, so that it counts and paces each attempt.
      command.middlewareStack.add(
        next => async args => {
          await budget.paceListCall();
          return next(args);
        },
        { step: 'finalizeRequest', priority: 'low', name: 'paceListCall' },
      );
      const askedAt = now();
      const answer = await client.send(command, { abortSignal: budget.signal }).catch((error: unknown) => {
        throw sortFailure(error, operation, advice(settings));
      });
      const summaries: unknown = answer.TaskSummaries ?? [];
      if (!Array.isArray(summaries)) throw new TransientFailure(`${operation}: TaskSummaries is not a list`);
      const tasks = summaries.map(summary => readSummary(summary, fields)).filter(task => task !== undefined);
      return {
        tasks,
        malformed: summaries.length - tasks.length,
        ...(typeof answer.NextToken === 'string' && answer.NextToken !== '' && { nextToken: answer.NextToken }),
        askedAt,
        answeredAt: now(),
      };
    },
  };
}

const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
