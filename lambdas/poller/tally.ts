/** In every summary. */
const always = {
  pages: 0,
  /** Listed tasks, whether anything followed from them or not. */
  tasks: 0,
  completed: 0,
  failed: 0,
  /** Events that EventBridge refused. */
  rejected: 0,
  /** Finished tasks that an audit found and the polls before it had missed. */
  drift: 0,
};

/** In a summary only when it happened. Each has a log line of its own. */
const anomalies = {
  reopened: 0,
  unknownStatus: 0,
  /** Summaries without a usable task id. */
  malformed: 0,
  /** StartTimes that could not be parsed. */
  unreadableStartTimes: 0,
  /** Tasks that are no longer listed. */
  missing: 0,
  damagedRows: 0,
  refusedLookUps: 0,
  refusedRows: 0,
  /** TaskStalled events published, and refused by EventBridge. */
  stalledEvents: 0,
  refusedStalledEvents: 0,
  outOfOrder: 0,
  repeatedTokens: 0,
  lostCursors: 0,
  stuckGaps: 0,
};

type Counts = typeof always & typeof anomalies;

/** What a summary has of the counts. */
export type Outcomes = Readonly<typeof always> & Readonly<Partial<typeof anomalies>>;

/** Adds to a count. Nothing can read one back, so no decision depends on what is only logged. */
export type Count = (name: keyof Counts, by?: number) => void;

/** The counts of one run. `count` is for the run, `outcomes` for its summary. */
export function openTally() {
  const counts = noCounts();
  const count: Count = (name, by = 1) => {
    counts[name] += by;
  };
  return {
    count,
    outcomes: (): Outcomes & { readonly published: number } => ({
      ...(Object.fromEntries(
        Object.entries(counts).filter(([name, value]) => value > 0 || name in always),
      ) as Outcomes),
      published: counts.completed + counts.failed + counts.stalledEvents,
    }),
  };
}

/** Every count, at zero. The dashboard and the saved queries are checked against its names. */
export const noCounts = (): Counts => ({ ...always, ...anomalies });
