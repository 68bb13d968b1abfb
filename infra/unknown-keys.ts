/** What to say of keys that are not ours: most are ours, misspelt. */
import { shown } from '../lambdas/poller/configuration-error';

/** One line for a key, with the key that was probably meant. */
export function unknownKeyProblem(key: string, value: unknown, known: readonly string[], place = ''): string {
  const meant = similarKey(key, known);
  const advice = meant === undefined ? 'docs/configuration.md has all keys' : `did you mean ${meant}?`;
  return `${place}${key}: unknown key, got ${shown(value)}; ${advice}`;
}

/** The most similar of these keys, if at most one character in four differs. */
export function similarKey(key: string, known: readonly string[]): string | undefined {
  const candidates = known
    .map(name => ({ name, edits: editsBetween(key.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.max(1, Math.floor(Math.max(key.length, name.length) / 4)));
  return candidates.sort((a, b) => a.edits - b.edits)[0]?.name;
}

/** Characters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editsBetween(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, at) => at)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= from.length; row++) {
    rows.push([row]);
    for (let column = 1; column <= to.length; column++) {
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      rows[row]?.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1),
          swapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(from.length, to.length);
}
