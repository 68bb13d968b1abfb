/** Schemas for the values of the stack's own keys, in cdk.json and as text. */
import { Token } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as v from 'valibot';
import { isTopicArn } from '../lambdas/alerts/routes';
import { textLike } from '../lambdas/poller/settings';
import { parseJson } from './json-text';

/** CloudWatch accepts only these retention periods. CDK's INFINITE is a marker, not a number of days. */
const retentionPeriodsInDays = Object.values(RetentionDays).filter(
  (days): days is number => typeof days === 'number' && days !== RetentionDays.INFINITE,
);

export function logRetention() {
  const allowed = `one of ${retentionPeriodsInDays.join(', ')} days`;
  const asNumber = v.union([v.number(), v.pipe(v.string(), v.regex(/^\d+$/), v.toNumber())], allowed);
  return v.pipe(asNumber, v.picklist(retentionPeriodsInDays, allowed), v.metadata({ allowed, unit: 'days' }));
}

/**
 * Tags as an object, or as text: `team=crm,cost-center=42`. For IAM, keys that differ only in case are the same key.
 * https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html, https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
 */
export function tags() {
  const allowed =
    'key=value, separated by commas, or an object in cdk.json: 1 to 50 keys of 1 to 128 letters, digits, spaces and _.:/=+-@, none twice, none beginning with aws:, and values of at most 256 of these';
  const split = (given: string) =>
    given.split(',').map(pair => {
      const [key, ...value] = pair.split('=');
      return [key?.trim(), value.length > 0 ? value.join('=').trim() : undefined];
    });
  const isKey = (key: unknown) => /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu.test(String(key));
  const isValue = (value: unknown) => typeof value === 'string' && /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u.test(value);
  return v.pipe(
    v.union(
      [
        v.pipe(v.string(), v.transform(split)),
        v.pipe(
          v.custom<object>(given => typeof given === 'object' && given !== null && !Array.isArray(given)),
          v.transform(given => Object.entries(given)),
        ),
      ],
      allowed,
    ),
    v.minLength(1, allowed),
    v.maxLength(50, allowed),
    v.check(pairs => pairs.every(([key, value]) => isKey(key) && isValue(value)), allowed),
    v.check(pairs => new Set(pairs.map(([key]) => String(key).toLowerCase())).size === pairs.length, allowed),
    v.transform(pairs => Object.fromEntries(pairs) as Record<string, string>),
    v.metadata({ allowed }),
  );
}

/** CloudWatch accepts up to five actions for each state of an alarm, and no FIFO topics. */
export const topicArns = () =>
  listOf(
    5,
    isTopicArn,
    '1 to 5 ARNs of standard SNS topics such as arn:aws:sns:us-east-1:111122223333:pager, separated by commas',
  );

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_EventBus.html. A rule has at most five targets. */
export const busArns = () =>
  listOf(
    5,
    isBusArn,
    '1 to 5 ARNs of event buses such as arn:aws:events:us-east-1:111122223333:event-bus/crm, separated by commas',
  );
const isBusArn = (text: string) =>
  /^arn:aws[a-z-]*:events:[a-z]{2}(-[a-z]+)+-\d:\d{12}:event-bus\/[\w./-]{1,256}$/.test(text);

function listOf(most: number, isOne: (text: string) => boolean, allowed: string) {
  const split = (given: string) => given.split(',').map(part => part.trim());
  return v.pipe(
    v.union([v.array(v.string()), v.pipe(v.string(), v.transform(split))], allowed),
    v.transform(list => [...new Set(list)]),
    v.minLength(1, allowed),
    v.maxLength(most, allowed),
    v.everyItem(arn => isOne(arn) || Token.isUnresolved(arn), allowed), // the ARN of a resource in the same app is a token until it is deployed
    v.metadata({ allowed }),
  );
}

export const accounts = () =>
  listOf(10, text => /^\d{12}$/.test(text), '1 to 10 account ids of 12 digits, separated by commas');

export const emailAddress = () => orToken(textLike(/^[^\s@]{1,64}@[^\s@]+\.[^\s@]+$/, 'an e-mail address'));

/** Commas separate addresses, so none has one. */
export const emailAddresses = () =>
  listOf(10, text => /^[^\s@,]{1,64}@[^\s@,]+\.[^\s@,]+$/.test(text), '1 to 10 e-mail addresses, separated by commas');

/** Accepts a token too: text that is known when the stack is deployed, such as a parameter or the name of a resource. */
export function orToken<S extends v.GenericSchema<string, string>>(schema: S) {
  const { allowed = '' } = v.getMetadata(schema) as { allowed?: string };
  const token = v.pipe(v.string(), v.check(Token.isUnresolved, allowed));
  return v.pipe(v.union([token, schema], allowed), v.metadata({ allowed }));
}

/** Objects, or JSON text of them. Their keys are validated later, together with the keys that they inherit. */
export function furtherSources() {
  const allowed =
    'a JSON array of objects such as [{"taskFamily":"EngagementFromOpportunity"}], each with what differs from the first source';
  return v.pipe(
    v.union([v.array(v.unknown()), v.string()], allowed),
    v.rawCheck(({ dataset, addIssue }) => {
      const given = dataset.value;
      const error = typeof given === 'string' ? jsonError(given) : undefined;
      if (error)
        addIssue({ message: `got ${JSON.stringify(given)}, which is not JSON: ${error}; allowed: ${allowed}` });
    }),
    v.transform((given): unknown => (typeof given === 'string' ? parseJson(given) : given)),
    v.array(
      v.custom<Readonly<Record<string, unknown>>>(
        given => typeof given === 'object' && given !== null && !Array.isArray(given),
      ),
      allowed,
    ),
    v.metadata({ allowed }),
  );
}

function jsonError(text: string): string | undefined {
  try {
    parseJson(text);
  } catch (error) {
    return (error as SyntaxError).message;
  }
}
