/** Looking at a model without leaving a trace in it. */
import type { Module } from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';

/**
 * Runs `body` while the model is in evaluation mode and none of its parameters asks for a gradient, and sets both as they
 * were before: the mode of each module, since a program may have set them one by one.
 */
export function observing<Result>(model: Module, body: () => Result): Result {
  const modes: [Module, boolean][] = [];
  for (const [, module] of model.namedModules()) modes.push([module, module.training]);
  const trained: Tensor[] = [...model.parameters()].filter(({ requiresGrad }) => requiresGrad);
  model.eval();
  for (const parameter of trained) parameter.requiresGrad = false;
  try {
    return body();
  } finally {
    for (const [module, training] of modes) module.training = training;
    for (const parameter of trained) parameter.requiresGrad = true;
  }
}
