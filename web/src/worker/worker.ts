/** The worker: one session, and the calls of the contract. What a place needs beside classifying is loaded when it asks. */

import { defaultEntry } from '../../../src/weights/catalog/catalog.ts';
import { DEFAULT_MODEL } from '../../../src/weights/start.ts';
import pretrained from '../../../weights/efficientnet_lite0.safetensors?url';
import { classify } from './classify.ts';
import { fetchedOnce } from './fetched.ts';
import { serve } from './serve.ts';
import { Session } from './session.ts';

const session = new Session();
const { file, sha256 } = defaultEntry(DEFAULT_MODEL)!.shipped!;

serve({
  open: () => session.facts(),
  async load(weights, { signal, tell }) {
    if (weights === 'pretrained') {
      const address = new URL(pretrained, import.meta.url).href;
      return session.load(weights, await fetchedOnce(address, sha256, tell, signal), file);
    }
    return session.load(weights, new Uint8Array(await weights.blob.arrayBuffer()), weights.name);
  },
  classify: (photo) => classify(session, photo),
  explain: async (asked, context) => (await import('./explain.ts')).explain(session, asked, context),
  gpu: async () => (await import('./gpu.ts')).gpuFacts(session),
  verify: async (asked, context) => (await import('./gpu.ts')).certify(session, asked, context),
  bench: async (asked, context) => (await import('./gpu.ts')).bench(session, asked, context),
  teach: async (lesson, context) => (await import('./teach.ts')).teach(session, lesson, context),
  figure: async (name) => (await import('./inside.ts')).figure(session, name),
  inside: async (asked) => (await import('./inside.ts')).inside(session, asked),
  measure: async (name) => (await import('./inside.ts')).measure(session, name),
});
