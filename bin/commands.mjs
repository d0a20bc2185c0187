/**
 * The commands of Tessera, one line each. This table is all the launcher needs to answer `--help`, so that it
 * can do so before any package is installed; options and arguments live in each command's own file.
 *
 * `module` is relative to the repository; `adapter` says whether the command needs a WebGPU adapter before it starts;
 * `outlivesReader`, whether it goes on where nobody reads its output any more, because its result is in files.
 */
export const commands = [
  {
    name: 'train',
    summary: 'fine-tune a network on a folder of pictures',
    module: 'src/cli/train.ts',
    adapter: true,
    outlivesReader: true,
  },
  {
    name: 'search',
    summary: 'search for the best network for this adapter and a folder of pictures',
    module: 'src/cli/search.ts',
    adapter: true,
    outlivesReader: true,
  },
  {
    name: 'lesson',
    summary: 'run a lesson: what a paper claims, tried on this machine',
    module: 'lessons/parts/command.ts',
    adapter: true,
    outlivesReader: true,
  },
  {
    name: 'predict',
    summary: 'name what is in pictures, with probabilities',
    module: 'src/cli/predict.ts',
    adapter: true,
  },
  {
    name: 'merge',
    summary: 'put together what --shard of predict or train wrote',
    module: 'src/cli/merge.ts',
    adapter: false,
  },
  {
    name: 'explain',
    summary: 'draw where in pictures a network looked, and what it answers',
    module: 'src/cli/explain.ts',
    adapter: true,
  },
  {
    name: 'evaluate',
    summary: 'measure a checkpoint on a folder: accuracy, AUC, confusion matrix',
    module: 'src/cli/evaluate.ts',
    adapter: true,
  },
  {
    name: 'report',
    summary: 'put finished runs side by side, or show the table of many',
    module: 'src/cli/report.ts',
    adapter: false,
  },
  {
    name: 'summary',
    summary: 'print the layers of a network and what a training step of it takes',
    module: 'src/cli/summary.ts',
    adapter: false,
  },
  {
    name: 'weights',
    summary: 'list, fetch, convert and inspect weights',
    module: 'src/cli/weights.ts',
    adapter: false,
  },
  {
    name: 'export',
    summary: 'write a network for other programs: ONNX, .pth, safetensors',
    module: 'src/cli/export.ts',
    adapter: false,
  },
  {
    name: 'cache',
    summary: 'list or clear what is kept to be used again: features, latencies, tuning',
    module: 'src/cli/cache.ts',
    adapter: false,
  },
  {
    name: 'verify',
    summary: 'check that ops and networks equal their references on this adapter',
    module: 'src/cli/verify.ts',
    adapter: true,
  },
  {
    name: 'bench',
    summary: 'time kernels, forward passes and training steps on this adapter',
    module: 'src/cli/bench.ts',
    adapter: true,
  },
  {
    name: 'tune',
    summary: 'measure which kernels are the fastest on this adapter, for all commands',
    module: 'src/cli/tune.ts',
    adapter: true,
  },
  {
    name: 'bench:peers',
    summary: 'time other engines beside this one, on this adapter and the same networks',
    module: 'bench/peers/command.ts',
    adapter: true,
  },
  {
    name: 'page',
    summary: 'build and serve the page in which one sees a network think',
    module: 'web/command.ts',
    adapter: false,
  },
  {
    name: 'doctor',
    summary: 'print the WebGPU adapter, its limits and what would be used; or what to install',
    module: 'src/cli/doctor.ts',
    adapter: true,
  },
  { name: 'test', summary: 'run the tests', module: 'test/run.ts', adapter: true },
  {
    name: 'check',
    summary: 'lint, check types and run the tests',
    module: 'test/check.ts',
    adapter: true,
  },
];

/**
 * The command whose name is closest to what was typed, or null when none is close. (src/text/suggest.ts asks this of models
 * and stages; TypeScript cannot be read yet where this is needed.)
 * @param {string} typed
 * @param {string[]} names
 */
export function closest(typed, names) {
  let best = null;
  let bestDistance = Math.max(2, Math.floor(typed.length / 3)) + 1;
  for (const name of names) {
    const distance = name.startsWith(typed) && typed.length > 1 ? 0 : editDistance(typed, name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's distance: single-letter insertions, deletions and replacements. */
function editDistance(a, b) {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(previous[j] + 1, current[j - 1] + 1, replaced);
    }
    previous = current;
  }
  return previous[b.length];
}
