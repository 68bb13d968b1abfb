/** What identifies a source among those of a stack. */
export interface SourceKey {
  readonly catalog: string;
  readonly taskFamily: string;
  /** Tells accounts apart; undefined where the stack polls one. */
  readonly name?: string | undefined;
}

/** Id of a source: the partition of its rows. Changed filters and rates leave it alone, so the rows survive them. */
export const sourceId = ({ catalog, taskFamily, name }: SourceKey) =>
  [catalog, taskFamily, ...(name === undefined ? [] : [name])].join('#');

/** A source as people write it: Sandbox/OpportunityFromEngagement. In the table, and in a shell a comment, it has a #. */
export const formatSource = (id: string) => id.replaceAll('#', '/');
