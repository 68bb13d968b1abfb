/** What the plots share: SVG by hand, on a white background of its own, with text of 14 pixels or more. */

const INK = '#1f2328';

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** For whoever can't see it. */
  readonly description: string;
}

export const document = ({ width, height, title, description }: Frame, content: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="14" role="img" aria-labelledby="title description">`,
    `<title id="title">${escapeXml(title)}</title>`,
    `<desc id="description">${escapeXml(description)}</desc>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
    text(24, 36, title, { size: 18, weight: 600 }),
    ...content,
    '</svg>',
    '',
  ].join('\n');

interface TextStyle {
  readonly anchor?: 'middle' | 'end';
  readonly colour?: string;
  readonly size?: number;
  readonly weight?: number;
}

export function text(x: number, y: number, words: string, { anchor, colour = INK, size, weight }: TextStyle): string {
  const attributes = [
    anchor && `text-anchor="${anchor}"`,
    size && `font-size="${size}"`,
    weight && `font-weight="${weight}"`,
  ].filter(Boolean);
  return `<text x="${px(x)}" y="${px(y)}" fill="${colour}" ${attributes.join(' ')}>${escapeXml(words)}</text>`;
}

export const px = (length: number) => Math.round(length * 10) / 10;

export const escapeXml = (words: string) => words.replace(/[<>&]/g, character => `&#${character.charCodeAt(0)};`);
