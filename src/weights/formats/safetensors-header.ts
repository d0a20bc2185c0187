/**
 * The JSON header of a safetensors file, by a parser that knows only its grammar:
 *
 *   header   = "{" (name ":" (tensor | metadata)) , … "}"
 *   tensor   = { "dtype": string, "shape": [integer, …], "data_offsets": [integer, integer] }
 *   metadata = { string: string, … }               under the name "__metadata__"
 *
 * `JSON.parse` would accept any depth, swallow duplicate names (of which two readers may pick different ones) and
 * turn a file of brackets into fifty times its size in objects. Strings still go through it.
 */

import { shorten, WeightsError } from './error.ts';
import { MOST_TENSORS } from './state.ts';

/** One tensor as the header describes it; offsets count from the end of the header. */
export interface HeaderTensor {
  dtype: string;
  shape: number[];
  offsets: [begin: number, end: number];
}

export interface Header {
  entries: Map<string, HeaderTensor>;
  metadata: Record<string, string>;
}

function parseString(token: string): string | undefined {
  try {
    const value: string = JSON.parse(token);
    return value;
  } catch {
    return undefined;
  }
}

/** JSON's white space: space, tab, line feed, carriage return. */
const SPACES = [0x20, 0x09, 0x0a, 0x0d];
/** PyTorch's own limit on dimensions. */
const MAX_DIMENSIONS = 64;

/** A cursor over the header's text with the few tokens that the grammar needs. */
class Scanner {
  private readonly text: string;
  private position = 0;

  constructor(text: string) {
    this.text = text;
  }

  fail(expected: string): never {
    const found = this.position < this.text.length ? JSON.stringify(this.text[this.position]) : 'its end';
    throw new WeightsError(
      'header',
      `has a damaged header: expected ${expected} at character ${this.position}, found ${found}.`,
    );
  }

  skipSpace(): void {
    while (SPACES.includes(this.text.charCodeAt(this.position))) this.position++;
  }

  /** Takes `token` if it comes next. */
  accept(token: string): boolean {
    this.skipSpace();
    if (this.text[this.position] !== token) return false;
    this.position++;
    return true;
  }

  expect(token: string): void {
    if (!this.accept(token)) this.fail(JSON.stringify(token));
  }

  string(): string {
    this.skipSpace();
    if (this.text[this.position] !== '"') this.fail('a string');
    let end = this.position + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === '\\' ? 2 : 1;
    const value = parseString(this.text.slice(this.position, end + 1));
    if (value === undefined) return this.fail('a well-formed string');
    this.position = end + 1;
    return value;
  }

  /** A non-negative safe integer, as JSON writes it. */
  integer(): number {
    this.skipSpace();
    const digits = /(?:0|[1-9][0-9]{0,15})(?![0-9.eE])/y;
    digits.lastIndex = this.position;
    const match = digits.exec(this.text);
    const value = Number(match?.[0]);
    if (!match || !Number.isSafeInteger(value)) return this.fail('a whole number below 2⁵³');
    this.position += match[0].length;
    return value;
  }

  /** `open item, item, … close`, empty allowed. */
  list(open: string, close: string, item: () => void): void {
    this.expect(open);
    if (this.accept(close)) return;
    do item();
    while (this.accept(','));
    this.expect(close);
  }

  end(): void {
    this.skipSpace();
    if (this.position < this.text.length) this.fail('the end of the header');
  }
}

function integers(scanner: Scanner): number[] {
  const values: number[] = [];
  scanner.list('[', ']', () => {
    if (values.length === MAX_DIMENSIONS) scanner.fail(`at most ${MAX_DIMENSIONS} numbers`);
    values.push(scanner.integer());
  });
  return values;
}

function duplicate(name: string): never {
  throw new WeightsError('header', `has a damaged header: the name ${shorten(name)} appears twice.`);
}

function tensorEntry(scanner: Scanner, name: string): HeaderTensor {
  const entry: Partial<HeaderTensor> = {};
  scanner.list('{', '}', () => {
    const key = scanner.string();
    scanner.expect(':');
    if (key === 'dtype' && entry.dtype === undefined) entry.dtype = scanner.string();
    else if (key === 'shape' && !entry.shape) entry.shape = integers(scanner);
    else if (key === 'data_offsets' && !entry.offsets) {
      const offsets = integers(scanner);
      if (offsets.length !== 2) scanner.fail('two data_offsets');
      entry.offsets = [offsets[0], offsets[1]];
    } else
      scanner.fail(`one each of dtype, shape and data_offsets (not ${shorten(key)}) for ${shorten(name)}`);
  });
  const { dtype, shape, offsets } = entry;
  if (dtype === undefined || !shape || !offsets) {
    return scanner.fail(`dtype, shape and data_offsets for ${shorten(name)}`);
  }
  return { dtype, shape, offsets };
}

function metadataEntry(scanner: Scanner): Record<string, string> {
  const metadata = new Map<string, string>();
  scanner.list('{', '}', () => {
    const key = scanner.string();
    if (metadata.has(key)) duplicate(key);
    scanner.expect(':');
    metadata.set(key, scanner.string());
  });
  return Object.fromEntries(metadata);
}

/** Parses the header's bytes. @throws WeightsError naming the character at which it departs from the grammar. */
export function parseHeader(bytes: Uint8Array): Header {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new WeightsError('header', 'has a damaged header: it is not valid UTF-8.');
  }
  const scanner = new Scanner(text);
  const entries = new Map<string, HeaderTensor>();
  let metadata: Record<string, string> | undefined;
  scanner.list('{', '}', () => {
    const name = scanner.string();
    scanner.expect(':');
    if (name === '__metadata__') {
      if (metadata) duplicate(name);
      metadata = metadataEntry(scanner);
      return;
    }
    if (entries.has(name)) duplicate(name);
    if (entries.size === MOST_TENSORS)
      throw new WeightsError('header', `holds more than ${MOST_TENSORS} tensors, the most that are read.`);
    entries.set(name, tensorEntry(scanner, name));
  });
  scanner.end();
  return { entries, metadata: metadata ?? {} };
}
