/**
 * Values as text, laid out as PyTorch prints them: four digits, whole numbers with a bare dot, a common exponent format
 * where the sizes differ by more than 1,000, and the three first and last items of each axis of a large tensor.
 *
 *   tensor([[1.0000, 0.5000],
 *           [0.2500, 0.1250]])
 *
 * The rules are those of torch/_tensor_str.py.
 */
import { type Shape, sizeOf } from './shape.ts';

/** More values than these are summarised. */
const THRESHOLD = 1000;
/** Items shown at either end of an axis that is summarised. */
const EDGE = 3;
const LINE_WIDTH = 80;
const DIGITS = 4;

/** Writes one value; all have the same width. */
type Format = (value: number) => string;

/** `values` (row-major) of a tensor of this shape. `suffixes` stand behind them, as PyTorch's `dtype=…`. */
export function formatTensor(
  values: ArrayLike<number>,
  shape: Shape,
  { integers = false, suffixes = [] }: { integers?: boolean; suffixes?: readonly string[] } = {},
): string {
  const start = 'tensor(';
  const summarise = sizeOf(shape) > THRESHOLD;
  const format = formatOf(shown(values, shape, summarise), integers);
  let text = start + block(values, shape, { offset: 0, indent: start.length, summarise, format });
  for (const suffix of suffixes) {
    const line = text.length - text.lastIndexOf('\n') - 1;
    const fits = line + suffix.length + 3 <= LINE_WIDTH;
    text += fits ? `, ${suffix}` : `,\n${' '.repeat(start.length)}${suffix}`;
  }
  return `${text})`;
}

/** The indices of an axis that are shown; null stands for those between. */
function edges(size: number, summarise: boolean): (number | null)[] {
  if (!summarise || size <= 2 * EDGE) return Array.from({ length: size }, (_, index) => index);
  const first = Array.from({ length: EDGE }, (_, index) => index);
  return [...first, null, ...first.map((index) => size - EDGE + index)];
}

/** The values that will be shown: they decide the format. */
function shown(values: ArrayLike<number>, shape: Shape, summarise: boolean, offset = 0): number[] {
  if (shape.length === 0) return [values[offset]!];
  const [size, ...rest] = shape as [number, ...number[]];
  return edges(size, summarise).flatMap((index) =>
    index === null ? [] : shown(values, rest, summarise, offset + index * sizeOf(rest)),
  );
}

/** Python's exponents have two digits at least. */
function scientific(value: number): string {
  return value.toExponential(DIGITS).replace(/e([+-])(\d)$/, 'e$10$2');
}

function formatOf(values: readonly number[], integers: boolean): Format {
  const finite = values.filter((value) => Number.isFinite(value) && value !== 0);
  const sizes = finite.map(Math.abs);
  const least = sizes.reduce((low, size) => Math.min(low, size), Number.POSITIVE_INFINITY);
  const most = sizes.reduce((high, size) => Math.max(high, size), 0);
  const whole = finite.every(Number.isInteger);
  const exponents = finite.length > 0 && (most / least > 1000 || most > 1e8 || (!whole && least < 1e-4));
  const write = (value: number): string => {
    if (integers) return `${value}`;
    if (!Number.isFinite(value)) return `${value}`.replace('NaN', 'nan').replace('Infinity', 'inf');
    if (exponents) return scientific(value);
    return whole ? `${value.toFixed(0)}.` : value.toFixed(DIGITS);
  };
  const measured = integers ? values : finite;
  const width = measured.reduce((longest, value) => Math.max(longest, write(value).length), 1);
  return (value) => write(value).padStart(width);
}

interface Block {
  /** Where its values begin. */
  readonly offset: number;
  /** Columns before its bracket. */
  readonly indent: number;
  readonly summarise: boolean;
  readonly format: Format;
}

/** The values of an axis and those below it, in brackets. */
function block(values: ArrayLike<number>, shape: Shape, at: Block): string {
  const { offset, indent, summarise, format } = at;
  if (shape.length === 0) return format(values[offset]!);
  const [size, ...rest] = shape as [number, ...number[]];
  if (rest.length === 0) return row(values, size, at);
  const items = edges(size, summarise).map((index) =>
    index === null
      ? '...'
      : block(values, rest, { ...at, offset: offset + index * sizeOf(rest), indent: indent + 1 }),
  );
  return `[${items.join(`,${'\n'.repeat(rest.length)}${' '.repeat(indent + 1)}`)}]`;
}

/** The last axis, broken into lines. */
function row(values: ArrayLike<number>, size: number, { offset, indent, summarise, format }: Block): string {
  const items = edges(size, summarise).map((index) =>
    index === null ? ' ...' : format(values[offset + index]!),
  );
  const width = format(0).length + 2;
  const perLine = Math.max(1, Math.floor((LINE_WIDTH - indent) / width));
  const lines: string[] = [];
  for (let first = 0; first < items.length; first += perLine)
    lines.push(items.slice(first, first + perLine).join(', '));
  return `[${lines.join(`,\n${' '.repeat(indent + 1)}`)}]`;
}
