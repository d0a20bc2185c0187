/** Stops a run when somebody asked for it: a signal, a button. */
import type { Callback, RunEvent } from '../callback.ts';

/** Looks at `request` after each step, validation batch and epoch. The run can go on later where it was stopped. */
export function stopOn(request: { readonly requested: boolean }, reason = 'a stop was requested'): Callback {
  const look = ({ stop }: RunEvent): void => {
    if (request.requested) stop(reason);
  };
  return { name: 'stop-request', onStep: look, onValidation: look, onEpoch: look };
}
