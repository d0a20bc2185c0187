/**
 * How the page is built: by Vite, into a folder that any static host can serve from any path (all addresses in it are
 * relative). Weights, photographs, fixtures and sources are taken from where they stand in the repository.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { build, type InlineConfig, type Plugin, type Rollup } from 'vite';

const web = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));

/** Where the page lands by default. */
export const OUT = `${web}dist`;

/** Builds the page into `out`; an older one there goes. */
export async function buildPage(out: string = OUT): Promise<void> {
  await build(configOf(out));
}

function configOf(out: string): InlineConfig {
  return {
    ...{ root: web, base: './', configFile: false, logLevel: 'warn' },
    define: { 'process.env.TESSERA_SEED': 'undefined' },
    plugins: [thumbnails(), kernelFiles(), offline()],
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    worker: { format: 'es', rolldownOptions: { output: NAMES, checks: { pluginTimings: false } } },
    build: {
      ...{ outDir: out, emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0 },
      ...{ modulePreload: { polyfill: false }, chunkSizeWarningLimit: 1000, reportCompressedSize: false },
      rolldownOptions: { output: NAMES, checks: { pluginTimings: false } },
    },
  };
}

/** What is fetched only when a reader asks for it lies apart from what the page needs to run. */
const NAMES = {
  chunkFileNames: ({ facadeModuleId }: { facadeModuleId: string | null }): string =>
    facadeModuleId?.endsWith('?raw') ? 'sources/[name]-[hash].js' : 'assets/[name]-[hash].js',
};

/** `virtual:thumbnails`: the address of a small picture of each photograph that ships, by its name. */
function thumbnails(): Plugin {
  const id = 'virtual:thumbnails';
  return {
    name: 'thumbnails',
    resolveId: (asked) => (asked === id ? `\0${id}` : null),
    async load(asked) {
      if (asked !== `\0${id}`) return null;
      const photos = ['cat', 'coffee', 'raccoon', 'rocket', 'dandelions', 'astronaut'];
      const entries = photos.map(async (photo) => {
        const source = await sharp(`${root}data/photos/${photo}.jpg`)
          .resize(128, 128)
          .webp({ quality: 60 })
          .toBuffer();
        const file = this.emitFile({ type: 'asset', name: `${photo}-small.webp`, source });
        return `${JSON.stringify(`${photo}.jpg`)}: import.meta.ROLLUP_FILE_URL_${file}`;
      });
      return `export default { ${(await Promise.all(entries)).join(', ')} };`;
    },
  };
}

/** `virtual:kernel-files`: which file of src/kernels a shader is written in, by how its name begins there. */
function kernelFiles(): Plugin {
  const id = 'virtual:kernel-files';
  return {
    name: 'kernel-files',
    resolveId: (asked) => (asked === id ? `\0${id}` : null),
    async load(asked) {
      if (asked !== `\0${id}`) return null;
      const files: Record<string, string> = {};
      for (const name of await readdir(`${root}src/kernels`, { recursive: true })) {
        if (!name.endsWith('.ts')) continue;
        const path = `src/kernels/${name.replaceAll('\\', '/')}`;
        const text = await readFile(`${root}${path}`, 'utf8');
        for (const [, start] of text.matchAll(/\bname: ['`]([a-z][a-z0-9-]*)/g)) files[start!] = path;
      }
      return `export default ${JSON.stringify(files)};`;
    },
  };
}

/** Files that are not kept for when there is no network, unless a reader has asked for them: the weights keep themselves. */
const ON_REQUEST = /^sources\/|\.(safetensors|json)$/;

/** The service worker (offline.js), with the files of this build. */
function offline(): Plugin {
  return {
    name: 'offline',
    enforce: 'post',
    async generateBundle(_options, bundle: Rollup.OutputBundle) {
      const files = Object.keys(bundle).filter((name) => !ON_REQUEST.test(name) && !name.endsWith('.map'));
      const hash = createHash('sha256').update(files.sort().join('\n'));
      for (const name of files) {
        const file = bundle[name]!;
        if (basename(name) === 'index.html' && file.type === 'asset') hash.update(file.source);
      }
      const source = (await readFile(`${web}offline.js`, 'utf8'))
        .replace("'VERSION'", JSON.stringify(hash.digest('hex').slice(0, 12)))
        .replace("['FILES']", JSON.stringify(['./', ...files.filter((name) => name !== 'index.html')]));
      this.emitFile({ type: 'asset', fileName: 'sw.js', source });
    },
  };
}
