/**
 * Whose names a weights file has, and what our models call the same tensors: the name tables in one place.
 *
 * ResNet and torchvision's AlexNet are called the same everywhere, so their files load as they are. EfficientNet has
 * three sets of names, of which our models use the first two (../models/efficientnet-names.ts):
 *
 *                torchvision                   timm                               lukemelas (EfficientNet-PyTorch)
 *   stem         features.0.0, features.0.1    conv_stem, bn1                     _conv_stem, _bn0
 *   block        features.1.0 … features.7.n   blocks.0.0 … blocks.6.n            _blocks.0 … _blocks.15
 *     expand       block.0.0, block.0.1          conv_pw, bn1                       _expand_conv, _bn0
 *     depthwise    block.1.0, block.1.1          conv_dw, bn2                       _depthwise_conv, _bn1
 *     squeeze      block.2.fc1, block.2.fc2      se.conv_reduce, se.conv_expand     _se_reduce, _se_expand
 *     project      block.3.0, block.3.1          conv_pwl, bn3                      _project_conv, _bn2
 *   head         features.8.0, features.8.1    conv_head, bn2                     _conv_head, _bn1
 *   classifier   classifier.1                  classifier                         _fc
 *
 * lukemelas counts blocks through all stages; which stage a block belongs to follows from the model, whose names are
 * handed in. Everything here is a pure function of names.
 */
import { type BlockNames, blockNames, MODEL_NAMES, type Naming } from '../models/efficientnet-names.ts';
import { shorten } from './formats/error.ts';
import type { StateDict } from './formats/state.ts';

export type Style = Naming | 'lukemelas';

/** What kind of network a list of names belongs to. */
export interface Family {
  network: 'alexnet' | 'alexnet_2012' | 'resnet' | 'efficientnet';
  /** Whose names they are; where torchvision and timm agree, 'torchvision'. */
  style: Style;
}

/** Tensors that only this family has. */
const SIGNATURES: readonly (readonly [Family['network'], Style, readonly string[]])[] = [
  ['efficientnet', 'lukemelas', ['_conv_stem.weight', '_conv_head.weight']],
  ['efficientnet', 'timm', ['conv_stem.weight', 'blocks.0.0.conv_dw.weight']],
  ['efficientnet', 'torchvision', ['features.0.0.weight', 'features.1.0.block.0.0.weight']],
  ['resnet', 'torchvision', ['conv1.weight', 'layer1.0.conv1.weight', 'layer4.0.conv1.weight']],
  ['alexnet', 'torchvision', ['features.0.weight', 'features.10.weight', 'classifier.1.weight']],
  ['alexnet_2012', 'torchvision', ['conv1.weight', 'conv5.weight', 'fc6.weight']],
];

/** The family of a file, or of a model, by its names; null where none is known. */
export function detectFamily(names: Iterable<string>): Family | null {
  const present = new Set(names);
  const found = SIGNATURES.find(([, , signs]) => signs.every((name) => present.has(name)));
  return found ? { network: found[0], style: found[1] } : null;
}

/** How the weights want to be computed with, where the names alone say so. */
export function impliedOptions(names: Iterable<string>): { padding?: 'same'; normEps?: number } {
  // lukemelas's networks are ports of TensorFlow's, padding and epsilon included.
  return detectFamily(names)?.style === 'lukemelas' ? { padding: 'same', normEps: 1e-3 } : {};
}

/** Modules outside the blocks, in one order: convolution and norm of stem and head, classifier. */
const OUTER: Record<Style, readonly string[]> = {
  torchvision: outer('torchvision'),
  timm: outer('timm'),
  lukemelas: ['_conv_stem', '_bn0', '_conv_head', '_bn1', '_fc'],
};

function outer(naming: Naming): string[] {
  const { stem, head, classifier } = MODEL_NAMES[naming];
  return [...stem, ...head, classifier];
}

const LUKEMELAS_BLOCK: BlockNames = {
  expand: ['_expand_conv', '_bn0'],
  depthwise: ['_depthwise_conv', '_bn1'],
  excitation: '',
  excitationLayers: ['_se_reduce', '_se_expand'],
  project: ['_project_conv', '_bn2'],
};

/** What a block may have: a 1×1 expansion, squeeze-and-excitation. The richest come first. */
const KINDS = [
  { expands: true, excites: true },
  { expands: true, excites: false },
  { expands: false, excites: true },
  { expands: false, excites: false },
];
type Kind = (typeof KINDS)[number];

/** Modules inside a block, in one order for every style. */
function blockModules(style: Style, { expands, excites }: Kind): string[] {
  const names = style === 'lukemelas' ? LUKEMELAS_BLOCK : blockNames(style, expands, excites);
  const squeeze = names.excitationLayers.map((layer) =>
    names.excitation ? `${names.excitation}.${layer}` : layer,
  );
  return [
    ...(expands ? names.expand : []),
    ...names.depthwise,
    ...(excites ? squeeze : []),
    ...names.project,
  ];
}

/** [stage, index] of every block of a model in order, by the model's own names. */
function blockPlaces(names: Iterable<string>, style: Naming): [stage: number, index: number][] {
  const pattern = style === 'timm' ? /^blocks\.(\d+)\.(\d+)\./ : /^features\.(\d+)\.(\d+)\.block\./;
  const places = new Map<string, [number, number]>();
  for (const name of names) {
    const match = pattern.exec(name);
    if (match) places.set(match[0], [Number(match[1]) - (style === 'timm' ? 0 : 1), Number(match[2])]);
  }
  return [...places.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

/** Old module → new module for an EfficientNet. */
function moduleTable(present: ReadonlySet<string>, from: Style, to: Naming, wanted: ReadonlySet<string>) {
  const table = new Map(OUTER[from].map((module, index) => [module, OUTER[to][index]]));
  for (const [flat, [stage, index]] of blockPlaces(wanted, to).entries()) {
    const source = from === 'lukemelas' ? `_blocks.${flat}` : MODEL_NAMES[from].block(stage, index);
    const target = MODEL_NAMES[to].block(stage, index);
    const kind = KINDS.find((one) =>
      blockModules(from, one).every((module) => present.has(`${source}.${module}.weight`)),
    );
    // A block that is no MBConv keeps its names, and loading says which tensors do not fit.
    if (!kind) continue;
    const targets = blockModules(to, kind);
    for (const [place, module] of blockModules(from, kind).entries())
      table.set(`${source}.${module}`, `${target}.${targets[place]}`);
  }
  return table;
}

/**
 * A file's tensors under the names of a model. Only EfficientNets are ever renamed, and only where the file has
 * another's names; anything that the tables do not know keeps its name.
 * @param wanted the names of the model's parameters and buffers
 * @returns the tensors, and a sentence for the report where something was renamed
 */
export function matchNames(
  tensors: StateDict,
  wanted: Iterable<string>,
): { tensors: StateDict; notes: string[] } {
  const wantedNames = new Set(wanted);
  const source = detectFamily(tensors.keys());
  const target = detectFamily(wantedNames);
  if (
    source?.network !== 'efficientnet' ||
    target?.network !== 'efficientnet' ||
    target.style === 'lukemelas' ||
    source.style === target.style
  )
    return { tensors, notes: [] };
  const table = moduleTable(new Set(tensors.keys()), source.style, target.style, wantedNames);
  const renamed: StateDict = new Map();
  let example: string | undefined;
  let count = 0;
  for (const [name, tensor] of tensors) {
    const dot = name.lastIndexOf('.');
    const module = table.get(name.slice(0, dot));
    const newName = module === undefined ? name : `${module}${name.slice(dot)}`;
    // Two names that become one: a file of both styles. It stays as it is, and loading refuses it.
    if (renamed.has(newName)) return { tensors, notes: [] };
    renamed.set(newName, tensor);
    if (newName === name) continue;
    count++;
    if (!example?.includes('block')) example = `${shorten(name)} is ${newName}`;
  }
  const note = `Renamed ${count} tensors from ${source.style}'s names to ${target.style}'s (${example}).`;
  return { tensors: renamed, notes: count > 0 ? [note] : [] };
}
