/** The files of test/reference, in Node. In a page test/browser/page/fixture.ts stands in its place. */
import { readFileSync } from 'node:fs';

/** A file of test/reference, parsed. */
export function fixture<Contents>(name: string): Contents {
  return JSON.parse(readFileSync(new URL(`../reference/${name}`, import.meta.url), 'utf8')) as Contents;
}
