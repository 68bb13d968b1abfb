/** Whose month is priced. */
export interface Partner {
  readonly name: string;
  /** Ended tasks in the list. */
  readonly history: number;
  readonly running: number;
  readonly endingsADay: number;
  /** How many of these failed. */
  readonly failuresADay: number;
}

export const typicalPartner: Partner = {
  name: 'typical',
  history: 10_000,
  running: 20,
  endingsADay: 50,
  failuresADay: 5,
};

export const partners: readonly Partner[] = [
  { name: 'small', history: 200, running: 2, endingsADay: 2, failuresADay: 0.2 },
  typicalPartner,
  { name: 'large', history: 1_000_000, running: 1_500, endingsADay: 2_000, failuresADay: 100 },
];
