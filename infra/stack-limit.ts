/** How many sources a stack can have. Said at synthesis, where CloudFormation and Lambda would say it in a deployment. */
import { CfnResource, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html. A template may have 1 MB. That
 * of 500 resources has 0.6 (`npm run accounts`).
 */
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

/** Of all variables of a function: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html */
const MAX_ENVIRONMENT_BYTES = 4_096;
/** The formatter's other variables, with the name of the stack three times. */
const OTHER_VARIABLES_BYTES = 400;

/**
 * Says that the formatter can't be told the log groups of all sources. Their names are CloudFormation's: the names of
 * stack and resource, and twelve characters.
 * @param logGroups id and log group of each source
 */
export function environmentLimitProblem(
  stack: Stack,
  logGroups: readonly (readonly [sourceId: string, logGroup: IConstruct])[],
  alertRoutes: object,
): string | undefined {
  const nameLength = (logGroup: IConstruct) =>
    `${stack.stackName}-${stack.getLogicalId(logGroup.node.defaultChild as CfnResource)}-`.length + 12;
  const bytes =
    logGroups.reduce((sum, [id, logGroup]) => sum + `${id}=,`.length + nameLength(logGroup), 0) +
    JSON.stringify(alertRoutes).length +
    3 * stack.stackName.length +
    OTHER_VARIABLES_BYTES;
  if (bytes <= MAX_ENVIRONMENT_BYTES) return undefined;
  return `furtherSources: got ${logGroups.length} sources whose ids and log groups fill the environment of the alerts' function with about ${bytes} bytes, allowed: ${MAX_ENVIRONMENT_BYTES}. Shorten the name of the stack or the names of the sources, or put some of them into another stack`;
}
