/**
 * Freezing: which parameters train. A frozen parameter records no gradient, so a frozen prefix of a network has no
 * backward pass and saves no activations; a module whose parameters are all frozen behaves as in evaluation (running
 * statistics, nothing dropped), also after `model.train()`.
 */
import type { Tensor } from '../tensor/index.ts';
import { didYouMean } from '../text/suggest.ts';
import { BatchNorm2d } from './layers.ts';
import { maskGradient } from './mask.ts';
import type { Model } from './model.ts';

/**
 * What to freeze: every stage before one, everything except some prefixes, the parameters whose names match, or the
 * batch norms. Frozen norms keep their running statistics, which a few small batches of other pictures would spoil.
 */
export type FreezeSpec =
  | { readonly before: string }
  | { readonly except: readonly string[] }
  | { readonly match: RegExp | ((name: string) => boolean) }
  | { readonly norms: true };

/** What trains after freezing, in numbers and stages. */
export interface FreezeReport {
  /** Stages of which nothing trains. */
  frozenStages: string[];
  /** Whether batch norms are frozen in stages of which the rest trains. */
  frozenNorms: boolean;
  /** Values that are frozen. */
  frozenParameters: number;
  /** Values that train. */
  trainableParameters: number;
}

/**
 * Freezes what `spec` names, in addition to what is frozen already.
 * @throws RangeError for a stage or prefix that does not exist (with the list), and where nothing matches
 */
export function freeze(model: Model, spec: FreezeSpec): FreezeReport {
  const chosen = chooser(model, spec);
  let found = 0;
  for (const [name, parameter] of model.namedParameters()) {
    if (!chosen(name)) continue;
    found++;
    setTrains(parameter, false);
  }
  const name = wanted(spec);
  if (found === 0 && name !== null) throw new RangeError(`freeze: ${name} names no parameter`);
  return markModules(model);
}

/** Lets every parameter train again, all of it: masks (`maskGradient`) come off. */
export function unfreeze(model: Model): FreezeReport {
  for (const parameter of model.parameters()) maskGradient(parameter, null);
  return trainOnly(model, () => true);
}

/** Lets the parameters that `trains` picks by their names train, and freezes the others. Masks stay. */
export function trainOnly(model: Model, trains: (name: string) => boolean): FreezeReport {
  for (const [name, parameter] of model.namedParameters()) setTrains(parameter, trains(name));
  return markModules(model);
}

function setTrains(parameter: Tensor, trains: boolean): void {
  parameter.requiresGrad = trains;
  if (trains) return;
  parameter.grad?.dispose();
  parameter.grad = null;
}

/** The names of the parameters of a model's batch norms. */
export function normNames(model: Model): Set<string> {
  const norms = [...model.namedModules()].filter(([, module]) => module instanceof BatchNorm2d);
  return new Set(norms.flatMap(([path, norm]) => [...norm.namedParameters(path)].map(([name]) => name)));
}

/** What `spec` names, where it is a mistake if that is nothing; null where there may be none. */
function wanted(spec: FreezeSpec): string | null {
  if ('match' in spec) return spec.match instanceof RegExp ? `${spec.match}` : null;
  return 'except' in spec ? `everything except ${spec.except.join(', ')}` : null;
}

/** Tells of a parameter whether `spec` freezes it. */
function chooser(model: Model, spec: FreezeSpec): (name: string) => boolean {
  if ('match' in spec) {
    const { match } = spec;
    return match instanceof RegExp ? (name) => name.search(match) >= 0 : match;
  }
  if ('norms' in spec) {
    const norms = normNames(model);
    return (name) => norms.has(name);
  }
  if ('before' in spec) {
    const first = model.stageIndex(spec.before);
    return (name) => model.stageIndex(model.stageOf(name)) < first;
  }
  const names = [...model.namedParameters()].map(([name]) => name);
  const keeps = (kept: string, name: string): boolean =>
    name === kept || name.startsWith(`${kept}.`) || model.stageOf(name) === kept;
  for (const kept of spec.except)
    if (!names.some((name) => keeps(kept, name)))
      throw new RangeError(
        `freeze: nothing is called '${kept}'; ${didYouMean(kept, model.stages) ?? `the stages are ${model.stages.join(', ')}, and prefixes of parameter names work too`}`,
      );
  return (name) => !spec.except.some((kept) => keeps(kept, name));
}

/**
 * Marks the modules that freeze with their parameters: those that have parameters, all of them frozen, and everything
 * (dropout, for example) in a stage of which nothing trains.
 */
function markModules(model: Model): FreezeReport {
  const trains = new Set<string>();
  const report: FreezeReport = {
    frozenStages: [],
    frozenNorms: false,
    frozenParameters: 0,
    trainableParameters: 0,
  };
  for (const [name, parameter] of model.namedParameters()) {
    if (parameter.requiresGrad) trains.add(model.stageOf(name));
    report[parameter.requiresGrad ? 'trainableParameters' : 'frozenParameters'] += parameter.size;
  }
  report.frozenStages = model.stages.filter((stage) => !trains.has(stage));
  const parameters = new Map(model.namedParameters());
  report.frozenNorms = [...normNames(model)].some(
    (name) => !parameters.get(name)!.requiresGrad && trains.has(model.stageOf(name)),
  );
  for (const [path, module] of model.namedModules()) {
    const parameters = [...module.namedParameters()];
    const owned = parameters.length > 0 && parameters.every(([, parameter]) => !parameter.requiresGrad);
    module.frozen = owned || (path !== '' && inFrozenStage(model, path, report.frozenStages));
  }
  return report;
}

/** Whether a module lies in a frozen stage. Containers that span stages (`features`) lie in none. */
function inFrozenStage(model: Model, path: string, frozenStages: readonly string[]): boolean {
  const stage = model.findStage(path);
  return stage !== undefined && frozenStages.includes(stage);
}
