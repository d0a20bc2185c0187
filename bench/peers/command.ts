/**
 * `npm run bench:peers`: other engines on the same adapter, with the same weights and inputs, checked before they are timed.
 * docs/peers.md says how it is measured.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { benchHeader } from '../../src/cli/bench/header.ts';
import { oneOf, positiveNumber, wholeNumber } from '../../src/cli/command-line.ts';
import { announceSoftware, onStop, printJson, progressBar, say, UserError } from '../../src/cli/ui.ts';
import { modelNames } from '../../src/models/table.ts';
import { openDevice } from '../../src/node/open-device.ts';
import { unknownName } from '../../src/text/suggest.ts';
import { PEERS, type Peer } from './peers.ts';
import { prepare, type Wanted } from './prepare.ts';
import { askPython, lacking } from './python.ts';
import { PEERS_VERSION, type PeersResult } from './result.ts';
import { emptyRow, runCase } from './rounds.ts';
import { peersText, titleOf } from './text.ts';

export const description =
  'Times other engines on this adapter beside Tessera, with the same weights and inputs: tfjs, jax-js and onnxruntime-node by npm; ncnn, ' +
  'tinygrad and PyTorch by Python where it has them. A peer that answers something else has no time. Its npm packages are fetched into ' +
  'bench/peers/node_modules when they are first needed.';

const NETWORKS = ['resnet18', 'efficientnet_b0', 'mobilenet_v2', 'alexnet'];
/** Networks whose pictures may be of 112² and that tfjs and jax-js differentiate: those with norms. */
const PASSES = ['forward', 'step', 'both'] as const;
const SIZE = { forward: 224, step: 112 } as const;
const STEP_BATCH = 4;

const words = (text: string): string[] => text.split(',').map((word) => word.trim());

export function options(command: Command): void {
  command
    .option('--networks <names>', 'networks, with commas between them', words, NETWORKS)
    .option(
      '--peers <names>',
      `peers, with commas between them, of ${PEERS.map(({ id }) => id).join(', ')}`,
      words,
    )
    .option('--pass <pass>', `what of them: ${PASSES.join(', ')}`, oneOf(PASSES), 'both')
    .option('--batch <n>', 'pictures of a forward pass', wholeNumber(1), 1)
    .option('--samples <n>', 'timed calls of each peer, in rounds of three', wholeNumber(3), 15)
    .option('--python <path>', 'the Python that has ncnn, tinygrad, torch', 'python3')
    .option(
      '--pretrained',
      "the networks' own weights where they are in weights/, in place of pseudo-random ones",
    )
    .option('--timeout <seconds>', 'how long a peer may take to answer', positiveNumber, 600)
    .option(
      '--keep-shader-cache',
      "leave the driver's shader cache on, so that first calls are fast where it is filled",
    )
    .option('--json', 'print one JSON document on stdout');
}

interface PeersOptions {
  networks: string[];
  peers?: string[];
  pass: (typeof PASSES)[number];
  batch: number;
  samples: number;
  python: string;
  pretrained?: boolean;
  timeout: number;
  keepShaderCache?: boolean;
  json?: boolean;
}

export async function run(_args: string[], given: PeersOptions): Promise<number> {
  const peers = chosenPeers(given.peers);
  const cases = chosenCases(given);
  await installPeers(peers);
  const found = askPython(
    given.python,
    peers.filter(({ runtime }) => runtime === 'python'),
  );
  const reasons = new Map(
    peers.map((peer) => [peer.id, peer.runtime === 'python' ? lacking(peer, found) : null] as const),
  );
  for (const peer of peers)
    if (reasons.get(peer.id)) say(`${peer.label} is left out: ${reasons.get(peer.id)}`);

  const device = await openDevice();
  announceSoftware(device);
  const stop = onStop('Stopping; once more stops at once.');
  const folder = mkdtempSync(join(tmpdir(), 'tessera-peers-'));
  const bar = progressBar('Peers', cases.length);
  const result: PeersResult = {
    format: 'tessera-peers',
    version: PEERS_VERSION,
    header: await benchHeader(device),
    shaderCache: given.keepShaderCache ? 'as it was' : 'off',
    load: { before: loadavg()[0]!, after: 0, cores: cpus().length },
    cases: [],
  };
  try {
    for (const [index, wanted] of cases.entries()) {
      if (stop.requested) break;
      const title = titleOf(wanted);
      bar.update(index, `${title}: exported`, null);
      const place = join(folder, String(index));
      const what = await prepare(device, place, wanted);
      const able = peers.filter((peer) => peer.passes.includes(wanted.pass));
      const rows = await runCase(
        able.filter(({ id }) => !reasons.get(id)),
        what,
        {
          python: given.python,
          timeout: 1000 * given.timeout,
          cold: !given.keepShaderCache,
          samples: given.samples,
          progress: (status) => bar.update(index, `${title}: ${status}`, null),
          signal: stop.signal,
        },
      );
      rmSync(place, { recursive: true, force: true });
      if (!rows) break;
      const measured = new Map(rows.map((row) => [row.id, row]));
      const left = (peer: Peer) => ({
        ...emptyRow(peer),
        failed: reasons.get(peer.id) ?? 'Tessera itself failed',
      });
      result.cases.push({ ...wanted, rows: able.map((peer) => measured.get(peer.id) ?? left(peer)) });
      bar.update(index + 1, '', null);
    }
  } finally {
    bar.stop();
    stop.dispose();
    rmSync(folder, { recursive: true, force: true });
    device.close();
  }
  result.load.after = loadavg()[0]!;
  if (given.json) printJson(result);
  else if (result.cases.length > 0) process.stdout.write(`${peersText(result)}\n`);
  return stop.exitCode;
}

/** Ours and those that were named. */
function chosenPeers(names: readonly string[] | undefined): Peer[] {
  if (!names) return [...PEERS];
  const known = PEERS.map(({ id }) => id);
  for (const name of names) if (!known.includes(name)) throw new UserError(unknownName('peer', name, known));
  return PEERS.filter(({ id }, index) => index === 0 || names.includes(id));
}

function chosenCases({ networks, pass, batch, pretrained }: PeersOptions): Wanted[] {
  for (const name of networks)
    if (!modelNames().includes(name)) throw new UserError(unknownName('model', name, modelNames()));
  const weights = pretrained ? 'pretrained' : 'pseudo-random';
  return networks.flatMap((network) => [
    ...(pass === 'step' ? [] : [{ network, pass: 'forward', batch, size: SIZE.forward, weights } as const]),
    // AlexNet's pools leave nothing of 112², and it has no norm.
    ...(pass === 'forward' || network.startsWith('alexnet')
      ? []
      : [{ network, pass: 'step', batch: STEP_BATCH, size: SIZE.step, weights } as const]),
  ]);
}

/** What bench/peers/package.json names: fetched once, into a folder of its own. */
async function installPeers(peers: readonly Peer[]): Promise<void> {
  if (!peers.some(({ runtime, packages }) => runtime === 'node' && packages.length > 0)) return;
  const { ensurePackages } = (await import(new URL('../../bin/packages.mjs', import.meta.url).href)) as {
    ensurePackages(root: string, options: { what: string; options: string[] }): Promise<void>;
  };
  // onnxruntime-node's own script would fetch CUDA.
  await ensurePackages(fileURLToPath(new URL('.', import.meta.url)).replace(/[/\\]$/, ''), {
    what: "the peers' npm packages into bench/peers/node_modules (tfjs, jax-js, onnxruntime-node: 604 MB on the disk)",
    options: ['--ignore-scripts'],
  });
}
