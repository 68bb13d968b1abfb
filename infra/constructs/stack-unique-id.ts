import { Names } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * The name of the stack and the construct's path below it, as at most 256 letters and digits that end with a hash.
 * CDK's own unique id starts at the app: it ignores the stack's name, and changes when the stack moves into a Stage. For a
 * stack whose id is its name, both ids are equal. The name of a nested stack is known only at deployment, so its path starts
 * at the outermost stack.
 */
export const stackUniqueId = (construct: IConstruct): string => Names.uniqueResourceName(construct, { maxLength: 256 });
