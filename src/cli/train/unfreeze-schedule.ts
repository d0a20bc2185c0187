/**
 * `--unfreeze-schedule head:3,layer4:2,all:2`: gradual unfreezing (Howard & Ruder 2018, section 3.1). STAGE:EPOCHS, one
 * after the other: for so many epochs that stage trains, and all behind it. Stages come from the last layer towards the
 * input, so that nothing that trained freezes again.
 */
import type { PhaseSettings } from '../../train/settings.ts';
import { UserError } from '../ui.ts';

/** What trains for how many epochs. */
export type Unfreezing = Pick<PhaseSettings, 'trainFrom' | 'epochs'>;

const EXAMPLE = '--unfreeze-schedule head:3,all:2 trains the last layer for 3 epochs, then everything for 2';

/** The phases that a schedule says; the names of stages are looked at by whoever knows the network (`inOrder`). */
export function unfreezing(schedule: string): Unfreezing[] {
  return schedule.split(',').map((part) => {
    const [, trainFrom, epochs] = /^\s*([^:]+):(\d+)\s*$/.exec(part) ?? [];
    if (trainFrom === undefined || !(Number(epochs) >= 1))
      throw new UserError(
        `--unfreeze-schedule: '${part}' is no STAGE:EPOCHS with a whole number from 1 on; ${EXAMPLE}`,
      );
    return { trainFrom, epochs: Number(epochs) };
  });
}

/** The schedule in words that `unfreezing` reads; neighbours of the same stage are one. */
export function scheduleOf(phases: readonly Unfreezing[]): string {
  const parts: Unfreezing[] = [];
  for (const { trainFrom, epochs } of phases) {
    const last = parts.at(-1);
    if (last?.trainFrom === trainFrom) last.epochs += epochs;
    else parts.push({ trainFrom, epochs });
  }
  return parts.map(({ trainFrom, epochs }) => `${trainFrom}:${epochs}`).join();
}

/**
 * @param trains how many parameters train from a stage on
 * @throws UserError where a stage comes after one that lies before it, or twice
 */
export function inOrder(phases: readonly Unfreezing[], trains: (trainFrom: string) => number): void {
  for (const [index, { trainFrom }] of phases.entries()) {
    const before = phases[index - 1]?.trainFrom;
    if (before === undefined || trains(trainFrom) > trains(before)) continue;
    throw new UserError(
      `--unfreeze-schedule: '${trainFrom}' after '${before}' lets nothing more train; name stages from the last one towards the input (${EXAMPLE})`,
    );
  }
}
