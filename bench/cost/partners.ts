/** The partners whose monthly cost is measured. */
export interface Partner {
  readonly name: string;
  /** Ended tasks in the list. */
  readonly history: number;
  readonly running: number;
  readonly finishedPerDay: number;
  /** Failed tasks among the finished ones. */
  readonly failuresPerDay: number;
}

export const typicalPartner: Partner = {
  name: 'typical',
  history: 10_000,
  running: 20,
  finishedPerDay: 50,
  failuresPerDay: 5,
};

export const partners: readonly Partner[] = [
  { name: 'small', history: 200, running: 2, finishedPerDay: 2, failuresPerDay: 0.2 },
  typicalPartner,
  { name: 'large', history: 1_000_000, running: 1_500, finishedPerDay: 2_000, failuresPerDay: 100 },
];
