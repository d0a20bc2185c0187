/** Work that takes long: a button that begins it, how far it is, one that ends it, and what came out. */
import { type ReadonlySignal, signal } from '@preact/signals';
import { formatSeconds } from '../../../src/text/figures.ts';
import { isAbort } from '../client.ts';
import type { CallName, Calls, Step } from '../contract.ts';
import { client, failed, type Pending, ready, waiting } from '../state.ts';

/** Calls that tell their steps. */
type Stepwise = {
  [Name in CallName]: Calls[Name]['event'] extends Step
    ? Step extends Calls[Name]['event']
      ? Name
      : never
    : never;
}[CallName];

/** It outlives the place that began it: a reader may look elsewhere meanwhile. */
export class Job<Name extends Stepwise> {
  readonly step = signal<Step | null>(null);
  readonly outcome = signal<Pending<Calls[Name]['result']> | null>(null);
  private running: AbortController | null = null;

  /** @param onStep told of each step, where the last one is not enough */
  constructor(
    private readonly name: Name,
    private readonly onStep: (step: Calls[Name]['event']) => void = () => undefined,
  ) {}

  async begin(argument: Calls[Name]['argument']): Promise<void> {
    this.running?.abort();
    const running = new AbortController();
    const { signal } = running;
    this.running = running;
    this.step.value = null;
    this.outcome.value = waiting;
    try {
      const onEvent = (event: Calls[Name]['event']): void => {
        this.step.value = event as Step;
        this.onStep(event);
      };
      this.outcome.value = ready(await client.ask(this.name, argument, { signal, onEvent }));
    } catch (error) {
      this.outcome.value = isAbort(error) ? null : failed(error);
    }
  }

  end(): void {
    this.running?.abort();
  }

  /** Ends it, and forgets what came out. */
  clear(): void {
    this.end();
    this.step.value = null;
    this.outcome.value = null;
  }
}

const leftOf = ({ left }: Step): string => (left == null ? '' : `, ${formatSeconds(left)} left`);

interface Props {
  job: { step: ReadonlySignal<Step | null>; outcome: ReadonlySignal<Pending<unknown> | null>; end(): void };
  begin: () => void;
  label: string;
}

export function JobControls({ job, begin, label }: Props) {
  const { state } = job.outcome.value ?? { state: 'none' };
  const step = job.step.value;
  return (
    <div aria-live="polite">
      {state === 'waiting' ? (
        <div class="row">
          <label class="progress grow">
            {step ? `${step.done} of ${step.total}: ${step.name}${leftOf(step)}` : 'Beginning …'}
            <progress value={step?.done} max={step?.total} />
          </label>
          <button type="button" onClick={() => job.end()}>
            Stop
          </button>
        </div>
      ) : (
        <button type="button" onClick={begin}>
          {label}
        </button>
      )}
      {job.outcome.value?.state === 'failed' && <p class="fault">{job.outcome.value.message}</p>}
    </div>
  );
}
