/** The worker: one session, and the calls of the contract. What a place needs beside classifying is loaded when it asks. */

import { defaultEntry } from '../../../src/weights/catalog/catalog.ts';
import { DEFAULT_MODEL } from '../../../src/weights/start.ts';
import pretrained from '../../../weights/efficientnet_lite0.safetensors?url';
import type { Fetched } from '../contract.ts';
import { classify } from './classify.ts';
import { fetchedOnce } from './fetched.ts';
import { serve } from './serve.ts';
import { Session } from './session.ts';

const { file, sha256 } = defaultEntry(DEFAULT_MODEL)!.shipped!;
const shipped = (tell: (fetched: Fetched) => void, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> =>
  fetchedOnce(new URL(pretrained, import.meta.url).href, sha256, tell, signal);
const session = new Session(async () => {
  const bytes = await shipped(() => undefined, new AbortController().signal);
  return { file, bytes };
});

serve({
  open: () => session.facts(),
  async load(weights, { signal, tell }) {
    if (weights === 'pretrained') return session.load(weights, await shipped(tell, signal), file);
    const bytes = new Uint8Array(await weights.blob.arrayBuffer());
    // The reader's file may move: what is taught on it keeps a copy.
    return session.load({ ...weights, blob: new Blob([bytes]) }, bytes, weights.name);
  },
  classify: (photo) => classify(session, photo),
  explain: async (asked, context) => (await import('./explain.ts')).explain(session, asked, context),
  gpu: async () => (await import('./gpu.ts')).gpuFacts(session),
  verify: async (asked, context) => (await import('./gpu.ts')).certify(session, asked, context),
  bench: async (asked, context) => (await import('./bench.ts')).bench(session, asked, context),
  look: async (photo) => (await import('./look.ts')).look(photo),
  teach: async (lesson, context) => (await import('./teach.ts')).teach(session, lesson, context),
  taughtFile: async (asked) => (await import('./taught-file.ts')).taughtFile(session, asked),
  packLesson: async (content) => (await import('./lesson-file.ts')).packLesson(content),
  openLesson: async (file) => (await import('./lesson-file.ts')).openLesson(file),
  step: async (asked, context) => (await import('./step/step.ts')).step(session, asked, context),
  figure: async (name) => (await import('./inside.ts')).figure(session, name),
  inside: async (asked) => (await import('./inside.ts')).inside(session, asked),
  measure: async (name) => (await import('./inside.ts')).measure(session, name),
});
