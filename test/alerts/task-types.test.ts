import { ReasonCode } from '@aws-sdk/client-partnercentral-selling';
import { purpose, reasonTextFor } from '../../lambdas/alerts/task-types';
import { taskFamilyNames } from '../../lambdas/poller/task-families';
import { reasonText } from '../../lambdas/reason-codes';

const codes = Object.values(ReasonCode);

test('each family has its purpose', () => {
  expect(taskFamilyNames.map(purpose)).toEqual([
    'to create an opportunity from an engagement',
    'to create an engagement from an opportunity',
    'to accept an invitation to an engagement',
  ]);
});

test.each(taskFamilyNames)('%s: each text is one sentence and an action, without markup', name => {
  for (const code of codes) {
    const { meaning, action } = reasonTextFor(name, code);
    expect(meaning).toMatch(/^[A-Z][^.]{20,110}\.$/);
    expect(action).toMatch(/^[A-Z].{40,300}\.$/);
    expect(meaning + action).not.toMatch(/[*_~`<>&|@[\]#\n]/);
  }
});

// AWS answers a used ClientToken with the old result, that of a failed task too.
test.each(taskFamilyNames)(
  '%s: whoever is told to start a task again is told to do so with a new ClientToken',
  name => {
    const actions = codes.map(code => reasonTextFor(name, code).action);
    const again = /\bstart(ing)? (the|a) task\b/gi;
    expect(actions.join().match(again)?.length).toBeGreaterThan(10);
    for (const sentence of actions.flatMap(action => action.split(/[.;:] /)).filter(text => text.match(again)))
      expect(sentence).toMatch(/\bstart(ing)? (the|a) task\b.* (with|and) a new ClientToken\b/i);
  },
);

test('no text about an existing opportunity says to check whether it exists', () => {
  for (const code of codes) {
    const { meaning, action } = reasonTextFor('EngagementFromOpportunity', code);
    expect(meaning + action).not.toMatch(/the opportunity (exists;|may exist|was created)|CreateOpportunity/);
  }
});

test.each(['SomethingNew', 'constructor', '__proto__', ''])('an unknown type or code: %j', text => {
  expect(purpose(text)).toMatch(/^of type /);
  for (const code of [...codes, text, undefined]) expect(reasonTextFor(text, code)).toEqual(reasonText(code));
  expect(reasonTextFor('EngagementFromOpportunity', text)).toEqual(reasonText(text));
  expect(reasonTextFor('EngagementFromOpportunity', undefined)).toEqual(reasonText(undefined));
});
