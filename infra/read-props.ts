/** Reads the props of the construct with the same validation as the configuration of the stack. */
import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ConfigurationError } from '../lambdas/poller/configuration-error';
import { type Config, readConfig } from './config';
import { configEntries, stackKeys } from './config-entries';
import { stackUniqueId } from './constructs/stack-unique-id';
import { type ExistingResources, resourceNames, resourceProblems } from './existing-resources';
import type { TaskPollerSettings } from './task-poller-settings';
import { unknownKeyProblem } from './unknown-keys';

/** Keys of the stack that are not props, and their replacements. */
const replacements: Readonly<Record<string, string>> = {
  stackName: 'the name is that of the stack that the construct is in',
  tags: 'use Tags.of(…).add(…)',
  permissionsBoundary: 'use PermissionsBoundary.of(…).apply(…)',
  existingTableName: 'use table',
  existingEventBusName: 'use eventBus',
  alarmTopicArns: 'use alarmTopics',
};

const propNames = Object.keys(configEntries).filter(key => !stackKeys.includes(key));

/** @throws ConfigurationError naming every prop that is invalid or in conflict with another */
export function readProps(construct: Construct, props: TaskPollerSettings & ExistingResources): Config {
  const { eventBus, table, encryptionKey, alarmTopics, removalPolicy, ...settings } = props;
  const where = `The props of ${construct.node.path}`;
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const unsupported = given.filter(([key]) => !propNames.includes(key));
  const problems = [
    ...unsupported.map(([key, value]) =>
      stackKeys.includes(key)
        ? `${key}: not a prop; ${replacements[key]}`
        : unknownKeyProblem(key, value, [...propNames, ...resourceNames]),
    ),
    ...resourceProblems(Stack.of(construct), props),
  ];
  if (encryptionKey && settings.customerManagedKey !== undefined)
    problems.push('customerManagedKey with encryptionKey: got both, allowed: one of them; the first makes a new key');
  try {
    const config = readConfig(
      {
        ...Object.fromEntries(given.filter(([key]) => propNames.includes(key))),
        stackName: serviceName(construct),
        // Topics are validated as their ARNs.
        ...(alarmTopics && { alarmTopicArns: alarmTopics.map(({ topicArn }) => topicArn) }),
      },
      where,
    );
    if (problems.length === 0) return config;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    problems.push(...error.problems.map(problem => problem.replaceAll('alarmTopicArns', 'alarmTopics')));
  }
  throw new ConfigurationError(where, problems);
}

/**
 * Name for logs, metrics and queries: the name of the outermost stack and the path below it. A hash is added unless the
 * construct is a direct child of a stack, because different paths can be equal once they are joined.
 */
function serviceName(construct: Construct): string {
  let stack = Stack.of(construct);
  while (stack.nestedStackParent) stack = stack.nestedStackParent;
  const path = construct.node.scopes.slice(stack.node.scopes.length).map(({ node }) => node.id);
  const parts = path.filter(part => part !== 'Default');
  const name = [stack.stackName, ...parts].join('-');
  if (parts.length <= 1 && /^[A-Za-z0-9-]{1,128}$/.test(name)) return name;
  const hash = stackUniqueId(construct).slice(-8);
  return `${name.replace(/[^A-Za-z0-9-]/g, '-').slice(0, 119)}-${hash}`;
}
