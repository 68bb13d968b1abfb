/** Shared by the plots: SVG for light and dark pages, with text of 14 pixels or more. */

/** For light and dark pages. The plot has its own background, because its color scheme may differ from the page's. */
const colours = {
  page: ['#ffffff', '#0d1117'],
  ink: ['#1f2328', '#f0f6fc'],
  faint: ['#59636e', '#9198a1'],
  grid: ['#d8dee4', '#3d444d'],
  blue: ['#0a58ca', '#4493f8'],
  orange: ['#b3470e', '#f0883e'],
  purple: ['#6639ba', '#ab7df8'],
} as const;

/** Class of an element whose fill or stroke is `currentColor`. */
export type Colour = keyof typeof colours;

const classes = (scheme: 0 | 1) =>
  Object.entries(colours)
    .map(([name, values]) => `.${name} { color: ${values[scheme]} }`)
    .join(' ');

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** For screen readers. */
  readonly description: string;
}

export const document = ({ width, height, title, description }: Frame, content: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="14" role="img" aria-labelledby="title description">`,
    `<title id="title">${escapeXml(title)}</title>`,
    `<desc id="description">${escapeXml(description)}</desc>`,
    `<style>${classes(0)} @media (prefers-color-scheme: dark) { ${classes(1)} }</style>`,
    `<rect class="page" width="${width}" height="${height}" rx="8" fill="currentColor"/>`,
    text(24, 36, title, { size: 18, weight: 600 }),
    ...content,
    '</svg>',
    '',
  ].join('\n');

interface TextStyle {
  readonly anchor?: 'middle' | 'end';
  readonly colour?: Colour;
  readonly size?: number;
  readonly weight?: number;
}

export function text(x: number, y: number, words: string, { anchor, colour = 'ink', size, weight }: TextStyle): string {
  const attributes = [
    anchor && `text-anchor="${anchor}"`,
    size && `font-size="${size}"`,
    weight && `font-weight="${weight}"`,
  ].filter(Boolean);
  return `<text class="${colour}" x="${px(x)}" y="${px(y)}" fill="currentColor" ${attributes.join(' ')}>${escapeXml(words)}</text>`;
}

export const px = (length: number) => Math.round(length * 10) / 10;

export const escapeXml = (words: string) => words.replace(/[<>&]/g, character => `&#${character.charCodeAt(0)};`);
