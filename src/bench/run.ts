/** What a run of the bench measures: the choice of works by group, filter, shapes and rows, as tasks of one list. */
import type { Device } from '../gpu/index.ts';
import { kernelTasks, type WithRows } from './kernels.ts';
import { modelCases, modelTask } from './models.ts';
import { nameOf, type Posed } from './problem.ts';
import { FORMS, NETWORKS, problemsOf, TRAINED } from './problems.ts';
import { problemsOfShape } from './shapes.ts';
import type { Facts, Task } from './tasks.ts';
import { updateTask } from './updates.ts';

export const GROUPS = ['kernels', 'models', 'ceiling'] as const;
export type Group = (typeof GROUPS)[number];

export interface Choice {
  groups: readonly Group[];
  /** Only works with this in their name, group, op or networks; upper or lower case. */
  filter?: string;
  /** Problems in place of the networks' (shapes.ts). */
  shapes?: readonly string[];
  /** Networks in place of the usual ones. */
  networks?: readonly string[];
  rows: WithRows;
  /** Bytes that a work's inputs may take. */
  memory: number;
}

export interface Chosen {
  tasks: readonly Task[];
  /** How many works there were before the row was looked at, and the names of those that it does not compute. */
  matching: number;
  leftOut: readonly string[];
}

/** Problems that no network has and every bench does. */
const CLASSIC = ['matmul:512x512x512', 'matmul:1024x1024x1024'];

/** The works of a choice, the cheap ones to find first. @throws RangeError for a shape or a network that is none */
export async function chooseTasks(device: Device, choice: Choice): Promise<Chosen> {
  const { groups, rows, memory, shapes, networks } = choice;
  const tasks: Task[] = [];
  const leftOut: string[] = [];
  let matching = 0;
  const wanted = matcher(choice.filter);
  const posed = groups.includes('kernels') ? await posedProblems(device, choice) : [];
  for (const problem of posed) {
    if (!wanted(factsOf(problem))) continue;
    matching++;
    const made = kernelTasks(device, problem, rows, memory);
    for (const task of made) tasks.push(task);
    if (made.length === 0) leftOut.push(nameOf(problem));
  }
  const named = typeof rows === 'object' ? rows.row : null;
  const updates = groups.includes('kernels') && !shapes && named === null ? (networks ?? TRAINED) : [];
  const models = groups.includes('models') ? modelCases(networks) : [];
  const others = [
    ...updates.map((network) => updateTask(device, device, network)),
    ...models.map((model) => modelTask(device, model, named)),
  ];
  for (const task of await Promise.all(others)) {
    if (!wanted(task.facts)) continue;
    matching++;
    tasks.push(task);
  }
  return { tasks, matching, leftOut };
}

const factsOf = (posed: Posed): Pick<Facts, 'name' | 'group' | 'op' | 'networks'> => ({
  name: nameOf(posed),
  group: 'kernels',
  op: posed.problem.op,
  networks: posed.networks,
});

/** Tells of a work whether its name, group, op or networks hold `filter`. */
export function matcher(filter = ''): (facts: Pick<Facts, 'name' | 'group' | 'op' | 'networks'>) => boolean {
  const wanted = filter.toLowerCase();
  return ({ name, group, op, networks }) =>
    [name, group, op, ...networks.map((network) => network.name)].some((text) =>
      text.toLowerCase().includes(wanted),
    );
}

async function posedProblems(device: Device, { shapes, networks }: Choice): Promise<Posed[]> {
  if (shapes) return ofShapes(device, shapes);
  const [predicting, training] = FORMS;
  const found = networks
    ? await problemsOf(device, [[networks, FORMS]])
    : await problemsOf(device, [
        [NETWORKS, [predicting!]],
        [TRAINED, [training!]],
      ]);
  return [...(networks ? [] : await ofShapes(device, CLASSIC)), ...found];
}

async function ofShapes(device: Device, shapes: readonly string[]): Promise<Posed[]> {
  const found = new Map<string, Posed>();
  for (const shape of shapes)
    for (const posed of await problemsOfShape(device, shape)) found.set(nameOf(posed), posed);
  return [...found.values()];
}
