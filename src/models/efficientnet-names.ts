/**
 * What torchvision and timm call the same parts of an EfficientNet. Weights come under either name, and a model
 * answers to the one that its weights have.
 *
 *              torchvision                    timm
 *   stem       features.0.0, features.0.1     conv_stem, bn1
 *   block      features.1.0 … features.7.n    blocks.0.0 … blocks.6.n
 *     expand     block.0.0, block.0.1           conv_pw, bn1
 *     depthwise  block.1.0, block.1.1           conv_dw, bn2
 *     squeeze    block.2.fc1, .fc2              se.conv_reduce, se.conv_expand
 *     project    block.3.0, block.3.1           conv_pwl, bn3
 *   head       features.8.0, features.8.1     conv_head, bn2
 *   classifier classifier.1                   classifier
 *
 * Where a block has no expansion, the later parts move up: block.0.0 is the depthwise convolution, and timm calls the
 * projection conv_pw.
 */

export type Naming = 'torchvision' | 'timm';

/** Names of a block's parts; pairs are a convolution and its norm. */
export interface BlockNames {
  expand: readonly [string, string];
  depthwise: readonly [string, string];
  excitation: string;
  excitationLayers: readonly [string, string];
  project: readonly [string, string];
}

export interface ModelNames {
  stem: readonly [string, string];
  block: (stage: number, index: number) => string;
  head: readonly [string, string];
  dropout: string;
  classifier: string;
  /** Names of the stages: stem, seven times blocks, head, classifier. */
  stages: readonly string[];
  /** Modules whose names do not begin with their stage's. */
  stagePrefixes: Readonly<Record<string, readonly string[]>>;
}

/** Names inside a block with or without expansion and squeeze-and-excitation. */
export function blockNames(naming: Naming, expands: boolean, excites: boolean): BlockNames {
  if (naming === 'timm')
    return {
      expand: ['conv_pw', 'bn1'],
      depthwise: ['conv_dw', expands ? 'bn2' : 'bn1'],
      excitation: 'se',
      excitationLayers: ['conv_reduce', 'conv_expand'],
      project: expands ? ['conv_pwl', 'bn3'] : ['conv_pw', 'bn2'],
    };
  const first = expands ? 1 : 0;
  const pair = (position: number): readonly [string, string] => [
    `block.${position}.0`,
    `block.${position}.1`,
  ];
  return {
    expand: pair(0),
    depthwise: pair(first),
    excitation: `block.${first + 1}`,
    excitationLayers: ['fc1', 'fc2'],
    project: pair(first + (excites ? 2 : 1)),
  };
}

const SEVEN = [0, 1, 2, 3, 4, 5, 6];

/** Names of the model's parts. */
export const MODEL_NAMES: Record<Naming, ModelNames> = {
  torchvision: {
    stem: ['features.0.0', 'features.0.1'],
    block: (stage, index) => `features.${stage + 1}.${index}`,
    head: ['features.8.0', 'features.8.1'],
    dropout: 'classifier.0',
    classifier: 'classifier.1',
    stages: ['features.0', ...SEVEN.map((stage) => `features.${stage + 1}`), 'features.8', 'classifier'],
    stagePrefixes: {},
  },
  timm: {
    stem: ['conv_stem', 'bn1'],
    block: (stage, index) => `blocks.${stage}.${index}`,
    head: ['conv_head', 'bn2'],
    dropout: 'dropout',
    classifier: 'classifier',
    stages: ['conv_stem', ...SEVEN.map((stage) => `blocks.${stage}`), 'conv_head', 'classifier'],
    stagePrefixes: {
      conv_stem: ['conv_stem', 'bn1'],
      conv_head: ['conv_head', 'bn2'],
      classifier: ['dropout', 'classifier'],
    },
  },
};
