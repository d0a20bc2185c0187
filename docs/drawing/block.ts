/**
 * The figure of residual blocks, from top to bottom: bars are maps, as wide as the root of their channels; boxes are
 * what a layer does, with its parameters and multiply-adds. A shortcut goes down on the left, the gate of
 * squeeze-and-excitation on the right.
 */
import { circle, line, rect, svg, text } from './svg.ts';
import { count, type ModelTrace, shapeText, type Unit } from './trace.ts';

const BOX = { width: 150, height: 36 };
const BAR = 8;
const ARROW = 14;
const TOP = 62;

export interface BlockSpec {
  title: string;
  trace: ModelTrace;
  /** Path of the block in the model. */
  path: string;
  /** Where its main line is, in pixels. */
  x: number;
}

/** The blocks side by side. */
export function blockFigure(title: string, blocks: readonly BlockSpec[]): string {
  const drawn = blocks.map(drawBlock);
  const bottom = Math.max(...drawn.map(({ y }) => y)) + 36;
  return svg(bottom + 16, title, [
    text(16, 22, title, { at: 'start', bold: true }),
    ...drawn.flatMap(({ body }) => body),
    text(16, bottom, 'beside a box:', { at: 'start', colour: 'muted' }),
    text(104, bottom, 'parameters', { at: 'start', colour: 'parameters' }),
    text(184, bottom, 'multiply-adds', { at: 'start', colour: 'work' }),
  ]);
}

function drawBlock({ title, trace, path, x }: BlockSpec): Flow {
  const all = trace.stages.flatMap(({ units }) => units);
  const units = all.filter((unit) => unit.path.startsWith(`${path}.`));
  const shortcut = units.find((unit) => unit.path.includes('.downsample.'));
  const gate = units.filter((unit) => unit.words.includes('average') || unit.words.includes('scale'));
  const main = units.filter((unit) => unit !== shortcut && !gate.includes(unit));
  const flow = new Flow(x);
  flow.body.push(text(x, TOP - 20, title, { bold: true }));
  flow.map(all[all.indexOf(units[0]) - 1].output);
  const start = flow.y;
  for (const [index, unit] of main.entries()) {
    const [kind, ...rest] = unit.words;
    // What is added comes behind the norm and before the activation.
    const activation = unit.adds ? rest.filter((word) => word !== 'batch norm') : [];
    flow.box(kind, rest.filter((word) => !activation.includes(word)).join(', '), unit);
    if (unit.adds) flow.join(start, shortcut, activation.join());
    flow.map(unit.output);
    if (gate.length > 0 && index === main.length - 2) flow.gate(gate, unit.output);
  }
  return flow;
}

/** A line of maps and boxes that grows downwards. */
class Flow {
  readonly body: string[] = [];
  y = TOP;

  constructor(readonly x: number) {}

  /** A feature map with its shape. */
  map(shape: readonly number[]): void {
    if (this.y > TOP) this.arrow();
    const width = 5 * Math.sqrt(shape.at(-1)!);
    this.body.push(rect(this.x - width / 2, this.y, width, BAR, 'map'));
    this.body.push(text(this.x + BOX.width / 2 + 8, this.y + BAR, shapeText(shape), { at: 'start' }));
    this.y += BAR;
  }

  /** What a layer does, and what it costs. */
  box(kind: string, rest: string, costs?: Unit): void {
    this.arrow();
    this.body.push(...this.boxAt(this.x, this.y, kind, rest, costs));
    this.y += BOX.height;
  }

  /** The shortcut from `start`, added to the line; it may have a layer of its own. */
  join(start: number, shortcut: Unit | undefined, activation: string): void {
    const { x } = this;
    this.arrow();
    const left = x - (shortcut ? 205 : 105);
    const y = this.y + 8;
    const turn = start + ARROW / 2;
    if (shortcut) {
      const top = (turn + y - BOX.height) / 2;
      this.body.push(
        line(
          [
            [x, turn],
            [left, turn],
            [left, top],
          ],
          true,
        ),
      );
      this.body.push(
        ...this.boxAt(left, top, shortcut.words[0], shortcut.words.slice(1).join(', '), shortcut),
      );
      this.body.push(
        line(
          [
            [left, top + BOX.height],
            [left, y],
            [x - 8, y],
          ],
          true,
        ),
      );
    } else
      this.body.push(
        line(
          [
            [x, turn],
            [left, turn],
            [left, y],
            [x - 8, y],
          ],
          true,
        ),
      );
    this.body.push(circle(x, y, 8), text(x, y + 4, '+', { bold: true }));
    if (activation) this.body.push(text(x + 16, y + 4, activation, { at: 'start' }));
    this.y = y + 8;
  }

  /** Squeeze-and-excitation: the map's averages go through two layers, whose answer scales the map. */
  gate(units: readonly Unit[], shape: readonly number[]): void {
    const { x } = this;
    const side = new Flow(x + 250);
    side.y = this.y + ARROW / 2;
    side.body.push(
      line([
        [x, side.y],
        [side.x, side.y],
      ]),
    );
    for (const unit of units) {
      const own = unit.words.findIndex((word) => word.startsWith('conv'));
      for (const word of unit.words.slice(0, own)) side.box(word, 'of each channel');
      const rest = unit.words.slice(own + 1).filter((word) => word !== 'scale');
      side.box(unit.words[own], rest.join(', '), unit);
    }
    const y = side.y + ARROW + 8;
    side.body.push(
      line(
        [
          [side.x, side.y],
          [side.x, y],
          [x + 8, y],
        ],
        true,
      ),
    );
    this.body.push(
      ...side.body,
      line(
        [
          [x, this.y],
          [x, y - 8],
        ],
        true,
      ),
      circle(x, y, 8),
      text(x, y + 4, '×', { bold: true }),
    );
    this.y = y + 8;
    this.map(shape);
  }

  private arrow(): void {
    this.body.push(
      line(
        [
          [this.x, this.y],
          [this.x, this.y + ARROW],
        ],
        true,
      ),
    );
    this.y += ARROW;
  }

  private boxAt(x: number, y: number, kind: string, rest: string, costs?: Unit): string[] {
    const right = x + BOX.width / 2 + 8;
    return [
      rect(x - BOX.width / 2, y, BOX.width, BOX.height, 'box edge', 4),
      text(x, y + 15, kind),
      text(x, y + 29, rest, { colour: 'muted' }),
      ...(costs
        ? [
            text(right, y + 15, count(costs.parameters), { at: 'start', colour: 'parameters' }),
            text(right, y + 29, count(costs.multiplyAdds), { at: 'start', colour: 'work' }),
          ]
        : []),
    ];
  }
}
