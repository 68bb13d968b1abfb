import fc from 'fast-check';
import { type Answer, countDeals, dealHeadline, dealIn, dealName, questionOf } from '../../lambdas/alerts/deals';
import { bare, failed, invited } from './events';

const accepting = { ...invited, taskType: 'EngagementByAcceptingInvitation' };

describe('what is looked up', () => {
  test.each([
    [failed, 'GetEngagement', 'Sandbox', 'eng-0123456789abcd'],
    [invited, 'GetOpportunity', 'AWS', 'O1234567'],
    [accepting, 'GetEngagementInvitation', 'AWS', 'engi-0123456789abc'],
  ])('is for the family to say', (task, operation, catalog, identifier) => {
    expect(questionOf(task)).toMatchObject({ operation, catalog, identifier });
  });

  test.each([
    bare,
    { ...failed, taskType: 'SomethingNew' },
    { ...failed, taskType: 'constructor' },
    { ...failed, engagementId: 'O1234567' },
    { ...failed, engagementId: 'eng-0123456789abcd"' },
    { ...failed, catalog: '' },
    { ...invited, opportunityId: undefined },
    { ...accepting, engagementInvitationId: undefined },
  ])('is nothing without an id that is one', task => expect(questionOf(task)).toBeUndefined());

  test('two tasks of one engagement have one question, two catalogs two', () => {
    const key = questionOf(failed)?.key;
    expect(questionOf({ ...failed, contextId: '2' })?.key).toBe(key);
    expect(questionOf({ ...failed, catalog: 'AWS' })?.key).not.toBe(key);
  });
});

const project = (CompanyName: string) => ({ CustomerProject: { Customer: { CompanyName } } });
const contexts = (...payloads: object[]) => payloads.map((Payload, at) => ({ Id: String(at + 1), Payload }));

test.each<[what: string, answer: unknown, contextId: string | undefined, deal: object]>([
  [
    'an engagement',
    { Title: 'Web shop', Contexts: contexts(project('A'), project('B')) },
    '2',
    { title: 'Web shop', customer: 'B' },
  ],
  ['of one customer', { Title: 'T', Contexts: contexts(project('A'), project('A')) }, '9', { customer: 'A' }],
  [
    "of two, and neither is the task's",
    { Title: 'T', Contexts: contexts(project('A'), project('B')) },
    '9',
    { customer: undefined },
  ],
  ['a lead', { Contexts: contexts({ Lead: { Customer: { CompanyName: 'A' } } }) }, undefined, { customer: 'A' }],
  [
    'a prospect',
    { Contexts: contexts({ ProspectingResult: { Aws: { Customer: { AccountName: 'A' } } } }) },
    '1',
    { customer: 'A' },
  ],
  [
    'an opportunity',
    { Project: { Title: 'T' }, Customer: { Account: { CompanyName: 'A' } } },
    '1',
    { title: 'T', customer: 'A' },
  ],
  [
    'an invitation to an opportunity',
    {
      EngagementTitle: 'E',
      Payload: { OpportunityInvitation: { Customer: { CompanyName: 'A' }, Project: { Title: 'T' } } },
    },
    undefined,
    { title: 'T', customer: 'A' },
  ],
  [
    'an invitation to a lead',
    { EngagementTitle: 'E', Payload: { LeadInvitation: { Customer: { CompanyName: 'A' } } } },
    undefined,
    { title: 'E', customer: 'A' },
  ],
  ['line breaks and controls', { Title: ' a\n\u0000b ' }, undefined, { title: 'a \\u0000b' }],
  ['a long title', { Title: 'x'.repeat(300) }, undefined, { title: `${'x'.repeat(120)}… (cut, 180 more characters)` }],
  ['nothing', {}, '1', { unnamed: 'the answer has neither a title nor a customer' }],
  ['empty text', { Title: ' ', Contexts: [] }, '1', { unnamed: expect.any(String) }],
  ['another shape', { Title: 7, Contexts: 'x', Customer: null, Project: [] }, '1', { unnamed: expect.any(String) }],
  [
    'contexts that are none',
    { Title: 'T', Contexts: [null, { Id: '1' }, { Id: '1', Payload: {} }] },
    '1',
    { title: 'T' },
  ],
])('the names of %s', (_, answer, contextId, deal) => {
  expect(dealIn(answer as Answer, { ...bare, contextId })).toMatchObject(deal);
});

test('no answer stops an alert, whatever its shape', () => {
  const members = ['Title', 'Contexts', 'Id', 'Payload', 'Customer', 'CompanyName', 'Project', 'Lead', 'Account'];
  const { tree } = fc.letrec(tie => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, '', 'x', 7, true),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...members), tie('tree')),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...members), tree), answer => {
      const deal = dealIn(answer as Answer, failed);
      expect('unnamed' in deal || (dealName(deal) ?? '').length > 0).toBe(true);
    }),
  );
});

test('a name is what is there', () => {
  expect(dealName({ customer: 'A', title: 'T' })).toBe('A, T');
  expect(dealName({ title: 'T' })).toBe('T');
  expect(dealName({ unnamed: 'x' })).toBeUndefined();
  expect(dealName(undefined)).toBeUndefined();
});

const of = (...names: string[]) => names.map(customer => ({ deal: { customer } }));

test('deals are counted, the largest first, and so are the reasons why others have no name', () => {
  const unnamed = { deal: { unnamed: 'no answer in time' } };
  expect(countDeals([...of('A', 'B', 'B'), unnamed, unnamed, {}])).toEqual({
    named: [
      ['B', 2],
      ['A', 1],
    ],
    unnamed: [['no answer in time', 2]],
  });
});

test.each<[names: string[], headline: string | undefined]>([
  [['AnyCompany'], 'AnyCompany'],
  [['A', 'B', 'B', 'C'], 'B and 2 more'],
  [["Example Foods & Sons' Möbel"], 'Example Foods and Sons Mobel'],
  [['Häuser/Gärten_1'], 'Hauser-Garten-1'],
  [['x'.repeat(50)], `${'x'.repeat(33)}...`],
  [['x'.repeat(50), 'A'], `${'x'.repeat(22)}... and 1 more`],
  [['株式会社'], undefined],
  [['<!channel>'], undefined],
  [[], undefined],
])('%j in a subject: %s', (names, headline) => expect(dealHeadline(of(...names), 36)).toBe(headline));
