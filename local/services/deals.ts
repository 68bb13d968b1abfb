/** Partner Central's engagements, opportunities and invitations. Each id exists, and determines the names in the answer. */
import type { TaskStore } from './task-store';

type Output = Record<string, unknown>;

const titles = ['Migration of the web shop', 'Data lake for the plants', 'Disaster recovery', 'SAP on AWS'];
const companies = ['AnyCompany Retail', 'Example Corp.', 'AnyCompany Energy', 'Example Foods & Sons'];

function namesOf(id: string) {
  const sum = [...id].reduce((total, character) => total + character.charCodeAt(0), 0);
  return { title: titles[sum % 4] as string, company: companies[Math.floor(sum / 4) % 4] as string };
}

const arn = (catalog: string, kind: string, id: string) =>
  `arn:aws:partnercentral:us-east-1::catalog/${catalog}/${kind}/${id}`;
const created = '2026-11-01T08:00:00.123456789Z';

export function engagement(id: string, catalog: string): Output {
  const { title, company } = namesOf(id);
  const Customer = { Industry: 'Retail', CompanyName: company, WebsiteUrl: 'https://example.com', CountryCode: 'US' };
  return {
    Id: id,
    Arn: arn(catalog, 'engagement', id),
    Title: title,
    Description: title,
    CreatedAt: created,
    CreatedBy: '111122223333',
    MemberCount: 2,
    ModifiedAt: null,
    ModifiedBy: null,
    Contexts: ['1', '2', '3'].map(Id => ({ Id, Type: 'CustomerProject', Payload: { CustomerProject: { Customer } } })),
  };
}

export function opportunity(id: string, catalog: string): Output {
  const { title, company } = namesOf(id);
  return {
    Id: id,
    Arn: arn(catalog, 'opportunity', id),
    Catalog: catalog,
    CreatedDate: created,
    LastModifiedDate: created,
    Customer: { Account: { CompanyName: company, Industry: 'Retail' }, Contacts: [] },
    Project: { Title: title },
    RelatedEntityIdentifiers: {},
  };
}

/** AWS's samples read it before they start a task, to see whether the invitation is pending. */
export function invitation(id: string, catalog: string, store: TaskStore): Output {
  const { title, company } = namesOf(id);
  const isAccepted = store
    .tasks()
    .some(({ status, engagementInvitationId }) => status === 'COMPLETE' && engagementInvitationId === id);
  return {
    Arn: arn(catalog, 'engagement-invitation', id),
    Id: id,
    Catalog: catalog,
    EngagementTitle: title,
    PayloadType: 'OpportunityInvitation',
    Payload: { OpportunityInvitation: { Customer: { CompanyName: company }, Project: { Title: title } } },
    Status: isAccepted ? 'ACCEPTED' : 'PENDING',
  };
}
