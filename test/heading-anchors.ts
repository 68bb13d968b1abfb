/** Anchors of a Markdown document's headings, as GitHub makes them. */

export interface Heading {
  readonly text: string;
  readonly level: number;
  readonly slug: string;
  /** Where its section begins. */
  readonly at: number;
}

/** Lower case, without what is neither letter, digit, hyphen, underscore nor space; a repeated one gets a number. */
export function headingAnchors(markdown: string): Heading[] {
  const seen = new Map<string, number>();
  // What stands in a code block is no heading, though a comment there begins like one; its length is kept.
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
