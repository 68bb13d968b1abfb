/** What the tasks of a table have, so that a filter that is misspelt is told from one that nothing matches. */
import type { TaskRow } from '../../../lambdas/poller/core/task-row';
import { knownReasonCodes } from '../../../lambdas/reason-codes';
import { reasonCategories } from '../../../lambdas/task-event';

interface Filters {
  readonly status?: readonly string[];
  readonly reason?: readonly string[];
  readonly engagement?: string;
  readonly opportunity?: string;
}

/** The id in an ARN, or as it is given. */
export const idIn = (given: string) => given.slice(given.lastIndexOf('/') + 1).trim();

export function openSeen() {
  const statuses = new Set(['COMPLETE', 'FAILED', 'IN_PROGRESS']);
  // An open list: a code that this release does not know is known once a task has it.
  const reasons = new Set<string>(knownReasonCodes);
  const ids = new Set<string | undefined>();
  const lower = (words: Iterable<string>) => [...words].map(word => word.toLowerCase());
  return {
    add({ status, reasonCode, engagementId, opportunityId }: TaskRow) {
      statuses.add(status);
      if (reasonCode !== undefined) reasons.add(reasonCode);
      ids.add(engagementId).add(opportunityId);
    },

    /** One line for each word of a filter that no task can match. */
    unknownIn({ status = [], reason = [], engagement, opportunity }: Filters): string[] {
      const strange = (given: readonly string[], known: Iterable<string>) =>
        given.filter(word => !lower(known).includes(word));
      return [
        ...strange(status, statuses).map(
          word => `There is no status ${word.toUpperCase()}; there are ${[...statuses].sort().join(', ')}.`,
        ),
        ...strange(reason, [...reasons, ...reasonCategories]).map(
          word =>
            `There is no reason ${word}; there are the categories ${reasonCategories.join(', ')}, and the reason codes of docs/alerts.md.`,
        ),
        ...[['engagement', engagement] as const, ['opportunity', opportunity] as const].flatMap(([what, id]) =>
          id === undefined || ids.has(id) ? [] : [`The poller knows no task of the ${what} ${id}.`],
        ),
      ];
    },
  };
}
