/** Configurations of the stack. What holds for it holds for each of them. */

export type Context = Readonly<Record<string, unknown>>;

/** Every switch away from its default, but for the table: the stack has one of its own or it has not. */
export const allSwitches = {
  enabled: false,
  permissionsBoundary: 'team-boundary',
  tags: 'team=crm,cost-center=42',
  customerManagedKey: true,
  tracing: true,
  alertEmail: 'a@example.com',
  alarmEmail: 'a@example.com',
  chatAlerts: true,
  describeDeals: true,
  dashboard: true,
} satisfies Context;

/** Those that differ in what there is and who may use it. */
export const variants: readonly Context[] = [
  {},
  { enabled: false },
  { customerManagedKey: true },
  { existingTableName: 'restored' },
  allSwitches,
  { ...allSwitches, existingTableName: 'restored' },
  {
    ...allSwitches,
    furtherSources: [{ catalog: 'AWS', taskFamily: 'EngagementFromOpportunity' }],
    forwardTo: 'arn:aws:events:eu-west-1:111122223333:event-bus/crm',
  },
  { customerManagedKey: true, existingEventBusName: 'crm' },
];

const topic = (name: string) => `arn:aws:sns:us-east-1:111122223333:${name}`;
const upTo = <T>(count: number, make: (at: number) => T) => Array.from({ length: count }, (_, at) => make(at));

/** These and more. Each setting has a value that is not its default in at least one. */
export const configurations: readonly Context[] = [
  ...variants,
  {
    name: 'acme',
    assumeRoleArn: 'arn:aws:iam::111122223333:role/lists-tasks',
    externalId: 'partner-17',
    describeDeals: true,
    alarmTopicArns: `${topic('pager')},${topic('chat')}`,
    alertRoutes: `Sandbox/OpportunityFromEngagement/beta:access=${topic('security-team')},throttling=nowhere`,
    furtherSources: [
      { taskFamily: 'EngagementFromOpportunity', pollEveryMinutes: 720, enabled: false },
      { name: 'beta', assumeRoleArn: 'arn:aws:iam::444455556666:role/lists-tasks' },
    ],
    archiveDays: 0,
    schemaRegistry: false,
    savedQueries: false,
  },
  {
    catalog: 'AWS',
    stackName: 'Production',
    alertEmail: 'crm-team@example.com, partner-team@example.com',
    alarmEmail: 'oncall@example.com',
    runbookUrl: 'https://wiki.example.com/runbook',
    tags: { team: 'crm' },
  },
  { shadow: true, logLevel: 'DEBUG', includeMessage: false, emitSince: '2026-11-01T00:00:00Z', nativeNudges: false },
  {
    opportunityIdentifiers: upTo(10, at => `O${at + 1}`),
    engagementIdentifiers: upTo(10, at => `eng-0123456789abc${at}`),
    contextIdentifiers: upTo(10, at => `${at + 1}`),
    taskIdentifiers: upTo(10, at => `task-0123456789ab${at}`),
  },
  {
    taskFamily: 'EngagementByAcceptingInvitation',
    engagementInvitationIdentifiers: upTo(10, at => `engi-0123456789ab${at}`),
  },
  {
    pollEveryMinutes: 1440,
    auditEveryHours: 720,
    functionTimeoutSeconds: 900,
    memoryMb: 3008,
    lookbackMinutes: 1440,
    retentionDays: 3650,
    stalledAfterMinutes: 43_200,
    followMinutes: 0,
    maxExtraListCallsPerDay: 0,
    nudgesFrom: upTo(10, at => `11112222333${at}`),
    maxEventsPerRun: 10_000,
    maxListCallsPerRun: 1000,
    maxListCallsPerSecond: 10,
    headPageSize: 1000,
    archiveDays: 3650,
    logRetentionDays: 3653,
    alarmAtFailedTasks: 100_000,
    alarmAtStalledTasks: 100_000,
  },
  {
    auditEveryHours: 1,
    functionTimeoutSeconds: 10,
    memoryMb: 128,
    lookbackMinutes: 1,
    retentionDays: 1,
    stalledAfterMinutes: 1,
    maxEventsPerRun: 10,
    maxListCallsPerRun: 10,
    maxListCallsPerSecond: 0.1,
    headPageSize: 1,
    backlogPageSize: 1,
    archiveDays: 1,
    logRetentionDays: 1,
    alarmAtFailedTasks: 1,
  },
  {
    catalog: 'AWS',
    taskStalledEvents: true,
    dashboard: true,
    furtherSources: ['AWS', 'Sandbox']
      .flatMap(catalog => [
        { catalog, taskFamily: 'OpportunityFromEngagement' },
        { catalog, taskFamily: 'EngagementFromOpportunity' },
        { catalog, taskFamily: 'EngagementByAcceptingInvitation' },
      ])
      .slice(1), // the first is the stack's own
  },
  {
    existingEventBusName: 'default',
    eventSource: 'crm/task-poller',
    forwardTo: upTo(5, at => `arn:aws:events:eu-west-1:11112222333${at}:event-bus/crm`),
  },
  {
    existingTableName: 'restored',
    existingEventBusName: 'shared',
    alarmTopicArns: upTo(5, at => topic(`pager-${at}`)),
    alertRoutes: {
      '*': topic('failures'),
      throttling: 'nowhere',
      'Sandbox/*': 'default',
      'AWS/EngagementFromOpportunity:access': topic('security-team'),
    },
    chatAlerts: true,
    permissionsBoundary: 'arn:aws:iam::111122223333:policy/teams/boundary',
    tags: Object.fromEntries(upTo(40, at => [`key-${at}`, `value-${at}`])),
  },
];
