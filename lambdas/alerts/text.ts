/**
 * Makes untrusted text safe to include. Text from the API is cut to a length, and control characters are replaced by
 * visible ones: SNS refuses a text with some of them, and one task must not hold back the alert about the others.
 */

export interface Limit {
  readonly characters: number;
  readonly bytes: number;
}

const fieldLimit: Limit = { characters: 200, bytes: 200 }; // far above every real identifier

/** One line of at most 200 bytes and a note. */
export const field = (text: string): string => oneLine(text, fieldLimit);

/** The rest is counted, not scanned: a burst has thousands of texts of up to 250 KB. */
const mostLookedAt = 2_000;

export function oneLine(text: string, limit: Limit): string {
  const beginning = text.slice(0, mostLookedAt);
  const line = withoutControlCharacters(beginning.replace(/[\s\u0085]+/g, ' '));
  return cut(line, limit, { following: text.slice(mostLookedAt) });
}

/** Lines end with \n and nothing else; tabs stay, other control characters are shown. */
export const severalLines = (text: string): string =>
  withoutControlCharacters(text.replace(/\r\n?|[\v\f\u0085\u2028\u2029]/g, '\n'));

interface Cutting {
  /** Text that is missing in any case. */
  readonly following?: string;
  /** What the reader should know beside the number of missing characters. */
  readonly note?: string;
  readonly bytesOf?: (character: string) => number;
}

/** Cuts after whole characters and says how many are missing. */
export function cut(text: string, limit: Limit, { following = '', note = '', bytesOf = byteLength }: Cutting = {}) {
  const end = endWithin(text, limit, bytesOf);
  const missing = charactersIn(text.slice(end)) + charactersIn(following);
  return missing === 0 ? text : `${text.slice(0, end)}… (cut, ${count(missing, 'more character')}${note})`;
}

function endWithin(text: string, limit: Limit, bytesOf: (character: string) => number): number {
  let [characters, bytes, end] = [0, 0, 0];
  for (const character of text) {
    characters += 1;
    bytes += bytesOf(character);
    if (characters > limit.characters || bytes > limit.bytes) break;
    end += character.length;
  }
  return end;
}

function charactersIn(text: string): number {
  let characters = 0;
  for (const _ of text) characters += 1;
  return characters;
}

/** Line breaks and tabs stay; half a surrogate pair, which is no text at all, is shown in the same way. */
function withoutControlCharacters(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cs}]/gu, character => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

export const byteLength = (text: string): number => Buffer.byteLength(text);

/** `1 task`, `2,000 tasks`. */
export const count = (number: number, thing: string): string =>
  `${number.toLocaleString('en-US')} ${thing}${number === 1 ? '' : 's'}`;

/** A moment for people, to the second; as it came when it is none. */
export function utc(instant: string): string {
  const at = Date.parse(instant);
  return Number.isNaN(at) ? field(instant) : `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Who reads a chat or a subject line sees letters, digits and a little punctuation, and nothing that acts. */
export const harmless = (text: string): string => text.replace(/[^A-Za-z0-9 .,:()-]/gu, '?');
