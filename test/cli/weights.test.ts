/** `npm run weights` as a command: list, inspect, convert, and downloads that are stopped, killed and resumed. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { torchShape } from '../../src/nn/index.ts';
import { sizeOf } from '../../src/tensor/shape.ts';
import { expectedTensors, shapeBuilder } from '../../src/weights/expected.ts';
import { writeSafetensors } from '../../src/weights/formats/safetensors.ts';
import { fromFloat32 } from '../../src/weights/formats/state.ts';
import { sendFile } from '../weights/node/server.ts';
import { tessera } from './in-process.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const shipped = join(root, 'weights/efficientnet_lite0.safetensors');
const content = readFileSync(shipped);

for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']) delete process.env[name];

const test = suite('weights command');
let folder: string;
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-weights-'));
});
test.after.each(() => rmSync(folder, { recursive: true }));

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command in this process. */
async function weights(args: string[]): Promise<Outcome> {
  const { code, out, err } = await tessera('weights', ...args);
  return { code, stdout: out, stderr: err };
}

/** Runs the command in a process of its own, as the launcher does; `during` may watch and stop it. */
async function started(args: string[], during: (child: ChildProcess) => void): Promise<Outcome> {
  const child = spawn(process.execPath, ['bin/tessera.mjs', 'weights', ...args], {
    cwd: root,
    env: { ...process.env, npm_lifecycle_event: '' },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  during(child);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

test('list: a table, and with --json one document with everything', async () => {
  const { code, stdout } = await weights(['list', 'lite0']);
  assert.is(code, 0);
  assert.match(stdout, /^efficientnet_lite0\.google_in1k +75\.1 +224² +4\.65 M +Apache-2\.0 +ships$/m);
  const others = await weights(['list', 'efficientnet_b']);
  assert.match(others.stdout, /^efficientnet_b0\.imagenet1k_v1 .* BSD-3-Clause$/m);
  assert.match(others.stdout, /^efficientnet_b1\.imagenet1k_v1 .* BSD-3-Clause +8 digits$/m);
  assert.match(
    others.stderr,
    /^Of those marked "8 digits" \(\d+\) the catalog has the start of the SHA-256 only/m,
  );
  const all = JSON.parse((await weights(['list', '--json'])).stdout);
  assert.ok(all.length > 80);
  const lite = all.find(({ name }: { name: string }) => name === 'efficientnet_lite0.google_in1k');
  assert.is(lite.file, shipped);
  assert.is(lite.properties.padding, 'same');
});

test('a converted file counts as here, and nothing is fetched beside it', async () => {
  const name = 'resnet18.imagenet1k_v1';
  const path = join(folder, `${name}.safetensors`);
  const tensors = expectedTensors((await shapeBuilder())('resnet18'));
  const state = [...tensors].map(([tensor, { shape, layout }]) => {
    const torch = torchShape(shape, layout);
    return [tensor, fromFloat32(new Float32Array(sizeOf(torch)), torch, 'float16')] as const;
  });
  writeFileSync(path, writeSafetensors(new Map(state), {}));
  assert.match((await weights(['list', name, '--out', folder])).stdout, /^resnet18\.imagenet1k_v1 .* here$/m);
  const { code, stdout } = await weights(['fetch', name, '--from', 'http://127.0.0.1:9/', '--out', folder]);
  assert.is(code, 0);
  assert.match(
    stdout,
    /resnet18\.imagenet1k_v1\.safetensors is there already, converted\. Licence: BSD-3-Clause/,
  );
  assert.equal(readdirSync(folder), [`${name}.safetensors`]);
});

test('inspect: tensors and hashes', async () => {
  const { code, stdout, stderr } = await weights(['inspect', shipped]);
  assert.is(code, 0);
  assert.match(stdout, /^conv_stem\.weight +float16 +\[32, 3, 3, 3\] +1728 +[0-9a-f]{16}$/m);
  assert.match(stdout, /tessera\.model: \{"name":"efficientnet_lite0"/);
  assert.match(stderr, /The catalog knows this file: efficientnet_lite0\.google_in1k\./);
  const json = JSON.parse((await weights(['inspect', shipped, '--json'])).stdout);
  assert.is(json.tensors.length, 296);
  assert.is(json.format, 'safetensors');
});

test('a hostile file paints nothing on the terminal', async () => {
  const path = join(folder, 'hostile.safetensors');
  const [clear, c1, turned] = ['\u001b[2J', '\u009b2J', '\u202e'];
  const tensors = new Map([[`a${clear}\n${c1}${turned}`, fromFloat32(new Float32Array(1), [1])]]);
  const card = JSON.stringify({ name: `resnet18${clear}${c1}`, options: {} });
  const metadata = { [`key${clear}`]: `value${c1}\r${clear}`, 'tessera.model': card };
  writeFileSync(path, writeSafetensors(tensors, metadata));
  const inspected = await weights(['inspect', path]);
  assert.match(inspected.stdout, /^a\\u001b\[2J\\n\\u009b2J\\u202e +float32 /m);
  assert.match(inspected.stdout, /^ {2}key\\u001b\[2J: value\\u009b2J\\r\\u001b\[2J$/m);
  const json = await weights(['inspect', path, '--json']);
  assert.equal(
    JSON.parse(json.stdout).tensors.map(({ name }: { name: string }) => name),
    [...tensors.keys()],
  );
  const refused = await weights(['convert', path, '--out', join(folder, 'out')]);
  assert.match(refused.stderr, /^error: there is no model 'resnet18\\u001b\[2J\\u009b2J'/m);
  for (const { stdout, stderr } of [inspected, json, refused])
    assert.not.match(stdout + stderr, /(?!\n)\p{Cc}|\u202e/u);
});

test('convert: the file, what was done, and nothing half-written', async () => {
  const input = join(folder, 'lite0.safetensors');
  const output = join(folder, 'out.safetensors');
  copyFileSync(shipped, input);
  const { code, stdout } = await weights(['convert', input, '--out', output, '--json']);
  assert.is(code, 0);
  const report = JSON.parse(stdout);
  assert.is(report.model.name, 'efficientnet_lite0');
  assert.is(report.bytes, statSync(output).size);
  assert.equal(readFileSync(output), content);
  assert.equal(readdirSync(folder).sort(), ['lite0.safetensors', 'out.safetensors']);
});

test('convert: a file that nobody named is not replaced, and no file by itself', async () => {
  const [input, alias] = [join(folder, 'own.pth'), join(folder, 'alias.pth')];
  const output = join(folder, 'own.safetensors');
  // Files are told by their content.
  copyFileSync(shipped, input);
  symlinkSync(input, alias);
  writeFileSync(output, 'somebody else’s');
  const refused: [args: string[], sentence: RegExp][] = [
    [[input], /own\.safetensors is there already; --overwrite replaces it, --out names another file/],
    [
      [input, '--out', alias],
      /alias\.pth is the file to convert itself and would be written over; name another one with --out/,
    ],
    [[input, '--overwrite', '--out', input], /own\.pth is the file to convert itself/],
    [
      [input, '--out', folder],
      /could not be written: it is a folder; name a file; what was there is untouched/,
    ],
  ];
  for (const [args, sentence] of refused) {
    const { code, stderr } = await weights(['convert', ...args]);
    assert.match(stderr, sentence);
    assert.is(code, 64);
  }
  assert.ok(readFileSync(input).equals(content));
  assert.is(readFileSync(output, 'utf8'), 'somebody else’s');
  assert.is((await weights(['convert', input, '--overwrite'])).code, 0);
  assert.ok(readFileSync(output).equals(content));
  writeFileSync(output, 'mine');
  assert.is((await weights(['convert', input, '--out', output])).code, 0);
  assert.ok(readFileSync(output).equals(content));
  for (const path of [output, `${folder}/./own.safetensors`, relative(root, output)]) {
    const { code, stderr } = await weights(['convert', path]);
    assert.match(stderr, /is safetensors already; name the file to write with --out/);
    assert.is(code, 64);
  }
  assert.equal(readdirSync(folder).sort(), ['alias.pth', 'own.pth', 'own.safetensors']);
});

const WRONG: [args: string[], sentence: RegExp][] = [
  [['convert', 'nowhere.pth'], /there is no weights file nowhere\.pth/],
  [['inspect', 'src'], /src is no file/],
  [
    ['inspect', 'test/reference/weights/script.pth'],
    /^error: script\.pth is a TorchScript program .*:\n {2}import torch\n {2}torch\.save\(torch\.jit\.load\('FILE'\)/m,
  ],
  [['convert', 'package.json'], /package\.json is JSON text rather than weights/],
  [
    ['convert', shipped, '--out', 'none.safetensors', '--model', 'resnet18'],
    /holds weights of efficientnet_lite0, not of resnet18; name that model/,
  ],
  [['fetch'], /weights fetch wants a name; list shows them/],
  [['fetch', 'vgg16'], /no weights called 'vgg16'/],
  [['fetch', 'resnet18', '--from', 'ftp://x/y.pth'], /'ftp:\/\/x\/y\.pth' is no address of a file/],
  [['list', 'zzz'], /no weights have 'zzz' in their name/],
  [['sell'], /argument 'sell' is invalid|Allowed choices are list, fetch, convert, inspect/],
];
test('what cannot be done: a sentence each, and exit code 64', async () => {
  for (const [args, sentence] of WRONG) {
    const { code, stdout, stderr } = await weights(args);
    assert.match(stderr, sentence, args.join(' '));
    assert.is(code, 64, args.join(' '));
    assert.is(stdout, '', args.join(' '));
    assert.not.match(stderr, /\n {4}at |mistake in Tessera/, args.join(' '));
  }
});

test('what ships is not fetched, but copied where another folder is named', async () => {
  const name = 'efficientnet_lite0';
  const { code, stdout } = await weights(['fetch', name]);
  assert.is(code, 0);
  assert.match(
    stdout,
    /^weights\/efficientnet_lite0\.safetensors comes with the project\. Licence: Apache-2\.0/,
  );
  const target = join(folder, 'out', 'efficientnet_lite0.safetensors');
  const command = ['fetch', name, '--out', join(folder, 'out')];
  const copied = await weights(command);
  assert.is(copied.code, 0);
  assert.match(copied.stdout, /efficientnet_lite0\.safetensors is copied from weights\/efficientnet_lite0/);
  assert.ok(readFileSync(target).equals(content));
  assert.match((await weights(command)).stdout, /is there already, and whole/);
  writeFileSync(target, 'mine');
  const refused = await weights([...command, '--from', 'http://127.0.0.1:9/']);
  assert.is(refused.code, 64);
  assert.match(refused.stderr, /google_in1k comes with the project; nobody is asked for it\.$/m);
  assert.match(refused.stderr, /is another file; remove it, or name another folder with --out$/m);
  assert.is(readFileSync(target, 'utf8'), 'mine');
});

/** Serves the shipped file, and keeps the first request waiting after half of it. */
async function slowServer(): Promise<{ url: string; ranges: (string | undefined)[]; close(): void }> {
  const ranges: (string | undefined)[] = [];
  const server: Server = createServer((request, response) => {
    ranges.push(request.headers.range);
    if (ranges.length > 1) return sendFile(response, request, { content });
    response.writeHead(200, { 'content-length': content.length, etag: '"v1"' });
    response.write(content.subarray(0, content.length / 2));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}/model.safetensors`, ranges, close };
}

/** Sends `signal` once half of the file has reached the disk. */
function stopHalfway(part: string, signal: NodeJS.Signals) {
  return (child: ChildProcess): void => {
    const timer = setInterval(() => {
      if (!existsSync(part) || statSync(part).size < Math.floor(content.length / 2)) return;
      clearInterval(timer);
      child.kill(signal);
    }, 20);
    child.on('close', () => clearInterval(timer));
  };
}

const STOPS: [signal: NodeJS.Signals, code: number | null][] = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGKILL', null],
];
for (const [signal, code] of STOPS)
  test(`a download that ${signal} ends goes on where it stopped`, async () => {
    const server = await slowServer();
    const file = join(folder, 'efficientnet_lite0.ra_in1k.safetensors');
    const command = ['fetch', 'efficientnet_lite0.ra_in1k', '--from', server.url, '--out', folder];
    const first = await started(command, stopHalfway(`${file}.part`, signal));
    assert.is(first.code, code);
    assert.not(existsSync(file));
    if (code !== null)
      assert.match(
        first.stderr,
        /Stopped\. What has arrived, .*B, is kept: .*fetch efficientnet_lite0\.ra_in1k/,
      );
    const second = await weights(command);
    server.close();
    assert.is(second.code, 0, second.stderr);
    assert.equal(server.ranges, [undefined, `bytes=${content.length / 2}-`]);
    assert.ok(readFileSync(file).equals(content));
    assert.equal(readdirSync(folder), ['efficientnet_lite0.ra_in1k.safetensors']);
    assert.match(second.stdout, /is fetched\. Licence: Apache-2\.0/);
    assert.match(
      second.stderr,
      /9\.14 MiB in .*, SHA-256 [0-9a-f]{64}\n.*Neither the catalog nor the server states a hash/,
    );
    const third = await weights(command);
    assert.match(third.stdout, /is there already; the catalog has no hash/);
  });

test('progress of a download: to 100 %, and without a length bytes and speed only', async () => {
  const server = createServer((request, response) => {
    if (request.url!.includes('known')) response.setHeader('content-length', content.length);
    response.write(content.subarray(0, 1_000_000));
    response.end(content.subarray(1_000_000));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cases: [name: string, last: RegExp][] = [
    ['known', /^\S+ra_in1k 9\.14 MiB\/9\.14 MiB \(100 %\) {2}[\d.]+ [KMG]?i?B\/s$/m],
    ['streamed', /^\S+ra_in1k 9\.14 MiB {2}[\d.]+ [KMG]?i?B\/s$/m],
  ];
  try {
    for (const [name, last] of cases) {
      const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}.safetensors`;
      const out = join(folder, name);
      const command = ['fetch', 'efficientnet_lite0.ra_in1k', '--from', from, '--out', out];
      const { code, stderr } = await weights(command);
      assert.is(code, 0, stderr);
      assert.match(stderr, last);
      assert.match(
        stderr,
        new RegExp(
          `^Warning: ${from} comes over http, so anybody on the way can change it; the catalog has no hash that`,
          'm',
        ),
      );
      assert.is(
        /does not say how long it is; \d+\.\d MiB are taken at most\.$/m.test(stderr),
        name === 'streamed',
      );
    }
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('the wrong file, a page and a missing one: a sentence, exit code 1 and an empty folder', async () => {
  const server = createServer((request, response) => {
    if (/\.pth$|lite0/.test(request.url!)) response.end(content);
    else if (request.url!.endsWith('.safetensors')) response.end('{"error": "gone"}');
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const cases: [from: string, sentence: RegExp][] = [
    [
      base,
      /resnet18-f37072fd\.pth is not the file that was expected: .* and f37072fd47e89c5e… was wanted; nothing was kept/,
    ],
    [`${base}x.safetensors`, /is not the file that was expected/],
    [`${base}nothing`, /answered 404: there is no such file; --from names another address/],
  ];
  try {
    for (const [from, sentence] of cases) {
      const { code, stdout, stderr } = await weights(['fetch', 'resnet18', '--from', from, '--out', folder]);
      assert.is(code, 1);
      assert.is(stdout, '');
      assert.match(stderr, sentence);
      assert.equal(readdirSync(folder), []);
    }
    // The Hub's files have no hash in the catalog.
    const args = ['fetch', 'resnet18.a1_in1k', '--out', folder, '--from'];
    assert.match(
      (await weights([...args, `${base}x.safetensors`])).stderr,
      /is no file of weights: resnet18\.a1_in1k\.safetensors\.part is JSON text/,
    );
    assert.equal(readdirSync(folder), []);
    const another = await weights([...args, `${base}lite0.safetensors`]);
    assert.match(
      another.stderr,
      /\/lite0\.safetensors holds weights of efficientnet_lite0, not of resnet18; nothing was kept$/m,
    );
    assert.is(another.code, 1);
    assert.equal(readdirSync(folder), []);
    copyFileSync(shipped, join(folder, 'resnet18.a1_in1k.safetensors'));
    const left = await weights([...args, `${base}nothing`]);
    assert.match(
      left.stderr,
      /a1_in1k\.safetensors holds weights of efficientnet_lite0, not of resnet18; it is fetched again\./,
    );
    assert.is(left.code, 1);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test.run();
