/**
 * The finals: the winner and its controls, trained from scratch for equally many steps with a whole schedule, and measured on
 * the fresh pictures, which the search never saw. A score by which one of many was chosen flatters it; this one chose nothing.
 */

import type { BatchSource } from '../data/loader.ts';
import { boundless, dryDevice, PLAIN_DEVICE } from '../gpu/dry.ts';
import { summarise } from '../models/summary.ts';
import { buildModel, type Network } from '../models/table.ts';
import { Conv2d, type Model } from '../nn/index.ts';
import { plainStep, type Step } from '../train/step.ts';
import { type Context, learnerOf, type Surroundings } from './context.ts';
import type { CandidateLearner } from './learner.ts';
import type { SearchSources } from './pictures.ts';
import type { Final, FinalRole, Plan } from './result.ts';
import { mean, type PictureAnswers, pictureAnswers } from './score.ts';
import { type Choice, keyOf, tableOf } from './space.ts';

/** The networks of the space that are trained to the end; null where there is no such network. */
export interface Contenders {
  winner: Choice;
  'hand-made': Choice | null;
  random: Choice | null;
}

/** A network that was trained to the end, or only asked for its cost. */
export interface Finished {
  final: Final;
  /** Of the fresh pictures; null where it diverged or was not trained. */
  answers: PictureAnswers | null;
  model: Model | null;
}

const OWN = ['winner', 'hand-made', 'random'] as const satisfies readonly FinalRole[];
/** Well-known networks beside them. */
const REFERENCES = ['efficientnet_b0', 'mobilenet_v2'] as const satisfies readonly FinalRole[];

/** Planned seconds of a step, and of measuring all pictures. */
interface Pace {
  step: number;
  scores: number;
}

/** A network before it is trained. */
interface Entry {
  role: FinalRole;
  network: Network;
  choice: Choice | null;
  multiplyAdds: number;
  parameters: number;
  pace: Pace;
}

/** The steps that networks can take, each as many, in so many seconds. */
export function stepsWithin(seconds: number, paces: readonly Pace[]): number {
  const total = (key: keyof Pace): number => paces.reduce((sum, pace) => sum + pace[key], 0);
  return Math.max(0, Math.floor((seconds - total('scores')) / total('step')));
}

export class Finals {
  /** In the order of their roles. */
  readonly list: Finished[] = [];
  private readonly learners: CandidateLearner[] = [];

  constructor(
    private readonly around: Surroundings,
    private readonly context: Context,
    private readonly sources: SearchSources,
  ) {}

  /**
   * Trains and measures; a network of several roles once, and where there is a teacher the winner without it too.
   * @param seconds planned seconds of all of it
   */
  async run(contenders: Contenders, seconds: number): Promise<void> {
    const { teacher, references: trainsReferences = false } = this.around.options;
    const own = await this.entries(OWN, contenders);
    const references = await this.entries(REFERENCES, {});
    const different = own.filter(
      (entry, i) => i === own.findIndex(({ choice }) => same(entry.choice, choice)),
    );
    const trained = [...different, ...(teacher ? [own[0]!] : []), ...(trainsReferences ? references : [])];
    const paces = trained.map(({ pace }) => pace);
    const steps = Math.max(1, stepsWithin(seconds, paces));
    for (const entry of own) {
      const twin = this.list.find(({ final }) => final.network === keyOf(entry.choice!));
      this.list.push(
        twin
          ? { ...twin, final: { ...twin.final, role: entry.role } }
          : await this.trained(entry, steps, teacher !== undefined && entry.role === 'winner'),
      );
    }
    for (const entry of references) {
      const finished = trainsReferences ? await this.trained(entry, steps, false) : this.untrained(entry);
      if (finished) this.list.push(finished);
    }
    await this.measureLatencies();
  }

  of(role: FinalRole): Finished | null {
    return this.list.find(({ final }) => final.role === role) ?? null;
  }

  /** Frees the networks; their states stay in the store. */
  free(): void {
    for (const model of new Set(this.list.map((finished) => finished.model))) model?.dispose();
    for (const finished of this.list) finished.model = null;
  }

  /** Frees the networks and drops their states. */
  async dispose(): Promise<void> {
    this.free();
    for (const learner of this.learners) await learner.dispose();
  }

  /** Planned seconds of a network of the space. */
  paceOf(choice: Choice): Pace {
    const { stepSeconds, scoreSeconds } = this.context;
    return { step: stepSeconds(choice), scores: scoreSeconds(choice) * this.sets };
  }

  /** How many times as long as the held pictures alone all that are measured take. */
  private get sets(): number {
    const { held, fresh } = this.around.options.pictures;
    return 1 + fresh.length / held.length;
  }

  private async entries(
    roles: readonly FinalRole[],
    choices: Partial<Record<FinalRole, Choice | null>>,
  ): Promise<Entry[]> {
    const { space, plan } = this.around.options;
    const { classes: numClasses } = this.around.workshop;
    const { device } = await dryDevice(boundless(PLAIN_DEVICE));
    const entries = roles.flatMap((role) => {
      const choice = choices[role] ?? null;
      if (!choice && role in choices) return [];
      const network = choice ? tableOf(space, choice, `searched-${role}`) : role;
      const model = buildModel(network, { device, numClasses, initialise: false });
      const { multiplyAdds, parameters } = summarise(model, space.inputSize);
      const seconds = ({ a, b, c }: Plan['step']): number => a + b * multiplyAdds + c * blocksOf(model);
      const pace = choice
        ? this.paceOf(choice)
        : { step: seconds(plan.step), scores: seconds(plan.score) * this.sets };
      return [{ role, network, choice, multiplyAdds, parameters, pace }];
    });
    device.close();
    return entries;
  }

  private async trained(entry: Entry, steps: number, taught: boolean): Promise<Finished> {
    const { planned, options } = this.around;
    const { role, pace } = entry;
    const learner = this.learner(entry, `final-${role.replace('_', '-')}`);
    await learner.advance(steps, steps);
    const held = await answersOf(learner, this.sources.held);
    const answers = await answersOf(learner, this.sources.fresh);
    const model = await learner.handOver();
    planned.add(role, pace.scores, { known: false });
    const final: Final = {
      ...this.costs(entry),
      steps,
      held: held && figuresOf(held),
      fresh: answers && { ...figuresOf(answers), pictures: answers.losses.length },
      ...(taught && { untaught: await this.untaught(entry, steps) }),
    };
    options.hooks?.onFinal?.(final);
    return { final, answers, model };
  }

  /** What the winner is on the fresh pictures where no teacher takes part; null where it diverges so. */
  private async untaught(entry: Entry, steps: number): Promise<NonNullable<Final['untaught']> | null> {
    const learner = this.learner(entry, 'final-untaught', plainStep);
    await learner.advance(steps, steps);
    const answers = await answersOf(learner, this.sources.fresh);
    learner.leave();
    this.around.planned.add('untaught', entry.pace.scores, { known: false });
    return answers && figuresOf(answers);
  }

  private learner({ role, network, pace }: Entry, name: string, step?: () => Step): CandidateLearner {
    const learner = learnerOf(this.around, { name, network, what: role, stepSeconds: pace.step, step });
    this.learners.push(learner);
    return learner;
  }

  /** A network that is only asked for its cost; null where that is in milliseconds and nobody measures them. */
  private untrained(entry: Entry): Finished | null {
    const { workshop, options } = this.around;
    const inTime = options.target.unit === 'ms';
    if (inTime && !options.latencies) return null;
    const model = inTime
      ? buildModel(entry.network, { device: workshop.device, numClasses: workshop.classes }).eval()
      : null;
    return { final: { ...this.costs(entry), steps: 0, held: null, fresh: null }, answers: null, model };
  }

  private costs({
    role,
    network,
    choice,
    multiplyAdds,
    parameters,
  }: Entry): Omit<Final, 'steps' | 'held' | 'fresh'> {
    const counted = { ms: 0, 'multiply-adds': multiplyAdds, parameters };
    return {
      role,
      network: choice && keyOf(choice),
      table: typeof network === 'string' ? null : network,
      multiplyAdds,
      parameters,
      cost: choice ? this.context.cost(choice) : counted[this.around.options.target.unit],
      measured: null,
    };
  }

  /**
   * Times all networks side by side, so that a moment in which the machine is busy makes none of them slow. What is none of
   * the space's has no predicted milliseconds; its cost is what was measured.
   */
  private async measureLatencies(): Promise<void> {
    const { workshop, options } = this.around;
    const { target, latencies } = options;
    const models = [...new Set(this.list.map(({ model }) => model))].filter((model) => model !== null);
    if (target.unit !== 'ms' || !latencies || models.length === 0) return;
    const times = await workshop.time.spend('timing', () => latencies(models));
    for (const finished of this.list) {
      if (!finished.model) continue;
      const { final } = finished;
      final.measured = times[models.indexOf(finished.model)]!;
      if (final.network === null) final.cost = final.measured;
      if (final.steps > 0) continue;
      finished.model.dispose();
      finished.model = null;
    }
  }
}

const same = (a: Choice | null, b: Choice | null): boolean =>
  a !== null && b !== null && keyOf(a) === keyOf(b);

/** Blocks of any network of MBConv: each has one depthwise convolution. */
const blocksOf = (model: Model): number =>
  [...model.namedModules()].filter(([, module]) => module instanceof Conv2d && module.depthwise).length;

async function answersOf(learner: CandidateLearner, pictures: BatchSource): Promise<PictureAnswers | null> {
  const answers = await learner.answers(pictures);
  return answers && pictureAnswers(answers);
}

const figuresOf = ({ losses, right }: PictureAnswers): { loss: number; accuracy: number } => ({
  loss: mean(losses),
  accuracy: mean(right),
});
