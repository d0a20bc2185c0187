/** What the worker answers, as a signal: asked anew when the argument changes, and the question before it is dropped. */
import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { isAbort } from '../client.ts';
import type { CallName, Calls } from '../contract.ts';
import { client, failed, network, type Pending, ready, waiting } from '../state.ts';

/**
 * @param argument undefined asks nothing yet
 * @param key tells arguments apart
 */
export function useAsk<Name extends CallName>(
  name: Name,
  argument: Calls[Name]['argument'] | undefined,
  key: string,
): ReadonlySignal<Pending<Calls[Name]['result']>> {
  const answer = useSignal<Pending<Calls[Name]['result']>>(waiting);
  const answering = network.value;
  useEffect(() => {
    answer.value = waiting;
    if (argument === undefined || answering.state !== 'ready') return;
    const wanted = new AbortController();
    client.ask(name, argument, { signal: wanted.signal }).then(
      (result) => {
        answer.value = ready(result);
      },
      (error: unknown) => {
        if (!isAbort(error)) answer.value = failed(error);
      },
    );
    return () => wanted.abort();
  }, [name, key, argument === undefined, answering]);
  return answer;
}
