/** A place that is fetched when it is opened: the first load is without it. */
import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { failed, type Pending, ready, waiting } from '../state.ts';

export function later(fetched: () => Promise<ComponentType>): ComponentType {
  return function Later() {
    const place = useSignal<Pending<ComponentType>>(waiting);
    useEffect(() => {
      fetched().then(
        (component) => {
          place.value = ready(component);
        },
        (error: unknown) => {
          place.value = failed(error);
        },
      );
    }, [place]);
    const current = place.value;
    if (current.state === 'failed') return <p class="fault">{current.message}</p>;
    if (current.state === 'waiting') return <p class="muted">…</p>;
    const View = current.value;
    return <View />;
  };
}
