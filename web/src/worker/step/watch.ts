/** What a network's layers compute, held while a step runs: their results, what norms are given, and gradients of results. */
import { BatchNorm2d, type Model, tapping } from '../../../../src/nn/index.ts';
import { listenToOps, type Tensor } from '../../../../src/tensor/index.ts';

/** Another handle of the same memory, which whoever holds it frees. */
const held = (tensor: Tensor): Tensor => tensor.alias(tensor.shape, true);

export class Watch {
  /** By the path of the layer, in the order of the forward pass. */
  readonly results = new Map<string, Tensor>();
  /** By the path of the norm. */
  readonly normInputs = new Map<string, Tensor>();
  /** Of results, by the path of the layer. */
  readonly gradients = new Map<string, Tensor>();
  private readonly nodes = new Map<object, string>();
  private readonly paths: ReadonlyMap<object, string>;
  private readonly normOf: ReadonlyMap<unknown, string>;

  constructor(model: Model) {
    const modules = [...model.namedModules()];
    this.paths = new Map(modules.map(([path, module]) => [module, path]));
    this.normOf = new Map(
      modules.flatMap(([path, module]) => (module instanceof BatchNorm2d ? [[module.weight, path]] : [])),
    );
  }

  /** Runs a forward pass. @param wanted tells of a layer's path whether it is held */
  forward<Result>(body: () => Result, wanted: (path: string) => boolean = () => true): Result {
    const deaf = listenToOps({
      computed: ({ name, inputs: [x, weight] }) => {
        const path = name === 'batchNorm' ? this.normOf.get(weight) : undefined;
        if (path !== undefined && wanted(path)) hold(this.normInputs, path, x!);
      },
    });
    try {
      return tapping((module, result) => {
        const path = this.paths.get(module)!;
        if (!wanted(path)) return;
        hold(this.results, path, result);
        if (result.node) this.nodes.set(result.node, path);
      }, body);
    } finally {
      deaf();
    }
  }

  /** Runs the backward pass of what `forward` ran. */
  backward(body: () => void): void {
    const deaf = listenToOps({
      began: ({ of, gradient }) => {
        const path = of && this.nodes.get(of);
        // A layer that was tapped twice, before and behind its activation: the nodes come from the back, so the last counts.
        if (path && gradient && !this.gradients.has(path)) this.gradients.set(path, held(gradient));
      },
    });
    try {
      body();
    } finally {
      deaf();
    }
  }

  dispose(): void {
    for (const map of [this.results, this.normInputs, this.gradients]) {
      for (const tensor of map.values()) tensor.dispose();
      map.clear();
    }
  }
}

function hold(map: Map<string, Tensor>, path: string, tensor: Tensor): void {
  map.get(path)?.dispose();
  map.set(path, held(tensor));
}
