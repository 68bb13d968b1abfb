/** Anchors of a Markdown document's headings, like GitHub's. */

export interface Heading {
  readonly text: string;
  readonly level: number;
  readonly slug: string;
  /** Start of its section. */
  readonly at: number;
}

/** Lower case, only letters, digits, hyphens, underscores and spaces; a repeated one gets a number. */
export function headingAnchors(markdown: string): Heading[] {
  const seen = new Map<string, number>();
  // A comment in a code block is no heading, though it may start like one. Replaced by text of equal length.
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, code => code.replace(/[^\n]/g, ' '));
  return [...prose.matchAll(/^(#{1,6}) +(.+?) *$/gm)].map(({ 1: marks = '', 2: text = '', index: at }) => {
    const plain = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(plain) ?? 0;
    seen.set(plain, times + 1);
    return { text, level: marks.length, slug: times === 0 ? plain : `${plain}-${times}`, at };
  });
}
