/** Which files of the repository a part is written in. Their text is fetched when a reader opens it. */
import kernelsByName from 'virtual:kernel-files';
import type { Part } from '../../contract.ts';

/** The text of every file of networks and kernels, by its path from the root of the project. */
const texts = import.meta.glob<string>(['../../../../src/models/*.ts', '../../../../src/kernels/**/*.ts'], {
  query: '?raw',
  import: 'default',
});

export const textOf = (file: string): Promise<string> => texts[`../../../../${file}`]!();

const MODEL_FILES: readonly (readonly [name: RegExp, files: readonly string[]])[] = [
  [/^alexnet/, ['alexnet']],
  [/^res|^wide/, ['resnet']],
  [/^mobilenet/, ['mobilenet', 'mbconv-net', 'mbconv']],
  [/./, ['efficientnet', 'mbconv-net', 'mbconv']],
];

export const modelFiles = (model: string): string[] =>
  MODEL_FILES.find(([name]) => name.test(model))![1].map((file) => `src/models/${file}.ts`);

/** The file of a shader's kernel, by the longest beginning of its name that a file gives. */
export function kernelFile(program: string): string | null {
  const [found] = Object.entries(kernelsByName)
    .filter(([start]) => program.startsWith(start))
    .sort(([a], [b]) => b.length - a.length);
  return found?.[1] ?? null;
}

/** The line of a model's file that makes a part, from 1: where its attribute is set, else its class; 0 where neither is there. */
export function lineOf(text: string, { path, kind }: Part, layers: readonly Part[]): number {
  const lines = text.split('\n');
  const names =
    kind === 'stage' || kind.startsWith('block') ? [path, ...layers.map((layer) => layer.path)] : [path];
  for (const name of names) {
    const attribute = name
      .split('.')
      .filter((one) => !/^\d+$/.test(one))
      .at(-1)!
      .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const at = lines.findIndex((line) => new RegExp(`this\\.${attribute}\\s*=|\\b${attribute}:`).test(line));
    if (at >= 0) return at + 1;
  }
  return lines.findIndex((line) => /^export class/.test(line)) + 1;
}
