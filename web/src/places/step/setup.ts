/** What a step is asked for: pictures with their classes, the network, what learns, and by what. */
import { computed, signal } from '@preact/signals';
import { Job } from '../../parts/job.tsx';
import { answers, network, pictures } from '../../state.ts';
import type { OptimiserName, StepPicture } from '../../step.ts';
import { held } from '../teach/alike.ts';
import { classes as taught } from '../teach/classes.ts';

/** Pictures of a step at most. */
export const MOST = 8;

export const source = signal<'teach' | 'classify'>('teach');
/** The stage that learns first; null for the default, the last one in front of the head. */
export const from = signal<string | null>(null);
export const norms = signal(true);
export const optimiser = signal<OptimiserName>('AdamW');
export const rate = signal(1e-3);
/** Of pictures of Classify by their numbers: the class that a reader chose, or that it stays out. */
export const targets = signal<ReadonlyMap<number, number | 'out'>>(new Map());

export const RATES = [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 1];

/** Classes of Teach with the pictures that they learn from; none where there is but one, which nothing can be told from. */
export const lesson = computed(() => {
  const filled = taught.value.flatMap(({ name, examples }) => {
    const learnt = examples.filter(({ id }) => !held.value.has(id));
    return learnt.length > 0 ? [{ name, examples: learnt }] : [];
  });
  return filled.length > 1 ? filled : [];
});

/** Where the pictures come from. */
export const usesTeach = computed(() => source.value === 'teach' && lesson.value.length > 0);

/** Pictures of Classify that can be in a step, with the class that each is to be taken for. */
export const candidates = computed(() =>
  pictures.value.slice(0, MOST).flatMap((picture) => {
    const answer = answers.value.get(picture.id);
    if (answer?.state !== 'ready') return [];
    const { top, probabilities } = answer.value;
    const target = targets.value.get(picture.id) ?? top[0]!;
    return [{ picture, top, probabilities, target }];
  }),
);

/** The pictures of the step: of Teach's classes in turn, so that none crowds the others out. */
export const chosenPictures = computed((): StepPicture[] => {
  if (usesTeach.value) {
    const longest = Math.max(...lesson.value.map(({ examples }) => examples.length));
    const inTurn = Array.from({ length: longest }, (_, place) =>
      lesson.value.flatMap(({ examples }, label) =>
        examples[place] ? [{ name: examples[place].name, blob: examples[place].blob, label }] : [],
      ),
    );
    return inTurn.flat().slice(0, MOST);
  }
  return candidates.value.flatMap(({ picture: { name, blob }, target }) =>
    target === 'out' ? [] : [{ name, blob, label: target }],
  );
});

export const job = new Job('step');

/** @param stages of the network */
export function begin(model: string, stages: readonly string[]): void {
  void job.begin({
    model,
    classes: usesTeach.value ? lesson.value.map(({ name }) => name.trim()) : null,
    pictures: chosenPictures.value,
    from: fromIn(stages),
    ...{ norms: norms.value, optimiser: optimiser.value, rate: rate.value },
  });
}

/** The stage that learns first in a network of these stages: what was chosen in another one may not be there. */
export const fromIn = (stages: readonly string[]): string =>
  from.value !== null && stages.includes(from.value) ? from.value : stages[Math.max(0, stages.length - 2)]!;

/** Classes of the network that answers. */
export const ownClasses = computed(() =>
  network.value.state === 'ready' ? network.value.value.classes : [],
);
