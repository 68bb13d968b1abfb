import type { Answer, Question } from '../../lambdas/alerts/deals';
import type { FailedTask } from '../../lambdas/alerts/failed-task';
import { type AskPartnerCentral, lookUpLimits, withDeals } from '../../lambdas/alerts/look-up';
import { bare, failed, invited } from './events';

const role = 'arn:aws:iam::111122223333:role/reads-deals';
const sources = {
  'Sandbox#OpportunityFromEngagement': '',
  'AWS#EngagementFromOpportunity': role,
  'Sandbox#OpportunityFromEngagement#acme': `${role} partner-17`,
};
const never = new AbortController().signal;
const titled = async ({ identifier }: Question): Promise<Answer> => ({ Title: `About ${identifier}` });

/** Looks up with an API that is asked for nothing but what it records. */
async function lookUp(tasks: readonly FailedTask[], ask: AskPartnerCentral = titled, signal = never) {
  const asked: [string, string][] = [];
  const described = await withDeals(
    tasks,
    sources,
    (question, roleArn, given) => {
      asked.push([question.identifier, roleArn]);
      return ask(question, roleArn, given);
    },
    signal,
  );
  return { asked, deals: described.map(({ deal }) => deal), described };
}
const failing =
  (name: string): AskPartnerCentral =>
  async () => {
    throw Object.assign(new Error('Octank may not'), { name });
  };
const engagement = (number: number) => `eng-${String(number).padStart(14, '0')}`;

test('each deal is asked for once, by the role of its source, and nothing else of a task changes', async () => {
  const again = { ...failed, taskId: 'task-0000000000009' };
  const { asked, deals, described } = await lookUp([failed, invited, again]);
  expect(asked.sort()).toEqual([
    ['O1234567', role],
    ['eng-0123456789abcd', ''],
  ]);
  expect(deals.map(deal => deal && 'title' in deal && deal.title)).toEqual([
    'About eng-0123456789abcd',
    'About O1234567',
    'About eng-0123456789abcd',
  ]);
  expect(described).toEqual([failed, invited, again].map((task, at) => ({ ...task, deal: deals[at] })));
});

test('two accounts may know different deals by one id', async () => {
  const { asked } = await lookUp([failed, { ...failed, sourceName: 'acme' }]);
  expect(asked.map(([, by]) => by)).toEqual(['', `${role} partner-17`]);
});

test('what has no id, and a source that is gone, is not asked for', async () => {
  const { asked, deals } = await lookUp([bare, { ...failed, catalog: 'AWS' }]);
  expect(asked).toEqual([]);
  expect(deals).toEqual([
    { unnamed: 'the event has no id to look up' },
    { unnamed: 'its source is no longer in the stack' },
  ]);
});

test.each([
  ['AccessDeniedException', 'AccessDeniedException'],
  ['ResourceNotFoundException', 'ResourceNotFoundException'],
  ['TimeoutError', 'no answer in time'],
  ['<b>', '?b?'],
  ['', 'Error'],
])('%j: the deal has no name and says why, without the message of the error', async (name, unnamed) => {
  expect((await lookUp([failed], failing(name))).deals).toEqual([{ unnamed }]);
});

test('what is not even an error does no harm, nor what throws at once', async () => {
  const rejects: AskPartnerCentral = () => Promise.reject(undefined);
  const throws: AskPartnerCentral = () => {
    throw new TypeError('x');
  };
  expect((await lookUp([failed], rejects)).deals).toEqual([{ unnamed: 'Error' }]);
  expect((await lookUp([failed], throws)).deals).toEqual([{ unnamed: 'TypeError' }]);
});

test('one that fails takes no other with it', async () => {
  const ask: AskPartnerCentral = (question, ...rest) =>
    question.operation === 'GetOpportunity' ? failing('ThrottlingException')(question, ...rest) : titled(question);
  expect((await lookUp([invited, failed], ask)).deals).toEqual([
    { unnamed: 'ThrottlingException' },
    { title: 'About eng-0123456789abcd', customer: undefined },
  ]);
});

test('when the time is over, what has been answered has its name, and the others say so', async () => {
  const time = new AbortController();
  const tasks = Array.from({ length: 10 }, (_, at) => ({ ...failed, engagementId: engagement(at) }));
  let calls = 0;
  const ask: AskPartnerCentral = question => {
    calls += 1;
    if (calls === 5) setImmediate(() => time.abort(new DOMException('', 'TimeoutError')));
    return calls > 4 ? new Promise(() => {}) : titled(question);
  };
  const { deals } = await lookUp(tasks, ask, time.signal);
  expect(deals.filter(deal => deal && 'title' in deal)).toHaveLength(4);
  expect(deals.filter(deal => deal && 'unnamed' in deal && deal.unnamed === 'no answer in time')).toHaveLength(6);
  expect(calls).toBe(4 + lookUpLimits.atOnce);
});

test('of a burst, so many are asked for, a few at once, and the first tasks of each reason before all others', async () => {
  const burst = Array.from({ length: 100 }, (_, at) => ({
    ...failed,
    engagementId: engagement(at),
    reasonCode: at < 90 ? 'EngagementAccessDenied' : `Rare${at}`,
  }));
  let [atOnce, most] = [0, 0];
  const { asked, deals } = await lookUp(burst, async question => {
    atOnce += 1;
    most = Math.max(most, atOnce);
    await new Promise(setImmediate);
    atOnce -= 1;
    return titled(question);
  });
  expect(asked).toHaveLength(lookUpLimits.questions);
  expect(most).toBe(lookUpLimits.atOnce);
  const named = deals.flatMap((deal, at) => (deal && 'title' in deal ? at : []));
  expect(named).toEqual(expect.arrayContaining([0, 1, 2, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99]));
  expect(deals[50]).toEqual({ unnamed: 'one batch looks up 20' });
});
