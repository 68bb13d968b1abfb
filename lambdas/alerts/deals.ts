/**
 * What a failed task was about, by the names that people know: the title of the engagement, opportunity or invitation, and
 * the customer. An event has only ids. Pure.
 */
import type {
  GetEngagementCommandOutput,
  GetEngagementInvitationCommandOutput,
  GetOpportunityCommandOutput,
} from '@aws-sdk/client-partnercentral-selling';
import type { TaskFamily } from '../poller/task-families';
import { oneLine } from './text';

export interface Deal {
  readonly customer?: string | undefined;
  readonly title?: string | undefined;
}

/** A deal without names. */
export interface UnnamedDeal {
  /** Follows `could not be looked up`. */
  readonly unnamed: string;
}

/** The ids that an event has. */
export interface Ids {
  readonly catalog: string;
  readonly taskType: string;
  readonly opportunityId?: string | undefined;
  readonly engagementId?: string | undefined;
  readonly engagementInvitationId?: string | undefined;
  readonly contextId?: string | undefined;
}

/** What the API answers. An answer that can't be understood has none of its members. */
export type Answer = Partial<
  GetEngagementCommandOutput | GetOpportunityCommandOutput | GetEngagementInvitationCommandOutput
>;

interface LookUp {
  /** Also the IAM action. */
  readonly operation: `Get${'Engagement' | 'Opportunity' | 'EngagementInvitation'}`;
  readonly id: 'engagementId' | 'opportunityId' | 'engagementInvitationId';
  /** What it looks up, for people. */
  readonly noun: string;
  readonly pattern: RegExp;
  /** Stands before the id in its ARN. */
  readonly resourceType: string;
}

/** One operation for each family: it reads what the task starts from, which exists whatever the task achieved. */
export const lookUps = {
  OpportunityFromEngagement: {
    operation: 'GetEngagement',
    id: 'engagementId',
    noun: 'engagement',
    pattern: /^eng-[0-9a-z]{14}$/,
    resourceType: 'engagement',
  },
  EngagementFromOpportunity: {
    operation: 'GetOpportunity',
    id: 'opportunityId',
    noun: 'opportunity',
    pattern: /^O[0-9]{1,19}$/,
    resourceType: 'opportunity',
  },
  EngagementByAcceptingInvitation: {
    operation: 'GetEngagementInvitation',
    id: 'engagementInvitationId',
    noun: 'invitation',
    pattern: /^engi-[0-9a-z]{13}$/,
    resourceType: 'engagement-invitation',
  },
} as const satisfies Record<TaskFamily, LookUp>;

/** A look-up of one task. Tasks with the same key share one answer. */
export interface Question {
  readonly operation: LookUp['operation'];
  readonly noun: string;
  readonly catalog: string;
  readonly identifier: string;
  readonly key: string;
}

/** @returns undefined for a family that is not known here, and for an id that is missing or is none */
export function questionOf(ids: Ids): Question | undefined {
  const lookUp: LookUp | undefined = Object.hasOwn(lookUps, ids.taskType)
    ? lookUps[ids.taskType as TaskFamily]
    : undefined;
  const identifier = lookUp && ids[lookUp.id];
  if (!identifier || !lookUp.pattern.test(identifier) || !/^[A-Za-z]+$/.test(ids.catalog)) return undefined;
  const { operation, noun } = lookUp;
  const { catalog } = ids;
  return { operation, noun, catalog, identifier, key: `${catalog} ${ids.taskType} ${identifier}` };
}

/** The names in an answer. The API has many shapes for a customer, and everything in them is optional. */
export function dealIn(answer: Answer, { contextId }: Ids): Deal | UnnamedDeal {
  const [engagement, opportunity, invitation] = [
    answer as Partial<GetEngagementCommandOutput>,
    answer as Partial<GetOpportunityCommandOutput>,
    answer as Partial<GetEngagementInvitationCommandOutput>,
  ];
  const { OpportunityInvitation: offer, LeadInvitation: lead } = invitation.Payload ?? {};
  const title = name(
    engagement.Title ?? opportunity.Project?.Title ?? offer?.Project?.Title ?? invitation.EngagementTitle,
  );
  const customer =
    name(opportunity.Customer?.Account?.CompanyName ?? offer?.Customer?.CompanyName ?? lead?.Customer?.CompanyName) ??
    customerOf(engagement, contextId);
  if (title === undefined && customer === undefined)
    return { unnamed: 'the answer has neither a title nor a customer' };
  return { customer, title };
}

/** An engagement can have contexts of several customers. Naming the wrong one is worse than naming none. */
function customerOf({ Contexts }: Partial<GetEngagementCommandOutput>, contextId: string | undefined) {
  const contexts = Array.isArray(Contexts) ? Contexts.filter(context => context?.Payload) : [];
  const own = contexts.filter(({ Id }) => Id === contextId);
  const customers = (own.length > 0 ? own : contexts).map(({ Payload }) =>
    name(
      Payload?.CustomerProject?.Customer?.CompanyName ??
        Payload?.Lead?.Customer?.CompanyName ??
        Payload?.ProspectingResult?.Aws?.Customer?.AccountName,
    ),
  );
  const [first, ...others] = new Set(customers.filter(customer => customer !== undefined));
  return others.length === 0 ? first : undefined;
}

/** Longer than the names that the API accepts for most fields; a cut shows. */
const nameLimit = { characters: 120, bytes: 360 };
const name = (value: unknown) =>
  typeof value === 'string' && value.trim() !== '' ? oneLine(value.trim(), nameLimit) : undefined;

/** `AnyCompany, Migration of the web shop`; undefined for a deal without names. */
export function dealName(deal: Deal | UnnamedDeal | undefined): string | undefined {
  if (deal === undefined || 'unnamed' in deal) return undefined;
  return [deal.customer, deal.title].filter(part => part !== undefined).join(', ');
}

interface Described {
  readonly deal?: Deal | UnnamedDeal | undefined;
}

/** Deals with names and how many tasks each has, the largest first; and the reasons why others have none. */
export function countDeals(tasks: readonly Described[]) {
  const count = (texts: readonly (string | undefined)[]) => {
    const counts = new Map<string, number>();
    for (const text of texts) if (text !== undefined) counts.set(text, (counts.get(text) ?? 0) + 1);
    return [...counts].sort(([, a], [, b]) => b - a);
  };
  return {
    named: count(tasks.map(({ deal }) => dealName(deal))),
    unnamed: count(tasks.map(({ deal }) => (deal && 'unnamed' in deal ? deal.unnamed : undefined))),
  };
}

/**
 * The deals for a subject or a title: ASCII, without anything that acts as markup.
 * @returns undefined where there is none, or where a name can't be written like that
 */
export function dealHeadline(tasks: readonly Described[], maxLength: number): string | undefined {
  const { named } = countDeals(tasks);
  const [first] = named[0] ?? [];
  if (first === undefined) return undefined;
  const ascii = first
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/['’"“”`]/g, '')
    .replace(/&/g, 'and')
    .replace(/[/+_–—|]/g, '-');
  if (/[^A-Za-z0-9 .,:()-]/.test(ascii)) return undefined;
  const more = named.length === 1 ? '' : ` and ${named.length - 1} more`;
  const left = maxLength - more.length;
  return `${ascii.length <= left ? ascii : `${ascii.slice(0, left - 3).trimEnd()}...`}${more}`;
}
