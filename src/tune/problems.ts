/** What a network asks the tables of kernels: its problems, each once, found on a device that computes nothing. */
import type { Posed } from '../bench/problem.ts';
import { type Form, problemsOf, runOnDry } from '../bench/problems.ts';
import { rowsOf } from '../bench/rows.ts';
import { boundless, dryDevice } from '../gpu/dry.ts';
import type { Device } from '../gpu/index.ts';
import { noGrad, scope } from '../tensor/index.ts';

/** A network, and how it is run. */
export interface NetworkForm {
  network: string;
  form: Form;
}

/** A problem as the tables name it, posed as the first network has it. */
export interface Tunable {
  key: string;
  posed: Posed;
}

/** The problems of `forms` for which there are tables of rows. */
export async function tunables(device: Device, forms: readonly NetworkForm[]): Promise<Tunable[]> {
  const posed = await problemsOf(
    device,
    forms.map(({ network, form }) => [[network], [form]]),
  );
  const byKey = new Map<string, Tunable>();
  for (const one of posed) {
    const rows = rowsOf(one, device);
    if (rows && !byKey.has(rows.key)) byKey.set(rows.key, { key: rows.key, posed: one });
  }
  return [...byKey.values()];
}

/** The keys of all problems that a run of a network has the tables decide. */
export async function keysAsked(device: Device, { network, form }: NetworkForm): Promise<Set<string>> {
  const asked = new Set<string>();
  const { device: dry } = await dryDevice({
    ...boundless(device),
    choices: {
      get(key) {
        asked.add(key);
        return undefined;
      },
    },
  });
  const run = (): void => runOnDry(dry, network, form);
  scope(() => (form.mode === 'evaluation' ? noGrad(run) : run()));
  dry.close();
  return asked;
}
