/** The frame: names of the places, what the network is, what is in the way, and the place where the reader is. */
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import icon from '../icon.svg?url';
import { Docs } from './parts/docs.tsx';
import { DropAnywhere } from './parts/drop.tsx';
import { later } from './parts/later.tsx';
import { NetworkLine } from './parts/network-line.tsx';
import { Classify } from './places/classify.tsx';
import { Trouble } from './places/trouble.tsx';
import { hashOf, PLACES, type PlaceName } from './route.ts';
import { adapter, route } from './state.ts';

interface Place {
  title: string;
  what: string;
  /** Pages of docs/ that are about it. */
  docs: readonly string[];
  component: ComponentType;
}

const VIEWS: Record<PlaceName, Place> = {
  classify: {
    ...{ title: 'Classify', what: 'What is in a picture', docs: ['page', 'other-files'] },
    component: Classify,
  },
  explore: {
    ...{ title: 'Explore', what: 'What each layer makes of it', docs: ['page', 'kernels'] },
    component: later(async () => (await import('./places/explore/explore.tsx')).Explore),
  },
  why: {
    ...{ title: 'Why', what: 'Where it looked', docs: ['explain'] },
    component: later(async () => (await import('./places/why.tsx')).Why),
  },
  teach: {
    ...{ title: 'Teach', what: 'Classes of your own', docs: ['page', 'fine-tuning', 'export'] },
    component: later(async () => (await import('./places/teach/teach.tsx')).Teach),
  },
  step: {
    title: 'A step',
    what: 'A training step under the glass',
    docs: ['page'],
    component: later(async () => (await import('./places/step/step.tsx')).Step),
  },
  gpu: {
    ...{ title: 'Your GPU', what: 'What this GPU computes, and how fast', docs: ['bench', 'ladder'] },
    component: later(async () => (await import('./places/gpu/gpu.tsx')).Gpu),
  },
};

export function App() {
  const { place } = route.value;
  const { title, what, docs, component: View } = VIEWS[place];
  useEffect(() => {
    document.title = `${title} · Tessera`;
  }, [title]);
  return (
    <>
      <button
        type="button"
        class="skip"
        onClick={() => document.querySelector<HTMLElement>('#main')!.focus()}
      >
        To the content
      </button>
      <header>
        <p class="brand">
          <img src={icon} alt="" width="22" height="22" /> Tessera
        </p>
        <nav aria-label="Places">
          {PLACES.map((name) => (
            <a key={name} href={hashOf(name)} aria-current={name === place ? 'page' : undefined}>
              {VIEWS[name].title}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        <h1>{what}</h1>
        {adapter.value.state === 'failed' ? (
          <Trouble message={adapter.value.message} />
        ) : (
          <>
            <NetworkLine />
            <View />
            <Docs key={place} names={docs} />
          </>
        )}
      </main>
      <footer>
        <p>
          Everything is computed in this page, on this machine's GPU. Pictures, weights and answers stay on
          the machine: the page fetches its own files and sends nothing.
        </p>
      </footer>
      <DropAnywhere />
    </>
  );
}
