/** The files of test/reference, in Node. In a page test/browser/page/fixture.ts stands in its place. */
import { readdirSync, readFileSync } from 'node:fs';

/** A file of test/reference, parsed. */
export function fixture<Contents>(name: string): Contents {
  return JSON.parse(readFileSync(new URL(`../reference/${name}`, import.meta.url), 'utf8')) as Contents;
}

/** The files of a folder of test/reference, parsed: one a family of networks. */
export function fixtures<Contents>(folder: string): Contents[] {
  const files = readdirSync(new URL(`../reference/${folder}/`, import.meta.url)).sort();
  return files.map((file) => fixture<Contents>(`${folder}/${file}`));
}
