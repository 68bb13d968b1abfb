/** A simulated source of the stack: its tasks in Partner Central, and the command that starts one. */
import type { Settings } from '../../lambdas/poller/settings';
import type { TaskFamily } from '../../lambdas/poller/task-families';
import { formatSource, sourceId } from '../../lambdas/source-id';
import type { PartnerCentral } from '../services/partner-central';
import type { sampleFailures } from '../services/sample-failures';
import type { Outcome, Task } from '../services/task-store';
import { failed, openScene, type TaskChange } from './scene';

type ReasonCode = (typeof sampleFailures)[number]['reasonCode'];

interface PlayedFamily {
  /** Initial fields that differ from the generated ones. Fields set to undefined are created at the end of the task. */
  readonly initialFields: (random: () => number) => Partial<Task>;
  /** Description of a task. */
  readonly about: (task: Readonly<Task>) => string;
  /** AWS CLI arguments that start a task. */
  readonly start: (filters: Partial<Task>) => string;
  /** How a task ends. Its input decides, so the user can choose. */
  readonly rule: string;
  readonly failsWith: (task: Readonly<Task>) => ReasonCode | undefined;
}

const endsInZero = 'it completes, or fails if its identifier ends in 0';

const families: Readonly<Record<TaskFamily, PlayedFamily>> = {
  OpportunityFromEngagement: {
    initialFields: () => ({}),
    about: ({ engagementId, contextId }) => `${engagementId}, context ${contextId}`,
    start: ({ engagementId = 'eng-0123456789abcd', contextId = '1' }) =>
      `start-opportunity-from-engagement-task --identifier ${engagementId} --context-identifier ${contextId}`,
    rule: 'it completes with context 1, or fails with any other number',
    failsWith: ({ contextId }) => (contextId === '1' ? undefined : 'ContextNotFound'),
  },
  EngagementFromOpportunity: {
    initialFields: random => ({
      opportunityId: `O${Math.floor(1_000_000 + random() * 9_000_000)}`,
      engagementId: undefined,
      engagementInvitationId: undefined,
    }),
    about: ({ opportunityId }) => `${opportunityId}`,
    start: ({ opportunityId = 'O1234567' }) =>
      `start-engagement-from-opportunity-task --identifier ${opportunityId} --aws-submission InvolvementType=Co-Sell,Visibility=Full`,
    rule: endsInZero,
    failsWith: ({ opportunityId }) => (opportunityId?.endsWith('0') ? 'OpportunityValidationFailed' : undefined),
  },
  EngagementByAcceptingInvitation: {
    initialFields: () => ({}),
    about: ({ engagementInvitationId }) => `${engagementInvitationId}`,
    start: ({ engagementInvitationId = 'engi-0123456789abc' }) =>
      `start-engagement-by-accepting-invitation-task --identifier ${engagementInvitationId}`,
    rule: endsInZero,
    failsWith: ({ engagementInvitationId }) =>
      engagementInvitationId?.endsWith('0') ? 'InvitationValidationFailed' : undefined,
  },
};

/** @param source such as Sandbox/OpportunityFromEngagement */
const familyOf = (source: string) => families[source.split('/')[1] as TaskFamily];

export const aboutTask = (source: string, task: Readonly<Task>) => familyOf(source).about(task);
export const outcomeRule = (source: string) => familyOf(source).rule;

const lastPart = (identifier: string) => identifier.slice(identifier.lastIndexOf('/') + 1);

interface Given {
  readonly settings: Settings;
  /** Whether it is polled. */
  readonly enabled: boolean;
  /** Account of the tasks; undefined for the only account. */
  readonly account?: string | undefined;
  readonly partnerCentral: PartnerCentral;
  readonly maxRunning?: number;
  readonly report: (line: { readonly type: 'task'; readonly source: string } & TaskChange) => void;
}

export function openPlayedSource({ settings, enabled, account, partnerCentral, maxRunning, report }: Given) {
  const { catalog, taskFamily, shadow, emitSince, taskIdentifiers } = settings;
  const name = formatSource(sourceId(settings));
  const family = families[taskFamily];
  const store = partnerCentral.store(catalog, taskFamily, account);
  const taskIds = taskIdentifiers?.map(lastPart);
  const filters = Object.fromEntries(
    Object.entries({
      opportunityId: settings.opportunityIdentifiers,
      engagementId: settings.engagementIdentifiers,
      engagementInvitationId: settings.engagementInvitationIdentifiers,
      contextId: settings.contextIdentifiers,
    }).flatMap(([field, allowed]) => (allowed?.[0] === undefined ? [] : [[field, lastPart(allowed[0])]])),
  ) as Partial<Task>;
  const scene = openScene({
    store,
    now: Date.now,
    random: Math.random,
    newTask() {
      const taskId = taskIds?.find(wanted => store.get(wanted) === undefined);
      return { ...family.initialFields(Math.random), ...filters, ...(taskId !== undefined && { taskId }) };
    },
    outcomeFromOutside: task => outcome(family.failsWith(task)),
    ...(maxRunning !== undefined && { maxRunning }),
    report: change => report({ type: 'task', source: name, ...change }),
  });

  return {
    name,
    enabled,
    shadow,
    store,
    scene,
    startCommand: `aws partnercentral-selling ${family.start(filters)} --catalog ${catalog}`,
    /** Ended tasks for which an event is expected: those that match the filters and may be published. */
    expected(): readonly string[] {
      const publishes = enabled && !shadow && !(emitSince !== undefined && Date.parse(emitSince) > Date.now());
      return publishes ? scene.ended.filter(taskId => taskIds?.includes(taskId) ?? true) : [];
    },
  };
}

const outcome = (reasonCode: ReasonCode | undefined): Outcome =>
  reasonCode === undefined ? 'COMPLETE' : failed(reasonCode);
