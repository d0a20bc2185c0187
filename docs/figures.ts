/**
 * Draws the figures of this folder and fills in the generated tables of its pages, from the models as they are, and the
 * code that its pages and the README take from examples/:
 *
 *   node --import tsx docs/figures.ts
 *
 * Nothing is computed, so no adapter is needed. test/docs/figures.test.ts compares what is committed with this.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { blockFigure } from './drawing/block.ts';
import { fillExamples } from './drawing/examples.ts';
import { ladderFigure, ladderTables, recordedLadder } from './drawing/ladder.ts';
import { lessonPages, lessonsTable, recordedLessons } from './drawing/lessons.ts';
import { peersTables, recordedPeers } from './drawing/peers.ts';
import { programTable } from './drawing/programs.ts';
import { scalingFigure } from './drawing/scaling.ts';
import { recordedBench, speedTables } from './drawing/speed.ts';
import { stagesFigure } from './drawing/stages.ts';
import { familyTable, fillTables, sizeTable, stageTable } from './drawing/tables.ts';
import { type ModelTrace, trace } from './drawing/trace.ts';

const here = (path: string): URL => new URL(path, import.meta.url);

/** Traces models one after the other. */
async function traces(names: readonly string[]): Promise<ModelTrace[]> {
  const traced: ModelTrace[] = [];
  for (const name of names) traced.push(await trace(name));
  return traced;
}

/** Path from this folder → what the file holds: figures, and pages with their tables and examples filled in. */
export async function drawDocuments(): Promise<Record<string, string>> {
  const [alexnet2012, alexnet] = await traces(['alexnet_2012', 'alexnet']);
  const resnets = await traces([18, 34, 50, 101, 152].map((layers) => `resnet${layers}`));
  const scaled = await traces([0, 1, 2, 3, 4, 5, 6, 7].map((phi) => `efficientnet_b${phi}`));
  const lite = await traces([0, 1, 2, 3, 4].map((index) => `efficientnet_lite${index}`));
  const [mobilenet] = await traces(['mobilenetv2_100']);
  const [, resnet34, resnet50] = resnets;
  const [b0] = scaled;

  const lessons = recordedLessons();

  const figures = {
    alexnet_2012: stagesFigure('AlexNet as in 2012 (alexnet_2012)', alexnet2012),
    alexnet: stagesFigure('AlexNet of "One weird trick" (alexnet)', alexnet),
    resnet50: stagesFigure('ResNet-50 (resnet50)', resnet50),
    'resnet-blocks': blockFigure('Residual blocks', [
      { title: 'BasicBlock (resnet34 layer1.1)', trace: resnet34, path: 'layer1.1', x: 200 },
      { title: 'Bottleneck (resnet50 layer1.1)', trace: resnet50, path: 'layer1.1', x: 560 },
    ]),
    'resnet-projection': blockFigure('A block that changes the shape', [
      { title: 'Bottleneck with projection (resnet50 layer2.0)', trace: resnet50, path: 'layer2.0', x: 470 },
    ]),
    efficientnet_b0: stagesFigure('EfficientNet-B0 (efficientnet_b0)', b0),
    mbconv: blockFigure('MBConv: narrow at the ends, wide in the middle', [
      { title: 'efficientnet_b0 features.2.1', trace: b0, path: 'features.2.1', x: 280 },
    ]),
    'efficientnet-scaling': scalingFigure(scaled),
    ladder: ladderFigure(),
    mobilenetv2_100: stagesFigure('MobileNetV2 (mobilenetv2_100)', mobilenet),
  };
  const tables = {
    alexnet_2012: stageTable(alexnet2012),
    alexnet: stageTable(alexnet),
    resnets: familyTable(resnets),
    resnet50: stageTable(resnet50),
    efficientnet_b0: stageTable(b0),
    lite: sizeTable(lite),
    mobilenetv2_100: stageTable(mobilenet),
    programs: await programTable(),
    ...ladderTables(recordedLadder()),
    ...speedTables(recordedBench()),
    ...peersTables(recordedPeers()),
    lessons: lessonsTable(lessons),
  };
  const pages = ['../README.md', ...readdirSync(here('.')).filter((file) => file.endsWith('.md'))];
  return Object.fromEntries([
    ...Object.entries(figures).map(([name, drawn]) => [`figures/${name}.svg`, drawn]),
    ...Object.entries(await lessonPages(lessons)),
    ...pages.map((page) => [page, fillExamples(fillTables(readFileSync(here(page), 'utf8'), tables))]),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [file, content] of Object.entries(await drawDocuments())) writeFileSync(here(file), content);
