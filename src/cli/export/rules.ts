/** The formats of an export and their options: which of these leave nothing for another to say, what a checkpoint brings itself. */
import type { Library } from '../../export/libraries.ts';
import { refuseBesideCheckpoint } from '../checkpoint-options.ts';
import { flagOf } from '../command-line.ts';
import { UserError } from '../ui.ts';

export const TARGETS = ['onnx', 'pth', 'safetensors'] as const;
export type Target = (typeof TARGETS)[number];

export interface TargetOptions {
  opset?: number;
  softmax?: boolean;
  withPreprocessing?: boolean;
  names?: Library;
}

/** The formats that have a use for an option; the others have none. */
const USED_BY: Record<keyof TargetOptions, readonly Target[]> = {
  opset: ['onnx'],
  softmax: ['onnx'],
  withPreprocessing: ['onnx'],
  names: ['pth', 'safetensors'],
};

/** An option that the format has no use for is a misunderstanding. @throws UserError, a sentence that names it */
export function checkFormat({ to, ...given }: { to: Target } & TargetOptions): void {
  for (const [option, targets] of Object.entries(USED_BY))
    if (given[option as keyof TargetOptions] !== undefined && !targets.includes(to))
      throw new UserError(
        `${flagOf(option)} is for ${targets.join(' and ')}, so it does nothing to --to ${to}; leave it out`,
      );
}

/**
 * A checkpoint may be exported at another size than it was trained for, since the graph is of one: it says which.
 * @throws UserError where --model names what the checkpoint does
 */
export const checkCheckpoint = (path: string, { model }: { model?: string | undefined }): void =>
  refuseBesideCheckpoint(path, { model });
