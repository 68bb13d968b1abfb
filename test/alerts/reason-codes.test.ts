import { ReasonCode } from '@aws-sdk/client-partnercentral-selling';
import { categoryOfCode, reasonCategory } from '../../lambdas/reason-categories';
import { knownReasonCodes, type ReasonTexts, reasons, reasonText } from '../../lambdas/reason-codes';
import { reasonCategories } from '../../lambdas/task-event';
import { sampleFailures } from '../../local/services/sample-failures';

test('every code that the SDK knows has its text, and these are 22', () => {
  expect(knownReasonCodes).toHaveLength(22);
  expect([...knownReasonCodes].sort()).toEqual(Object.values(ReasonCode).sort());
  expect(sampleFailures.map(({ reasonCode }) => reasonCode).sort()).toEqual([...knownReasonCodes].sort());
});

test('a code without a text or a category does not compile', () => {
  const { InternalError, ...others } = reasons;
  const { meaning } = InternalError;
  const withoutAction = { meaning };
  // @ts-expect-error InternalError is missing
  const incomplete: ReasonTexts = others;
  // @ts-expect-error InternalError has no action
  const halfATable: ReasonTexts = { ...others, InternalError: withoutAction };
  const { InternalError: _, ...fewer } = categoryOfCode;
  // @ts-expect-error InternalError is missing
  const uncategorised: typeof categoryOfCode = fewer;
  expect([incomplete, halfATable, uncategorised]).toHaveLength(3);
});

test.each(Object.entries(reasons))(
  '%s: one sentence, what to do, and nothing that a chat takes for markup',
  (_, reason) => {
    const { category, meaning, action } = reason;
    expect(reasonCategories).toContain(category);
    expect(meaning).toMatch(/^[A-Z][^.]{20,110}\.$/);
    expect(action).toMatch(/^[A-Z].{40,300}\.$/);
    expect(meaning + action).not.toMatch(/[*_~`<>&|@[\]#\n]/);
  },
);

test('no two codes have the same text', () => {
  const texts = Object.values(reasons).flatMap(({ meaning, action }) => [meaning, action]);
  expect(new Set(texts).size).toBe(44);
});

test.each(['SomethingNew', 'constructor', '__proto__', ''])('%j is unknown, and said to be', code => {
  expect(reasonCategory(code)).toBe('unknown');
  expect(reasonText(code).meaning).toBe('This is a reason code that this release does not know.');
});

test('no code at all is told apart from an unknown one', () => {
  expect(reasonText(undefined).meaning).toBe('Partner Central gave no reason code.');
});
