/**
 * The documentation: figures and tables as the models are now, figures that can be read, links that lead somewhere and
 * commands that exist.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { drawDocuments } from '../../docs/figures.ts';
import { type CommandEntry, type CommandModule, createCommand } from '../../src/cli/main.ts';
import { boundless, dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { buildModel } from '../../src/models/table.ts';
import { CATALOG } from '../../src/weights/catalog/catalog.ts';
import { PLACES } from '../../web/src/route.ts';

const docs = new URL('../../docs/', import.meta.url);
const { scripts } = JSON.parse(readFileSync(new URL('../package.json', docs), 'utf8')) as {
  scripts: Record<string, string>;
};
const read = (file: string): string => readFileSync(new URL(file, docs), 'utf8');
/** Those of lessons lie in a folder of their own, with their plots. */
const ofLessons = readdirSync(new URL('lessons/', docs)).map((file) => `lessons/${file}`);
const isPage = (file: string): boolean => file.endsWith('.md');
const pages = [...readdirSync(docs), ...ofLessons].filter(isPage);
const plots = ofLessons.filter((file) => !isPage(file));
const figures = readdirSync(new URL('figures/', docs)).map((file) => `figures/${file}`);

const drawing = suite('figures and tables');

drawing('what is committed, README included, is what the script draws', async () => {
  const drawn = await drawDocuments();
  assert.equal(Object.keys(drawn).sort(), ['../README.md', ...figures, ...plots, ...pages].sort());
  for (const [file, content] of Object.entries(drawn))
    assert.ok(read(file) === content, `docs/${file} is out of date: run node --import tsx docs/figures.ts`);
});

drawing('every figure is on a page', () => {
  const shown = pages.map(read).join();
  for (const figure of [...figures, ...plots.map((plot) => plot.replace('lessons/', ''))])
    assert.ok(shown.includes(`(${figure})`), figure);
});

interface Box {
  what: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Width of a character of 11 pixels in a wide typeface (DejaVu Sans, mean of the figures' words). */
const CHARACTER = 6.4;

const attribute = (tag: string, name: string): string =>
  new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? '0';

function textsOf(svg: string): Box[] {
  return [...svg.matchAll(/<text([^>]*)>([^<]*)<\/text>/g)].map(([, tag, escaped]) => {
    const what = escaped.replace(/&\w+;/g, '&');
    const [x, y] = [Number(attribute(tag, 'x')), Number(attribute(tag, 'y'))];
    const width = CHARACTER * what.length;
    const before = { start: 0, middle: width / 2, end: width }[attribute(tag, 'text-anchor')]!;
    return { what, left: x - before, right: x - before + width, top: y - 9, bottom: y + 2 };
  });
}

/** Coloured areas that no text may lie on; boxes are made for text. */
function areasOf(svg: string): Box[] {
  return [...svg.matchAll(/<rect class="(map|side|parameters|work)"([^>]*)>/g)].map(([, what, tag]) => {
    const [left, top, width, height] = ['x', 'y', 'width', 'height'].map((name) =>
      Number(attribute(tag, name)),
    );
    return { what, left, right: left + width, top, bottom: top + height };
  });
}

/** Pairs of things that lie on each other, and texts that leave the figure. */
function collisions(svg: string): string[] {
  const [width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.slice(1).map(Number);
  const texts = textsOf(svg);
  const areas = areasOf(svg);
  const meet = (a: Box, b: Box): boolean =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return texts.flatMap((text, index) => [
    ...[...texts.slice(index + 1), ...areas]
      .filter((other) => meet(text, other))
      .map((other) => `${text.what} on ${other.what}`),
    ...(text.left < 0 || text.right > width || text.top < 0 || text.bottom > height
      ? [`${text.what} outside`]
      : []),
  ]);
}

drawing('collisions are found', () => {
  const at = (x: number, what: string): string =>
    `<text class="ink" x="${x}" y="20" text-anchor="start">${what}</text>`;
  const svg = `<svg viewBox="0 0 100 40">${at(10, 'one')}${at(20, 'two')}${at(90, 'out')}<rect class="map" x="60" y="0" width="40" height="12"/></svg>`;
  assert.equal(collisions(svg), ['one on two', 'out on map', 'out outside']);
});

for (const figure of figures)
  drawing(`${figure} can be read`, async () => {
    assert.equal(collisions(read(figure)), []);
    assert.match(read(figure), '@media(prefers-color-scheme:dark)');
    assert.is((await sharp(Buffer.from(read(figure))).metadata()).width, 800);
  });

drawing.run();

const text = suite('pages');

for (const page of pages) {
  text(`${page}: links lead to files, names of code to their definitions`, () => {
    const links = [...read(page).matchAll(/\[([^\]]*)\]\(([^)]+)\)/g)];
    for (const [, label, target] of links) {
      if (target.startsWith('https://')) continue;
      const place = /^http:\/\/localhost:8080\/#(\w+)/.exec(target)?.[1];
      if (place) {
        assert.ok((PLACES as readonly string[]).includes(place), `${target} is no place of the page`);
        continue;
      }
      const url = new URL(target, new URL(page, docs));
      assert.ok(existsSync(url), `${target} does not exist`);
      const name = /^`(\w+)`$/.exec(label)?.[1];
      if (name)
        assert.match(
          readFileSync(url, 'utf8'),
          new RegExp(`\\b(class|function\\*?|const|interface) ${name}\\b`),
          `${name} is not in ${target}`,
        );
    }
  });

  text(`${page}: commands are ones that the project understands`, async () => {
    for (const [, script, rest] of read(page).matchAll(/^npm run ([\w:]+)(?: --)?([^#\n]*)/gm)) {
      const [, name, given] = /tessera\.mjs (\S+)(.*)/.exec(scripts[script] ?? '') ?? [];
      assert.ok(name, `there is no command for 'npm run ${script}'`);
      await checkCommand(name, `${given} ${rest}`.trim());
    }
  });
}

async function checkCommand(name: string, rest: string): Promise<void> {
  const line = `npm run ${name} ${rest}`;
  const { commands } = (await import(new URL('../bin/commands.mjs', docs).href)) as {
    commands: CommandEntry[];
  };
  const entry = commands.find((one) => one.name === name);
  assert.ok(entry, `there is no command for '${line}'`);
  const module: CommandModule = await import(new URL(`../${entry.module}`, docs).href);
  const command = createCommand(name, module).parse(rest === '' ? [] : rest.split(/\s+/), { from: 'user' });
  const [positional] = name === 'summary' || name === 'verify' ? command.args : [];
  const { model = positional === 'kernels' ? undefined : positional, weights, trainFrom } = command.opts();
  const named = name === 'weights' && command.args[0] === 'fetch' ? command.args[1] : weights;
  if (named && named !== 'pretrained' && !/\.(pth|safetensors)$/.test(named))
    assert.ok(
      CATALOG.some((one) => one.name === named),
      `${line}: ${named}`,
    );
  if (!model) return;
  const { device } = await dryDevice(boundless(PLAIN_DEVICE));
  for (const one of [model].flat()) {
    const { stages } = buildModel(one, { device, initialise: false });
    if (trainFrom) assert.ok(['head', 'all', ...stages].includes(trainFrom), `${line}: ${stages}`);
  }
}

text.run();
