/** What a browser gets of the library: src/browser.ts, bundled as an application would, without a trace of Node. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as inNode from '../../src/index.ts';
import { bundle } from './bundle.ts';

const test = suite('browser/bundle');

/** Node's globals, and what only its modules have. */
const OF_NODE =
  /\bprocess\.\w+|\bBuffer\.\w+|\bnew Buffer\b|\brequire\(|["']node:|\b__dirname\b|\bsetImmediate\(/g;

/** Names of Node's API alone: its adapters, memory and folders, its worker threads, and what is written of runs and searches. */
const ONLY_IN_NODE = [
  'MetricsLog',
  'TensorBoard',
  'closeLoader',
  'exportOnnx',
  'imageFolder',
  'imageList',
  'latenciesFor',
  'listAdapters',
  'memoryBudget',
  'predictionsCsv',
  'readImage',
  'reportHtml',
  'searchReportHtml',
  'throughJpeg',
  'writeEvaluationReport',
  'writeImage',
];

test('it reaches nothing but src/, and nothing of Node there', async () => {
  const { text, inputs } = await bundle('src/browser.ts', { minify: true });
  console.log(
    `${text.length} bytes minified, ${gzipSync(text).length} compressed, of ${inputs.length} files`,
  );
  assert.equal(
    inputs.filter((path) => !/^src\//.test(path) || /\/node\//.test(path)),
    [],
  );
  assert.equal(
    [...text.matchAll(OF_NODE)].map(([found]) => found),
    [],
  );
});

test('it loads, and has the names of index.ts but those of Node', async () => {
  const { text } = await bundle('src/browser.ts');
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bundle-'));
  const file = join(folder, 'tessera.mjs');
  await writeFile(file, text);
  const inBrowser = await import(pathToFileURL(file).href);
  await rm(folder, { recursive: true });
  const missing = Object.keys(inNode).filter((name) => !(name in inBrowser));
  assert.equal(missing.sort(), ONLY_IN_NODE);
});

test('these tests would find a trace of Node', async () => {
  const refused = await bundle('src/data/node/walk.ts').then(
    () => '',
    ({ message }: Error) => message,
  );
  assert.match(refused, /Could not resolve "node:fs\/promises"/);
  assert.is([...'a.process.env; Buffer.from(x); require("fs")'.matchAll(OF_NODE)].length, 3);
});

test.run();
