/**
 * Constraints of Partner Central's service model, which the SDK does not check. A refusal names every invalid field, and
 * a list's member by its index.
 */
import type { TaskFamily } from '../../lambdas/poller/task-families';
import { isObject, Refusal } from './service';

export type Input = Record<string, unknown>;

const taskStatuses = ['IN_PROGRESS', 'COMPLETE', 'FAILED'];

const identifiers = {
  TaskIdentifier: /^(arn:.*|task-[0-9a-z]{13})$/,
  OpportunityIdentifier: /^O[0-9]{1,19}$/,
  EngagementIdentifier: /^(arn:.*|eng-[0-9a-z]{14})$/,
  ContextIdentifier: /^[1-9][0-9]*$/,
  EngagementInvitationIdentifier: /^(?=.{1,255}$)(arn:.*|engi-[0-9a-z]{13})$/u,
};
export type FilterName = Exclude<keyof typeof identifiers, 'TaskIdentifier'>;

export interface Problem {
  FieldName: string;
  Message: string;
  Code: string;
}

/** @throws Refusal naming every problem, if there is one */
export function refuseBad(problems: Problem[]) {
  if (problems.length === 0) return;
  const each = problems.map(
    ({ FieldName, Message }) => `Value at '${FieldName}' failed to satisfy constraint: ${Message}`,
  );
  const Message = `${problems.length} validation error${problems.length === 1 ? '' : 's'} detected: ${each.join('; ')}`;
  const body = { Message, Reason: 'REQUEST_VALIDATION_FAILED', ErrorList: problems };
  throw new Refusal({ status: 400, type: 'ValidationException', body });
}

/** @param filters names of the operation's identifier filters besides TaskIdentifier */
export function listProblems(input: Input, filters: FilterName[], catalogs: readonly string[]): Problem[] {
  return [
    ...catalogProblems(input.Catalog, catalogs),
    ...numberFrom('MaxResults', input.MaxResults, 1, 1000),
    ...textLike('NextToken', input.NextToken, /^[\s\S]{1,2048}$/u),
    ...sortProblems(input.Sort),
    ...listOf('TaskStatus', input.TaskStatus, 3, (field, value) => oneOf(field, value, taskStatuses)),
    ...['TaskIdentifier' as const, ...filters].flatMap(name =>
      listOf(name, input[name], 10, (field, value) => textLike(field, value, identifiers[name])),
    ),
  ];
}

/** @param name of the Get operation's identifier */
export const getProblems = (input: Input, name: FilterName, catalogs: readonly string[]): Problem[] => [
  ...catalogProblems(input.Catalog, catalogs),
  ...required('Identifier', input.Identifier),
  ...textLike('Identifier', input.Identifier, identifiers[name]),
];

type StartProblems = (input: Input, catalogs: readonly string[]) => Problem[];

export const startProblems: Record<TaskFamily, StartProblems> = {
  OpportunityFromEngagement: (input, catalogs) => [
    ...commonOfStarts(input, catalogs, identifiers.EngagementIdentifier),
    ...required('ContextIdentifier', input.ContextIdentifier),
    ...textLike('ContextIdentifier', input.ContextIdentifier, identifiers.ContextIdentifier),
  ],
  EngagementFromOpportunity: (input, catalogs) => [
    ...commonOfStarts(input, catalogs, identifiers.OpportunityIdentifier),
    ...submissionProblems(input.AwsSubmission),
  ],
  EngagementByAcceptingInvitation: (input, catalogs) =>
    commonOfStarts(input, catalogs, identifiers.EngagementInvitationIdentifier),
};

function commonOfStarts(input: Input, catalogs: readonly string[], identifier: RegExp): Problem[] {
  const characters = String.raw`[\p{L}\p{Z}\p{N}_.:/=+\-@]`;
  const key = new RegExp(`^${characters}{1,128}$`, 'u');
  const value = new RegExp(`^${characters}{0,256}$`, 'u');
  return [
    ...catalogProblems(input.Catalog, catalogs),
    ...required('ClientToken', input.ClientToken),
    ...textLike('ClientToken', input.ClientToken, /^.{1,255}$/u),
    ...required('Identifier', input.Identifier),
    ...textLike('Identifier', input.Identifier, identifier),
    ...listOf('Tags', input.Tags, 200, (field, tag) => {
      if (!isObject(tag)) throw wrongType(field, 'a structure');
      return [
        ...required(`${field}.Key`, tag.Key),
        ...textLike(`${field}.Key`, tag.Key, key),
        ...required(`${field}.Value`, tag.Value),
        ...textLike(`${field}.Value`, tag.Value, value),
      ];
    }),
  ];
}

function submissionProblems(submission: unknown): Problem[] {
  if (submission == null) return required('AwsSubmission', submission);
  if (!isObject(submission)) throw wrongType('AwsSubmission', 'a structure');
  return [
    ...required('AwsSubmission.InvolvementType', submission.InvolvementType),
    ...oneOf('AwsSubmission.InvolvementType', submission.InvolvementType, ['For Visibility Only', 'Co-Sell']),
    ...oneOf('AwsSubmission.Visibility', submission.Visibility, ['Full', 'Limited']),
  ];
}

function catalogProblems(catalog: unknown, catalogs: readonly string[]): Problem[] {
  const problems = [...required('Catalog', catalog), ...textLike('Catalog', catalog, /^[a-zA-Z]+$/)];
  if (problems.length > 0 || catalogs.includes(catalog as string)) return problems;
  return [
    {
      FieldName: 'Catalog',
      Message: `Member must satisfy enum value set: [${catalogs.join(', ')}]`,
      Code: 'INVALID_VALUE',
    },
  ];
}

function sortProblems(sort: unknown): Problem[] {
  if (sort == null) return [];
  if (!isObject(sort)) throw wrongType('Sort', 'a structure');
  return [
    ...required('Sort.SortBy', sort.SortBy),
    ...oneOf('Sort.SortBy', sort.SortBy, ['StartTime']),
    ...required('Sort.SortOrder', sort.SortOrder),
    ...oneOf('Sort.SortOrder', sort.SortOrder, ['ASCENDING', 'DESCENDING']),
  ];
}

// `required` handles absent values. Values of a wrong type are refused before any rule, as in the real protocol.

function required(FieldName: string, value: unknown): Problem[] {
  if (value != null) return [];
  return [{ FieldName, Message: 'Member must not be null', Code: 'REQUIRED_FIELD_MISSING' }];
}

function textLike(FieldName: string, value: unknown, pattern: RegExp): Problem[] {
  if (value == null) return [];
  if (typeof value !== 'string') throw wrongType(FieldName, 'a string');
  if (pattern.test(value)) return [];
  return [
    {
      FieldName,
      Message: `Member must satisfy regular expression pattern: ${pattern.source}`,
      Code: 'INVALID_STRING_FORMAT',
    },
  ];
}

function oneOf(FieldName: string, value: unknown, allowed: readonly string[]): Problem[] {
  if (value == null) return [];
  if (typeof value !== 'string') throw wrongType(FieldName, 'a string');
  if (allowed.includes(value)) return [];
  const Message = `Member must satisfy enum value set: [${allowed.join(', ')}]`;
  return [{ FieldName, Message, Code: 'INVALID_ENUM_VALUE' }];
}

function numberFrom(FieldName: string, value: unknown, min: number, max: number): Problem[] {
  if (value == null) return [];
  if (!Number.isInteger(value)) throw wrongType(FieldName, 'an integer');
  if ((value as number) >= min && (value as number) <= max) return [];
  return [{ FieldName, Message: `Member must be between ${min} and ${max}, inclusive`, Code: 'VALUE_OUT_OF_RANGE' }];
}

function listOf(FieldName: string, value: unknown, max: number, check: (field: string, item: unknown) => Problem[]) {
  if (value == null) return [];
  if (!Array.isArray(value)) throw wrongType(FieldName, 'a list');
  const Message = `Member must have length between 1 and ${max}, inclusive`;
  const size: Problem[] =
    value.length < 1
      ? [{ FieldName, Message, Code: 'NOT_ENOUGH_VALUES' }]
      : value.length > max
        ? [{ FieldName, Message, Code: 'TOO_MANY_VALUES' }]
        : [];
  return [
    ...size,
    ...value.flatMap((item, index) => {
      const field = `${FieldName}[${index}]`;
      return item == null ? required(field, item) : check(field, item);
    }),
  ];
}

function wrongType(field: string, expected: string): Refusal {
  return new Refusal({
    status: 400,
    type: 'SerializationException',
    body: { message: `${field} must be ${expected}.` },
  });
}
