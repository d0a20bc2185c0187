/**
 * onnxruntime-node: `webgpu`, its execution provider on Dawn, or `cpu`, its native kernels. A first session is profiled: where
 * a node of the network did not run on the provider that was asked for, the peer fails.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaseFiles } from '../protocol.ts';
import { floats, versionOf } from './files.ts';
import { serve } from './serve.ts';

// Its package is not the project's, so that its types are not known here.
const ORT = 'onnxruntime-node';
const loaded = await import(ORT);
// As an older module it comes with or without `default`, by who loads it.
const ort = loaded.default ?? loaded;

const provider = process.argv[2] === 'cpu' ? 'cpu' : 'webgpu';

// biome-ignore lint/suspicious/noExplicitAny: see above
let session: any;
// biome-ignore lint/suspicious/noExplicitAny: see above
let tensors: any[];
let what: CaseFiles;

/** How many nodes each provider ran, by a profile of one call; it takes the time of a cold call, so `call` does it last. */
async function providersOf({ files }: CaseFiles): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-peers-'));
  try {
    const profiled = await ort.InferenceSession.create(files.onnx, {
      executionProviders: [provider],
      enableProfiling: true,
      profileFilePrefix: join(folder, 'profile'),
    });
    await profiled.run({ input: tensors[0] });
    profiled.endProfiling();
    await profiled.release();
    const counts: Record<string, number> = {};
    const events = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')) as {
      args?: { provider?: string };
    }[];
    for (const { args } of events)
      if (args?.provider) counts[args.provider] = (counts[args.provider] ?? 0) + 1;
    return counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

let proven = false;

/** @throws Error where a node ran elsewhere */
async function prove(): Promise<void> {
  const counts = await providersOf(what);
  const wanted = provider === 'cpu' ? 'CPUExecutionProvider' : 'WebGpuExecutionProvider';
  const elsewhere = Object.keys(counts).filter((name) => name !== wanted);
  if (!counts[wanted] || elsewhere.length > 0)
    throw new Error(`onnxruntime ran nodes on ${Object.keys(counts).join(', ')}, not on ${wanted} alone`);
  proven = true;
}

await serve({
  async open() {
    const versions = { onnxruntime: versionOf(ORT) };
    if (provider === 'cpu') return { adapter: cpus()[0]?.model.trim() ?? 'CPU', kind: 'cpu', versions };
    return { adapter: '', kind: 'webgpu', versions };
  },
  async load(given) {
    what = given;
    const { batch, size, files } = what;
    tensors = files.nchw.map((path) => new ort.Tensor('float32', floats(path), [batch, 3, size, size]));
    session = await ort.InferenceSession.create(files.onnx, { executionProviders: [provider] });
    return null;
  },
  async call(input) {
    const { logits } = await session.run({ input: tensors[input] });
    // Not in the first call, whose time is taken.
    if (!proven && input > 0) await prove();
    return logits.data;
  },
});
