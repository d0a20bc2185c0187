/** A suite of the page's tests: skipped where there is no Chromium, unless TESSERA_BROWSER is 'required'. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findChromium, REMEDY } from '../browser/chromium.ts';
import { BuiltPage } from './page.ts';

export interface PageSuite {
  (name: string, body: (built: BuiltPage) => Promise<void>): void;
  run(): void;
}

export function pageSuite(name: string): PageSuite {
  const test = suite(name);
  const there = findChromium() !== null;
  let built: BuiltPage;
  if (there) {
    test.before(async () => {
      built = await BuiltPage.build();
    });
    test.after(() => built.close());
  } else if (process.env.TESSERA_BROWSER === 'required')
    test('there is a Chromium', () => assert.unreachable(`Chromium is not installed; ${REMEDY}`));
  const add = (what: string, body: (page: BuiltPage) => Promise<void>): void =>
    there ? test(what, () => body(built)) : test.skip(what, () => undefined);
  return Object.assign(add, { run: () => test.run() });
}
