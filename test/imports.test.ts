/**
 * The house's plan, held against the code: imports go one way, no files import each other in a circle (`import type`
 * counted), what needs Node stays where it may, and a browser's entry reaches none of it.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { circles, reach, sourceFiles } from './helpers/imports.ts';

const test = suite('imports');
const files = sourceFiles();

/** The folders of src/ from the ground up; one imports from its own row and from those before. */
const ROWS = [
  ['text'],
  ['gpu'],
  ['tensor'],
  ['node'],
  ['kernels'],
  ['nn'],
  ['models', 'data'],
  ['weights'],
  ['train'],
  ['runner'],
  ['verify', 'explain', 'search', 'export', 'bench', 'profile', 'tune'],
  ['report'],
  ['cli'],
];

/** Where Node's modules and Node's packages may be imported, apart from folders called node/. */
const MAY_USE_NODE = ['cli', 'report'];
/** The entries: they import from everywhere, and nothing imports them. */
const ENTRIES = ['index.ts', 'browser.ts'];

const folderOf = (path: string): string => path.split('/')[0]!;
const rowOf = (path: string): number => ROWS.findIndex((row) => row.includes(folderOf(path)));

test('no file lies loose in src/ but the entries, and every folder has its row', () => {
  const loose = [...files.keys()].filter((path) => !path.includes('/') && !ENTRIES.includes(path));
  assert.equal(loose, []);
  const unknown = [...files.keys()].filter((path) => path.includes('/') && rowOf(path) < 0);
  assert.equal(unknown, []);
});

test('every import leads to a file', () => {
  const broken = [...files].flatMap(([path, { imports }]) =>
    imports
      .filter((target) => !target.startsWith('../') && !files.has(target))
      .map((target) => `${path} → ${target}`),
  );
  assert.equal(broken, []);
});

test('no import points up', () => {
  const upwards = [...files].flatMap(([path, { imports }]) =>
    ENTRIES.includes(path)
      ? []
      : imports
          .filter((target) => ENTRIES.includes(target) || rowOf(target) > rowOf(path))
          .map((target) => `${path} → ${target}`),
  );
  assert.equal(
    upwards,
    [],
    'cli → report → verify, explain, search, export, bench, profile, tune → runner → train → weights → models, data → nn → kernels → tensor → gpu',
  );
});

test('no files import each other in a circle', () => {
  assert.equal(
    circles(files).map((group) => group.join(' ↔ ')),
    [],
    'what two files need of each other belongs into a third',
  );
});

test('Node is used in folders called node, in cli and in report only', () => {
  const allowed = (path: string): boolean =>
    path.split('/').includes('node') || MAY_USE_NODE.includes(folderOf(path));
  const astray = [...files].flatMap(([path, { outside, imports }]) => {
    if (allowed(path) || path === 'index.ts') return [];
    const needs = [...outside, ...imports.filter((target) => target.split('/').includes('node'))];
    return needs.map((target) => `${path} → ${target}`);
  });
  assert.equal(astray, [], 'move it into a folder called node, or have it handed in');
});

test('the entry of a browser reaches nothing of Node, and no package', () => {
  const reached = reach(files, 'browser.ts');
  const astray = [...reached].flatMap(([path, from]) =>
    (files.get(path)?.outside ?? []).map((target) => `${path} → ${target} (by way of ${from})`),
  );
  assert.equal(astray, []);
});

test('these tests would find a fault', () => {
  const bad = new Map([
    ['gpu/a.ts', { imports: ['gpu/b.ts'], outside: [] }],
    ['gpu/b.ts', { imports: ['gpu/a.ts', 'gpu/c.ts'], outside: ['node:fs'] }],
    ['gpu/c.ts', { imports: [], outside: [] }],
  ]);
  assert.equal(circles(bad), [['gpu/a.ts', 'gpu/b.ts']]);
  assert.equal([...reach(bad, 'gpu/a.ts').keys()], ['gpu/a.ts', 'gpu/b.ts', 'gpu/c.ts']);
  assert.ok(files.get('kernels/conv/depthwise.ts')!.imports.includes('gpu/index.ts'));
  assert.ok(files.get('data/node/decode.ts')!.outside.includes('sharp'));
});

test.run();
