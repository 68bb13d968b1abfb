/** Checks the objects among the props of the construct. CDK and CloudFormation would accept what fails when it is deployed or used. */
import { RemovalPolicy, type ResourceEnvironment, type Stack, Token, TokenComparison } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';

export interface ExistingResources {
  readonly eventBus?: IEventBus | undefined;
  readonly table?: ITable | undefined;
  readonly encryptionKey?: IKey | undefined;
  readonly alarmTopics?: readonly ITopic[] | undefined;
  readonly removalPolicy?: RemovalPolicy | undefined;
}

export const resourceNames = [
  'eventBus',
  'table',
  'encryptionKey',
  'alarmTopics',
  'removalPolicy',
] as const satisfies readonly (keyof ExistingResources)[];

/** DynamoDB tables have no snapshots. */
const removalPolicies: readonly unknown[] = [
  RemovalPolicy.RETAIN,
  RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  RemovalPolicy.DESTROY,
];

/** One line for each prop that can't be used in this stack. */
export function resourceProblems(stack: Stack, resources: ExistingResources): string[] {
  const { eventBus, table, encryptionKey, alarmTopics = [], removalPolicy } = resources;
  const problems = [
    ...notIn(stack, 'eventBus', eventBus, eventBus?.eventBusArn, ['account', 'region']),
    ...notIn(stack, 'table', table, table?.tableArn, ['account', 'region']),
    ...notIn(stack, 'encryptionKey', encryptionKey, encryptionKey?.keyArn, ['region']),
    ...alarmTopics.flatMap((topic, at) => notIn(stack, `alarmTopics[${at}]`, topic, topic.topicArn, ['region'])),
  ];
  if (encryptionKey && 'aliasName' in encryptionKey)
    problems.push('encryptionKey: got an alias, allowed: a key; IAM policies have to name it');
  if (removalPolicy !== undefined && !removalPolicies.includes(removalPolicy))
    problems.push(`removalPolicy: got ${JSON.stringify(removalPolicy)}, allowed: ${removalPolicies.join(' or ')}`);
  return problems;
}

/** Nothing while either place is known only when the stack is deployed. */
function notIn(
  stack: Stack,
  prop: string,
  resource: { readonly env: ResourceEnvironment } | undefined,
  arn: string | undefined,
  same: readonly ('account' | 'region')[],
): string[] {
  if (!resource || arn === undefined) return [];
  // CDK takes a table that is imported by its ARN for one of the importing stack.
  const [, , , region = '', account = ''] = arn.split(':');
  const place = Token.isUnresolved(arn) ? resource.env : { region, account };
  return same
    .filter(key => Token.compareStrings(place[key], stack[key]) === TokenComparison.DIFFERENT)
    .map(key => `${prop}: got one in ${key} ${place[key]}, allowed: one in the stack's ${key}, ${stack[key]}`);
}
