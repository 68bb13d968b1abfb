/** JSON that people write by hand. */

/**
 * Parses it.
 * @throws SyntaxError that says at which line and column
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as SyntaxError;
    throw new SyntaxError(`${message}${placeIn(text, message)}`, { cause: error });
  }
}

/** Node.js 20 only counts characters. It counts none where the text ends too early or is quoted in the message. */
function placeIn(text: string, message: string): string {
  const position = /at position (\d+)(?! \(line)/.exec(message)?.[1];
  if (position === undefined) return '';
  const lines = text.slice(0, Number(position)).split('\n');
  return ` (line ${lines.length} column ${(lines.at(-1) as string).length + 1})`;
}
