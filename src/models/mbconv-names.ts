/**
 * What libraries call the same parts of a network of MBConv blocks. Weights come under any of these names, and a model
 * answers to the one that its weights have.
 *
 *                torchvision (EfficientNet)    timm                          lukemelas (EfficientNet-PyTorch)
 *   stem         features.0.0, features.0.1    conv_stem, bn1                _conv_stem, _bn0
 *   block        features.1.0 … features.7.n   blocks.0.0 … blocks.6.n       _blocks.0 … _blocks.15
 *     expand       block.0.0, block.0.1          conv_pw, bn1                  _expand_conv, _bn0
 *     depthwise    block.1.0, block.1.1          conv_dw, bn2                  _depthwise_conv, _bn1
 *     squeeze      block.2.fc1, block.2.fc2      se.conv_reduce, .conv_expand  _se_reduce, _se_expand
 *     project      block.3.0, block.3.1          conv_pwl, bn3                 _project_conv, _bn2
 *   head         features.8.0, features.8.1    conv_head, bn2                _conv_head, _bn1
 *   classifier   classifier.1                  classifier                    _fc
 *
 * Where a block has no expansion, the later parts move up: block.0.0 is the depthwise convolution, and timm calls the
 * projection conv_pw. lukemelas counts blocks through all stages.
 */

/** A convolution and its norm. */
export type NamePair = readonly [conv: string, norm: string];

/** Names of a block's parts. */
export interface BlockNames {
  expand: NamePair;
  depthwise: NamePair;
  /** The module of squeeze-and-excitation, and its two layers inside. */
  excitation: string;
  excitationLayers: readonly [string, string];
  project: NamePair;
}

/** Where a block stands: its row of the table, its place in the row, and its place among all blocks. */
export interface BlockPlace {
  stage: number;
  index: number;
  flat: number;
}

/** A part of the network: the stage that it belongs to, and its modules. */
export interface PartNames<Names> {
  stage: string;
  names: Names;
}

export interface Naming {
  stem: PartNames<NamePair>;
  block: (place: BlockPlace) => PartNames<string>;
  /** Names inside a block with or without expansion and squeeze-and-excitation. */
  parts: (expands: boolean, excites: boolean) => BlockNames;
  /** Of a network with this many rows and blocks. */
  head: (stages: number, blocks: number) => PartNames<NamePair>;
  classifier: PartNames<string>;
  dropout: string;
}

/** torchvision's names of EfficientNet. */
const TORCHVISION: Naming = {
  stem: { stage: 'features.0', names: ['features.0.0', 'features.0.1'] },
  block: ({ stage, index }) => ({
    stage: `features.${stage + 1}`,
    names: `features.${stage + 1}.${index}`,
  }),
  parts: (expands, excites) => {
    const pair = (position: number): NamePair => [`block.${position}.0`, `block.${position}.1`];
    const first = expands ? 1 : 0;
    return {
      expand: pair(0),
      depthwise: pair(first),
      excitation: `block.${first + 1}`,
      excitationLayers: ['fc1', 'fc2'],
      project: pair(first + (excites ? 2 : 1)),
    };
  },
  head: (stages) => ({
    stage: `features.${stages + 1}`,
    names: [`features.${stages + 1}.0`, `features.${stages + 1}.1`],
  }),
  classifier: { stage: 'classifier', names: 'classifier.1' },
  dropout: 'classifier.0',
};

const TIMM: Naming = {
  stem: { stage: 'conv_stem', names: ['conv_stem', 'bn1'] },
  block: ({ stage, index }) => ({ stage: `blocks.${stage}`, names: `blocks.${stage}.${index}` }),
  parts: (expands) => ({
    expand: ['conv_pw', 'bn1'],
    depthwise: ['conv_dw', expands ? 'bn2' : 'bn1'],
    excitation: 'se',
    excitationLayers: ['conv_reduce', 'conv_expand'],
    project: expands ? ['conv_pwl', 'bn3'] : ['conv_pw', 'bn2'],
  }),
  head: () => ({ stage: 'conv_head', names: ['conv_head', 'bn2'] }),
  classifier: { stage: 'classifier', names: 'classifier' },
  dropout: 'dropout',
};

/** Files only: no model answers to these names. */
const LUKEMELAS: Naming = {
  stem: { stage: '_conv_stem', names: ['_conv_stem', '_bn0'] },
  block: ({ stage, flat }) => ({ stage: `${stage}`, names: `_blocks.${flat}` }),
  parts: () => ({
    expand: ['_expand_conv', '_bn0'],
    depthwise: ['_depthwise_conv', '_bn1'],
    excitation: '',
    excitationLayers: ['_se_reduce', '_se_expand'],
    project: ['_project_conv', '_bn2'],
  }),
  head: () => ({ stage: '_conv_head', names: ['_conv_head', '_bn1'] }),
  classifier: { stage: '_fc', names: '_fc' },
  dropout: '_dropout',
};

export const NAMINGS = { torchvision: TORCHVISION, timm: TIMM, lukemelas: LUKEMELAS } as const;
