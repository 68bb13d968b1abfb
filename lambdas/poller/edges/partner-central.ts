import { createHash } from 'node:crypto';
import {
  ListOpportunityFromEngagementTasksCommand,
  type ListOpportunityFromEngagementTasksRequest,
  PartnerCentralSellingClient,
} from '@aws-sdk/client-partnercentral-selling';
import type { Budget } from '../budget';
import type { EpochMs, ListedTask } from '../core/task';
import { IN_PROGRESS, readSummary } from '../core/task';
import { sortFailure, TransientFailure } from '../errors';
import { PARTNER_CENTRAL_REGION, type Settings } from '../settings';
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

const advice = (catalog: string) => ({
  denied:
    "Let the function's role use partnercentral:ListOpportunityFromEngagementTasks and " +
    `partnercentral:ListEngagementFromOpportunityTasks for catalog ${catalog}, and check that this AWS account is the one linked to Partner Central`,
  refused: 'Check the configured catalog and identifiers; if they are right, report it',
});

/** Lists tasks of one source. List is the only read that Partner Central offers: no Get, no time filter. */
export function connectPartnerCentral(settings: Settings, now: () => EpochMs) {
  const client = new PartnerCentralSellingClient({
    region: PARTNER_CENTRAL_REGION,
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 15_000, throwOnRequestTimeout: true },
  });
  tolerateMalformedAnswers(client);

  const filters = {
    ...(settings.opportunityIdentifiers && { OpportunityIdentifier: settings.opportunityIdentifiers }),
    ...(settings.engagementIdentifiers && { EngagementIdentifier: settings.engagementIdentifiers }),
    ...(settings.contextIdentifiers && { ContextIdentifier: settings.contextIdentifiers }),
    ...(settings.taskIdentifiers && { TaskIdentifier: settings.taskIdentifiers }),
  };

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
      const command = new ListOpportunityFromEngagementTasksCommand(request(listing));
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
        throw sortFailure(error, 'ListOpportunityFromEngagementTasks', advice(settings.catalog));
      });
      const summaries: unknown = answer.TaskSummaries ?? [];
      if (!Array.isArray(summaries))
        throw new TransientFailure('ListOpportunityFromEngagementTasks: TaskSummaries is not a list');
      const tasks = summaries.map(readSummary).filter(task => task !== undefined);
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
