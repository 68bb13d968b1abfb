import { CfnResource, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html. A template may have 1 MB, which is twice what 500 resources of the poller take. */
export const MAX_RESOURCES = 500;

/**
 * Says that the stack would have more resources than CloudFormation takes, and how many sources would fit.
 * @param ofSources the constructs of each source, in the order of the sources
 */
export function resourceLimitProblem(stack: Stack, ofSources: readonly (readonly IConstruct[])[]): string | undefined {
  const resourcesIn = (construct: IConstruct) =>
    construct.node.findAll().filter(one => CfnResource.isCfnResource(one) && Stack.of(one) === stack).length;
  const all = resourcesIn(stack);
  if (all <= MAX_RESOURCES) return undefined;
  const each = ofSources.map(constructs => constructs.reduce((sum, one) => sum + resourcesIn(one), 0));
  let left = MAX_RESOURCES - (all - each.reduce((sum, count) => sum + count, 0));
  const fitting = each.findIndex(count => {
    left -= count;
    return left < 0;
  });
  return `furtherSources: got ${each.length} sources with ${all} resources in the stack ${stack.stackName}, allowed: ${MAX_RESOURCES} resources, which is the first ${fitting} sources. Put the others into another stack, or set nativeNudges to false, which saves 4 resources a source`;
}
