import type { Settings } from './settings';
import { type FilterKey, familyOf } from './task-families';

export const filterKeys = [
  'opportunityIdentifiers',
  'engagementIdentifiers',
  'engagementInvitationIdentifiers',
  'contextIdentifiers',
  'taskIdentifiers',
] as const satisfies readonly (FilterKey | 'taskIdentifiers')[];

/** One line for each filter that the family doesn't have. The SDK would leave it out silently. */
export function filterProblems(settings: Pick<Settings, 'taskFamily' | (typeof filterKeys)[number]>): string[] {
  const { filters, operation } = familyOf(settings.taskFamily);
  const known = [...Object.keys(filters), 'taskIdentifiers'];
  return filterKeys
    .filter(key => settings[key] !== undefined && !known.includes(key))
    .map(
      key =>
        `${key} with taskFamily: got ${JSON.stringify(settings[key])} with ${settings.taskFamily}, allowed: what ${operation} filters by: ${known.join(', ')}`,
    );
}
