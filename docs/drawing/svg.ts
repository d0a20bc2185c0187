/**
 * The few SVG elements that the figures use. Colours are classes with a light and a dark value, on a background of the
 * figure's own, so that a figure is readable whatever page it stands on.
 */

/** The width of every figure in pixels; heights differ. */
export const WIDTH = 800;

/** Class, property, value on light and on dark pages. */
const COLOURS = [
  ['paper', 'fill', '#ffffff', '#0d1117'],
  ['ink', 'fill', '#1f2328', '#f0f6fc'],
  ['muted', 'fill', '#59636e', '#9198a1'],
  ['line', 'stroke', '#8c959f', '#656c76'],
  ['box', 'fill', '#f6f8fa', '#151b23'],
  ['edge', 'stroke', '#8c959f', '#656c76'],
  ['map', 'fill', '#54aeff', '#388bfd'],
  ['top', 'fill', '#b6e3ff', '#79c0ff'],
  ['side', 'fill', '#218bff', '#1158c7'],
  ['parameters', 'fill', '#8250df', '#ab7df8'],
  ['work', 'fill', '#d4670f', '#f0883e'],
] as const;

export type ColourClass = (typeof COLOURS)[number][0];

const rules = (column: 2 | 3): string =>
  COLOURS.map((colour) => `.${colour[0]}{${colour[1]}:${colour[column]}}`).join('');

const STYLE = `${rules(2)}@media(prefers-color-scheme:dark){${rules(3)}}
.line{fill:none}text{font:11px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}.bold{font-weight:600}`;

/** Pixels to a tenth. */
const px = (value: number): string => String(Math.round(value * 10) / 10);

const escapeXml = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A whole document. `title` is also what a screen reader says. */
export function svg(height: number, title: string, body: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${Math.ceil(height)}" width="${WIDTH}" height="${Math.ceil(height)}" role="img">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
<rect class="paper" width="100%" height="100%" rx="6"/>
${body.join('\n')}
</svg>
`;
}

export function text(
  x: number,
  y: number,
  content: string,
  {
    at = 'middle',
    colour = 'ink' as ColourClass,
    bold = false,
  }: { at?: 'start' | 'middle' | 'end'; colour?: ColourClass; bold?: boolean } = {},
): string {
  return `<text class="${colour}${bold ? ' bold' : ''}" x="${px(x)}" y="${px(y)}" text-anchor="${at}">${escapeXml(content)}</text>`;
}

export function rect(
  x: number,
  y: number,
  width: number,
  height: number,
  colour: string,
  radius = 0,
): string {
  const round = radius > 0 ? ` rx="${radius}"` : '';
  return `<rect class="${colour}" x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}"${round}/>`;
}

/** A line through points; with an arrowhead at its end if asked. */
export function line(points: readonly (readonly [number, number])[], arrow = false): string {
  const through = points.map(([x, y]) => `${px(x)} ${px(y)}`).join('L');
  const [[x0, y0], [x, y]] = points.slice(-2) as [readonly [number, number], readonly [number, number]];
  const [dx, dy] = [Math.sign(x - x0), Math.sign(y - y0)];
  const head = (side: number): string =>
    `${px(x - 4 * dx - 3 * dy * side)} ${px(y - 4 * dy - 3 * dx * side)}`;
  return `<path class="line" d="M${through}${arrow ? `M${head(1)}L${px(x)} ${px(y)}L${head(-1)}` : ''}"/>`;
}

export const polygon = (points: readonly (readonly [number, number])[], colour: ColourClass): string =>
  `<path class="${colour}" d="M${points.map(([x, y]) => `${px(x)} ${px(y)}`).join('L')}Z"/>`;

/** A cuboid seen from the left and above; (x, y) is the lower left corner of its front, which is `width` × `height`. */
export function cuboid(x: number, y: number, width: number, height: number, depth: number): string[] {
  const up = depth * 0.6;
  return [
    polygon(
      [
        [x, y - height],
        [x + depth, y - height - up],
        [x + width + depth, y - height - up],
        [x + width, y - height],
      ],
      'top',
    ),
    polygon(
      [
        [x + width, y],
        [x + width, y - height],
        [x + width + depth, y - height - up],
        [x + width + depth, y - up],
      ],
      'side',
    ),
    rect(x, y - height, width, height, 'map'),
  ];
}

export const circle = (x: number, y: number, radius: number): string =>
  `<circle class="box edge" cx="${px(x)}" cy="${px(y)}" r="${radius}"/>`;
