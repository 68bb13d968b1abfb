/**
 * Makes text from the API safe to use in a message. It is cut to a length. Control characters are shown as escapes: SNS
 * refuses a message that contains some of them, and one task must not block the alert about the others.
 */

export interface Limit {
  readonly characters: number;
  readonly bytes: number;
}

const fieldLimit: Limit = { characters: 200, bytes: 200 }; // far above every real identifier

/** One line of at most 200 bytes, plus a note if it was cut. */
export const field = (text: string): string => oneLine(text, fieldLimit);

/** The rest of a text is only counted: a burst has thousands of texts of up to 250 KB. */
const maxProcessed = 2_000;

export function oneLine(text: string, limit: Limit): string {
  const beginning = text.slice(0, maxProcessed);
  const line = withoutControlCharacters(beginning.replace(/[\s\u0085]+/g, ' '));
  return cut(line, limit, { following: text.slice(maxProcessed) });
}

export const indent = '    ';
const lineCharacters = 78;

/**
 * Breaks a line at its spaces into lines of at most 78 characters. A longer word stays whole, because it may be an address.
 * @param indentOfRest of the lines after the first
 */
export function wrapped(line: string, indentOfRest = indent): string[] {
  if (line.length <= lineCharacters) return [line];
  const lines: string[] = [];
  let open = '';
  let gap = '';
  for (const part of line.split(/( +)/)) {
    if (part === '' || part.startsWith(' ')) gap = part || gap;
    else if (open === '' || open.length + gap.length + part.length <= lineCharacters) open += gap + part;
    else {
      lines.push(open);
      open = indentOfRest + part;
    }
  }
  return [...lines, open];
}

/** Normalizes line ends to \n. Tabs stay; other control characters become escapes. */
export const severalLines = (text: string): string =>
  withoutControlCharacters(text.replace(/\r\n?|[\v\f\u0085\u2028\u2029]/g, '\n'));

interface CutOptions {
  /** Text after `text` that is cut in any case. */
  readonly following?: string;
  /** Follows the number of missing characters. */
  readonly note?: string;
  readonly bytesOf?: (character: string) => number;
}

/** Cuts between whole characters and appends how many are missing. */
export function cut(text: string, limit: Limit, { following = '', note = '', bytesOf = byteLength }: CutOptions = {}) {
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

/** Line breaks and tabs stay. Lone surrogates, which are invalid, become escapes too. */
function withoutControlCharacters(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cs}]/gu, character => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

export const byteLength = (text: string): number => Buffer.byteLength(text);

/** `1 task`, `2,000 tasks`. */
export const count = (number: number, thing: string): string =>
  `${number.toLocaleString('en-US')} ${thing}${number === 1 ? '' : 's'}`;

/** A readable time, to the second. Returns text that is not a time as it is. */
export function utc(instant: string): string {
  const at = Date.parse(instant);
  return Number.isNaN(at) ? field(instant) : `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** For chats and subject lines: keeps letters, digits and some punctuation, so that nothing acts as markup. */
export const plainAscii = (text: string): string => text.replace(/[^A-Za-z0-9 .,:()-]/gu, '?');
