/** The element of a program: four neighbouring values where a length is a multiple of four, else one. */
export type Element = 'vec4f' | 'f32';

/** The widest element that `length` is a whole number of. */
export const elementOf = (length: number): Element => (length % 4 === 0 ? 'vec4f' : 'f32');

/** Values in an element. */
export const widthOf = (element: Element): 4 | 1 => (element === 'vec4f' ? 4 : 1);
