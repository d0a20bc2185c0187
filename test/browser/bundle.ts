/** Bundles of src/ and of tests for a browser, by esbuild. */
import { fileURLToPath } from 'node:url';
import { type BuildResult, build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What the tests import of Node, and what stands in its place in a page. */
const REPLACED: readonly [RegExp, string][] = [
  [/^uvu$/, 'test/browser/page/uvu.ts'],
  [/\/fixture\.ts$/, 'test/browser/page/fixture.ts'],
  [/\/gpu\.ts$/, 'test/browser/page/gpu.ts'],
];

const inPage: Plugin = {
  name: 'in-page',
  setup({ onResolve }) {
    for (const [filter, file] of REPLACED)
      onResolve({ filter }, ({ importer }) =>
        /[\\/]test[\\/]/.test(importer) ? { path: `${root}${file}` } : null,
      );
  },
};

export interface Bundle {
  text: string;
  /** The files that went into it, from the root of the project. */
  inputs: string[];
}

/** Bundles `entry` as a browser would have it. @throws where it imports what a browser does not have */
export async function bundle(entry: string, { minify = false } = {}): Promise<Bundle> {
  const result: BuildResult<{ write: false; metafile: true }> = await build({
    ...{ entryPoints: [entry], absWorkingDir: root, bundle: true, write: false, metafile: true, minify },
    ...{ platform: 'browser', format: 'esm', target: 'es2022', logLevel: 'silent' },
    define: { 'process.env.TESSERA_SEED': 'undefined' },
    plugins: [inPage],
  });
  return { text: result.outputFiles[0]!.text, inputs: Object.keys(result.metafile.inputs) };
}
