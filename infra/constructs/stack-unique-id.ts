import { Names } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * The construct's path, from the name of its stack down, as letters and digits that end in a hash: at most 256.
 * CDK's own unique id begins at the app instead. It would stay the same under another stack name, and would change when the
 * stack moves into a Stage. Where both begin alike, both are alike: a stack whose id is its name.
 * The name of a nested stack is known only when it is deployed, so there it begins with the outermost stack.
 */
export const stackUniqueId = (construct: IConstruct): string => Names.uniqueResourceName(construct, { maxLength: 256 });
