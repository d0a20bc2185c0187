/**
 * No command writes over a file that it reads, by whichever path: a table of the commands that write, each asked to write where
 * it reads, in every spelling that the disk knows.
 */
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { refuseOverInputs } from '../../src/cli/inputs.ts';
import { SMALL_SPACE } from '../../src/search/space.ts';
import { filesOfWeights } from '../../src/weights/node/weights-files.ts';
import { tessera } from './in-process.ts';
import { saveTinyCheckpoint } from './tiny-checkpoint.ts';

const test = suite('cli/inputs');
const home = process.cwd();
let folder: string;
test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-inputs-'));
  process.chdir(folder);
  const classes = ['ant', 'bee'];
  for (const path of [
    'net.safetensors',
    'net.onnx.json',
    'net.png',
    'run/best.safetensors',
    'timm/model.safetensors',
  ]) {
    mkdirSync(dirname(path), { recursive: true });
    await saveTinyCheckpoint(path, classes);
  }
  writeFileSync('timm/config.json', '{}');
  mkdirSync('space');
  mkdirSync('x');
  const rows = classes.flatMap((name) => [0, 1, 2, 3].map((n) => `../data/${name}/${n}.png,${name}`));
  writeFileSync(list, ['file,label', ...rows, ''].join('\n'));
  writeFileSync('space/plan.json', JSON.stringify(SMALL_SPACE));
  for (const name of classes) {
    mkdirSync(join('data', name), { recursive: true });
    for (let n = 0; n < 4; n++)
      await sharp({
        create: { width: 32, height: 32, channels: 3, background: { r: 60 * n, g: name.length, b: n } },
      })
        .png()
        .toFile(join('data', name, `${n}.png`));
  }
});
test.after(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

const train = ['train', '--data', 'data', '--overwrite'];
const list = 'run/predictions.csv';
const search = ['search', '--data', 'data', '--minutes', '1', '--overwrite'];
// biome-ignore format: a table
const COMMANDS: [reads: string, command: (path: string) => string[], says: RegExp][] = [
  ['net.safetensors', (path) => ['export', 'net.safetensors', '--to', 'safetensors', '--out', path], /the file to export itself .* --out$/m],
  ['run/best.safetensors', (path) => ['export', 'run', '--to', 'onnx', '--out', path], /the file to export itself/],
  ['timm/model.safetensors', (path) => ['export', 'timm', '--to', 'pth', '--out', path], /the file to export itself/],
  ['net.safetensors', (path) => ['weights', 'convert', 'net.safetensors', '--out', path], /the file to convert itself .* --out$/m],
  ['timm/model.safetensors', (path) => ['weights', 'convert', 'timm', '--out', path], /the file to convert itself/],
  ['timm/config.json', (path) => ['weights', 'convert', 'timm', '--out', path], /what says how to read the file to convert/],
  ['data/ant/1.png', (path) => ['explain', 'data', '--checkpoint', 'run', '--out', path], /one of the pictures/],
  ['net.png', (path) => ['explain', 'data', '--checkpoint', 'net.png', '--out', path], /the network and .* --out$/m],
  ['run/best.safetensors', (path) => ['evaluate', '--checkpoint', 'run', '--data', 'data', '--report', path], /the checkpoint and .* --report$/m],
  ['data/bee/2.png', (path) => ['evaluate', '--checkpoint', 'run', '--data', 'data', '--report', path], /one of the pictures/],
  ['run', (path) => [...train, '--weights', 'run/best.safetensors', '--out', path], /best\.safetensors is what the run begins with .* folder with --out$/m],
  ['run', (path) => ['train', '--data', list, '--overwrite', '--out', path], /predictions\.csv is the list of the pictures .* folder with --out$/m],
  [list, (path) => ['evaluate', '--checkpoint', 'run', '--data', list, '--report', path], /the list of the pictures .* --report$/m],
  ['run', (path) => [...search, '--teacher', 'run', '--out', path], /best\.safetensors is what teaches/],
  ['run', (path) => [...search, '--network', 'run', '--grid', '--out', path], /best\.safetensors is the network that is scaled/],
  ['space', (path) => [...search, '--space', 'space/plan.json', '--out', path], /plan\.json is the space that is searched/],
];

/** Other paths to a file or folder; null where this disk does not take them for the same. */
const SPELLINGS: Record<string, (path: string) => string | null> = {
  'as it is': (path) => path,
  'in full': (path) => resolve(path),
  'by a detour': (path) => `./x/../${path}`,
  'in other capitals': (path) => (existsSync(path.toUpperCase()) ? path.toUpperCase() : null),
  'by a symbolic link': (path) => linked(path, symlinkSync),
  'by a hard link': (path) => (path.includes('.') ? linked(path, linkSync) : null),
};

function linked(path: string, link: (to: string, at: string) => void): string {
  const at = `linked-${path.replaceAll('/', '-')}`;
  link(resolve(path), at);
  return at;
}

/** Every file with what is in it. */
const everything = (): [string, string][] =>
  readdirSync('.', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
    .map((path) => [path, readFileSync(path, 'base64')]);

for (const [reads, command, says] of COMMANDS)
  test(`${command(reads).join(' ')}: refused, and nothing is written`, async () => {
    for (const [how, spelled] of Object.entries(SPELLINGS)) {
      const path = spelled(reads);
      if (path === null) continue;
      const before = everything();
      const [name, ...args] = command(path);
      const { code, err, out } = await tessera(name!, ...args);
      assert.is(code, 64, `${how}: ${err}`);
      assert.match(err, says, how);
      assert.match(err, /would be written over; name another/, how);
      assert.is(out, '', how);
      assert.equal(everything(), before, how);
      rmSync(`linked-${reads.replaceAll('/', '-')}`, { force: true });
    }
  });

test('what is written beside a file is looked at as well', async () => {
  const before = everything();
  const { code, err } = await tessera('export', 'net.onnx.json', '--to', 'onnx', '--out', 'net.onnx');
  assert.is(code, 64, err);
  assert.match(err, /net\.onnx\.json is the file to export itself and would be written over/);
  assert.equal(everything(), before);
});

test('one name in two forms of Unicode is refused where the disk takes them for one', async () => {
  const [composed, apart] = ['größe.bin'.normalize('NFC'), 'größe.bin'.normalize('NFD')];
  writeFileSync(composed, '1');
  const refused = await refuseOverInputs([apart], [{ path: composed, is: 'read' }]).then(
    () => false,
    () => true,
  );
  assert.is(refused, existsSync(apart));
});

test('other files may be written, those that are not there too; weights that ship are files that are read', async () => {
  await refuseOverInputs(['none', 'data', 'net.png'], [{ path: 'net.safetensors', is: 'read' }]);
  await refuseOverInputs(['none'], [{ path: 'none', is: 'read' }]);
  const [shipped, ...more] = await filesOfWeights('pretrained', 'efficientnet_lite0');
  assert.match(shipped!, /weights[/\\]efficientnet_lite0.*\.safetensors$/);
  assert.equal(more, []);
});

test.run();
