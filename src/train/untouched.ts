/** Training that leaves no trace: what is tried on a network before its run. */
import type { Model } from '../nn/index.ts';
import { copyOf, keep, type Tensor } from '../tensor/index.ts';

/**
 * What `work` gives. Afterwards the network is as before, to the bit: parameters, running statistics, mode, and which
 * modules are frozen; gradients are gone.
 */
export async function untouched<Result>(model: Model, work: () => Promise<Result>): Promise<Result> {
  const modules = [...model.namedModules()].map(([, module]) => module);
  const modes = modules.map(({ training, frozen }) => ({ training, frozen }));
  const tensors = [...model.tensors()].map(({ tensor }) => tensor);
  const before = tensors.map((tensor) => ({ copy: keep(copyOf(tensor)), trains: tensor.requiresGrad }));
  try {
    return await work();
  } finally {
    for (const [index, { copy, trains }] of before.entries()) restore(tensors[index], copy, trains);
    for (const [index, mode] of modes.entries()) Object.assign(modules[index], mode);
  }
}

function restore(tensor: Tensor, copy: Tensor, trains: boolean): void {
  tensor.device.commands.copy(copy.buffer, 0, tensor.buffer, 0, 4 * tensor.size);
  copy.dispose();
  tensor.grad?.dispose();
  tensor.grad = null;
  tensor.requiresGrad = trains;
}
