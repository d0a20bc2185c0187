/**
 * The weights that ship with the project, by the name of the model that they are for: what
 * `createModel(name, { weights: 'pretrained' })` loads.
 */

/** A file in weights/ and the properties that its numbers depend on. */
export interface ShippedWeights {
  /** File name inside weights/. */
  file: string;
  /** How the network pads its convolutions: 'torch' symmetric, 'same' as TensorFlow. */
  padding?: 'torch' | 'same';
  /** Batch norm's epsilon. */
  normEps?: number;
}

/** By model name. */
export const SHIPPED: Readonly<Record<string, ShippedWeights>> = {};
