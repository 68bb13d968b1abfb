import { createHash } from 'node:crypto';
import {
  ListEngagementByAcceptingInvitationTasksCommand,
  ListEngagementFromOpportunityTasksCommand,
  ListOpportunityFromEngagementTasksCommand,
  type ListOpportunityFromEngagementTasksRequest,
  PartnerCentralSellingClient,
  type PartnerCentralSellingClientConfig,
} from '@aws-sdk/client-partnercentral-selling';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import type { EpochMs } from '../core/task';
import { IN_PROGRESS, terminalStatuses } from '../core/task';
import { PermanentFailure, RequestRefused, sortFailure, TransientFailure } from '../errors';
import type { Listing, PartnerCentral } from '../ports';
import { PARTNER_CENTRAL_REGION, type Settings } from '../settings';
import { type FilterKey, familyOf, type TaskFamily, type taskFamilies } from '../task-families';
import { bytes, type ListAnswer, type RawResponse, readListAnswer } from './list-answer';
import { quietLogger } from './quiet-sdk';

const SORT = { SortBy: 'StartTime', SortOrder: 'DESCENDING' } as const;

type Sdk = typeof import('@aws-sdk/client-partnercentral-selling');
type CommandOf<F extends TaskFamily> = Sdk[`${(typeof taskFamilies)[F]['operation']}Command`];

export type ListCommands = { [F in TaskFamily]: CommandOf<F> };

export const listCommands: ListCommands = {
  OpportunityFromEngagement: ListOpportunityFromEngagementTasksCommand,
  EngagementFromOpportunity: ListEngagementFromOpportunityTasksCommand,
  EngagementByAcceptingInvitation: ListEngagementByAcceptingInvitationTasksCommand,
};

/** Any of them: their requests and answers have the same shape here. */
export type ListCommand = CommandOf<'OpportunityFromEngagement'>;

const advice = ({ catalog, taskFamily, assumeRoleArn }: Settings) => ({
  denied:
    `Let ${assumeRoleArn ? `the role ${assumeRoleArn}` : "the function's role"} use ` +
    `${familyOf(taskFamily).actions.join(' and ')} for catalog ${catalog}, and check that ` +
    `${assumeRoleArn ? 'its' : 'this'} AWS account is the one linked to Partner Central`,
  refused: 'Check the configured catalog and identifiers; if they are right, report it',
});

/**
 * Credentials of the role that lists the tasks. The client keeps them and renews them five minutes before they expire.
 * @throws TransientFailure, PermanentFailure
 */
function roleSession(RoleArn: string, ExternalId: string | undefined, where: Where) {
  const place = where('STS');
  const assume = fromTemporaryCredentials({
    params: { RoleArn, RoleSessionName: 'task-poller', ...(ExternalId && { ExternalId }) },
    clientConfig: {
      ...place,
      requestHandler: {
        ...place.requestHandler,
        connectionTimeout: 3_000,
        requestTimeout: 5_000,
        throwOnRequestTimeout: true,
      },
    },
  });
  let session: { expiration?: Date } | undefined;
  return {
    async credentials() {
      const credentials = await assume().catch((error: unknown) => {
        // Our own credentials work, or there would be no lease: it is STS's answer that has none.
        if ((error as Error).name === 'CredentialsProviderError')
          throw new TransientFailure(`AssumeRole of ${RoleArn}: the answer can not be read`, { cause: error });
        const failure = sortFailure(error, `AssumeRole of ${RoleArn}`, {
          denied:
            "Let the function's role use sts:AssumeRole on it, and let its trust policy name the function's role and the configured externalId, if it asks for one",
          refused: 'Check assumeRoleArn and externalId',
        });
        // A RequestRefused would say that the List request is bad.
        throw failure instanceof RequestRefused
          ? new PermanentFailure(`${failure.message}. ${failure.advice}`, { cause: failure })
          : failure;
      });
      session = credentials;
      return credentials;
    },

    /** After a role's sessions are revoked, or the role is created again, cached credentials no longer work. */
    doubt() {
      if (session) session.expiration = new Date(0);
    },
  };
}

/** Rejects when the signal is aborted. The client itself ignores the signal while it waits for credentials. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new TransientFailure('The time of the run is over'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The List requests of a source. */
export function listRequests(settings: Settings) {
  const { filters: filterNames } = familyOf(settings.taskFamily);
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
      ...(of === 'finished' && { TaskStatus: [...terminalStatuses] }),
      ...(token !== undefined && { NextToken: token }),
    };
  }

  return {
    request,

    /** Identifies the filters, whatever the order in which they are configured. */
    filters: digest(filters),

    /** Identifies what a sweep's token belongs to; with other filters, page size or order it is worthless. */
    fingerprint: (pageSize: number) => digest({ filters, pageSize, SORT }),
  };
}

/** Options of the client of a service. */
type Where = (
  service: 'PARTNERCENTRAL_SELLING' | 'STS',
) => Pick<PartnerCentralSellingClientConfig, 'region' | 'credentials' | 'endpoint' | 'profile' | 'requestHandler'>;

/** @param where for services that are not where the environment says */
export function connectPartnerCentral(
  settings: Settings,
  now: () => EpochMs,
  where: Where = () => ({}),
): PartnerCentral {
  const { operation } = familyOf(settings.taskFamily);
  const { request, filters, fingerprint } = listRequests(settings);
  const ListTasks = listCommands[settings.taskFamily] as ListCommand;
  const { assumeRoleArn, externalId } = settings;
  const session = assumeRoleArn === undefined ? undefined : roleSession(assumeRoleArn, externalId, where);
  const place = where('PARTNERCENTRAL_SELLING');
  const client = new PartnerCentralSellingClient({
    ...place,
    region: PARTNER_CENTRAL_REGION,
    ...(session && { credentials: session.credentials }),
    logger: quietLogger,
    requestHandler: {
      ...place.requestHandler,
      connectionTimeout: 3_000,
      requestTimeout: 15_000,
      throwOnRequestTimeout: true,
    },
  });

  return {
    filters,
    fingerprint,

    async list(listing, { budget, clock }) {
      const command = new ListTasks(request(listing));
      // Innermost but for the signature, so that it counts and paces each attempt.
      command.middlewareStack.add(
        next => async args => {
          await budget.paceListCall();
          return next(args);
        },
        { step: 'finalizeRequest', priority: 'low', name: 'paceListCall' },
      );
      let answer: ListAnswer = { tasks: [], malformed: 0, unreadable: 0 };
      // Once for each attempt, around the HTTP exchange.
      command.middlewareStack.add(
        next => async args => {
          const askedAt = now();
          const output = await next(args);
          const response = output.response as RawResponse;
          clock.observe(response.headers.date, askedAt, now());
          if (response.statusCode !== 200) return output;
          answer = readListAnswer(await bytes(response.body));
          response.body = emptyObject;
          return output;
        },
        { step: 'deserialize', priority: 'low', name: 'readAnswer' },
      );
      const askedAt = now();
      const sent = client.send(command, { abortSignal: budget.signal });
      await unlessAborted(sent, budget.signal).catch((error: unknown) => {
        const failure = sortFailure(error, operation, advice(settings));
        if (failure instanceof PermanentFailure) session?.doubt();
        throw failure;
      });
      return {
        ...answer,
        askedAt: askedAt + clock.offsetMs(),
        answeredAt: clock.now(),
      };
    },
  };
}

/** What the SDK gets to read of an answer that was read already. */
const emptyObject = Buffer.from('{}');

const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
