/**
 * Channels as the row `grouped` reads and writes them: a vec4 where those of a group are fours. Else single values, of which a
 * lane has a block, in the components of a vector:
 *
 *   channels of a group   1     2       3         5             6             7                 8
 *   blocks                a     a b     a b c     a b c│a b –   a b c│a b c   a b c d│a b c –   vec4 vec4
 */
import { type Element, widthOf } from '../parts/element.ts';

/** A vec4, or so many values. */
export type Block = 'vec4f' | 1 | 2 | 3 | 4;

/** As a buffer is bound. */
export const elementOf = (block: Block): Element => (block === 'vec4f' ? 'vec4f' : 'f32');
/** Elements of a block, and values. */
export const blockElements = (block: Block): number => (block === 'vec4f' ? 1 : block);
export const blockWidth = (block: Block): number => blockElements(block) * widthOf(elementOf(block));
/** The type of a block in registers. */
export const typeOf = (block: Block): string => ['f32', 'vec2f', 'vec3f', 'vec4f'][blockWidth(block) - 1]!;

/** The blocks of so many channels: as few as possible, where one costs three loads beside those of its channels. */
export function blockOf(channels: number): Block {
  if (channels % 4 === 0) return 'vec4f';
  const costOf = (block: number): number => Math.ceil(channels / block) * (block + 3);
  return ([4, 3, 2, 1] as const).reduce((best, block) => (costOf(block) < costOf(best) ? block : best));
}

/** WGSL: a component of a vector of so many, or the number itself. */
export const part = (name: string, index: number, of: number): string =>
  of === 1 ? name : `${name}.${'xyzw'[index]}`;
