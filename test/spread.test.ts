/**
 * No array whose length the data decide is spread into arguments: from some 100,000 entries on such a call overflows the
 * stack. What may be spread has a length that the code decides, and stands in the table below.
 */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sourceFiles } from './helpers/imports.ts';

const test = suite('spread');

/** Arguments that are spread, by file: tuples and sentences. */
const SHORT: Readonly<Record<string, readonly string[]>> = {
  'data/node/folder.ts': [
    'notes',
    'twoClassesNote(dir, groups)',
    'leftOutNotes(root, left)',
    'copiesNote(',
    'sharedNote(',
  ],
  'gpu/device.ts': ['groups'],
  'kernels/conv/tile.ts': ['stride', 'dilation'],
  'report/search/network-figure.ts': ['kernels'],
  'report/search/winner.ts': ['networks.map((one) => mostChannels(one.table))'],
  'search/handmade.ts': ['stages.map((stage) => stage[VALUES[column]].length)'],
  'search/cost/least-squares.ts': ['rows.map((row) => row[j]!)'],
  'search/methods/supernet.ts': ['seconds'],
  'train/callbacks/pace.ts': ['known'],
  'train/cut.ts': ['stages'],
  'train/preflight.ts': ['fewest'],
};

const CALL = /\bMath\.(?:max|min|hypot)\(/g;
/** In src/data lists are as long as the data. */
const CALL_IN_DATA = new RegExp(`${CALL.source}|\\.(?:push|unshift)\\(`, 'g');
const COMMENT = /\/\*[\s\S]*?\*\/|\/\/.*$/gm;

/** What a text spreads into calls that take any number of arguments. */
function spreads(text: string, call: RegExp): string[] {
  const code = text.replace(COMMENT, '');
  return [...code.matchAll(call)].flatMap((found) =>
    argumentsFrom(code, found.index + found[0].length)
      .filter((given) => given.startsWith('...'))
      .map((given) => given.slice(3)),
  );
}

/** The arguments of a call whose bracket opens before `start`. */
function argumentsFrom(code: string, start: number): string[] {
  const found: string[] = [];
  for (let [at, from, depth] = [start, start, 1]; depth > 0 && at < code.length; at++) {
    if ('([{'.includes(code[at]!)) depth++;
    if (')]}'.includes(code[at]!)) depth--;
    if (depth > 0 && !(depth === 1 && code[at] === ',')) continue;
    found.push(code.slice(from, at).trim());
    from = at + 1;
  }
  return found;
}

test('arrays that are spread into arguments are short', () => {
  const astray = [...sourceFiles().keys()].flatMap((path) => {
    const text = readFileSync(new URL(`../src/${path}`, import.meta.url), 'utf8');
    return spreads(text, path.startsWith('data/') ? CALL_IN_DATA : CALL)
      .filter((what) => !SHORT[path]?.some((known) => what.startsWith(known)))
      .map((what) => `${path}: ...${what}`);
  });
  assert.equal(astray, [], 'reduce, or append one by one');
});

test('this test would find a fault', () => {
  assert.equal(spreads('const most = Math.max(...pictures.map(({ size }) => size));', CALL), [
    'pictures.map(({ size }) => size)',
  ]);
  assert.equal(spreads('files.push(...found.pictures);', CALL_IN_DATA), ['found.pictures']);
});

test.run();
