/**
 * What the tests use of uvu, for a page: the same `suite`, which collects tests where uvu would run and print them.
 * page/main.ts runs them one after the other. The bundler puts this in uvu's place.
 */
type Body = () => unknown;

/** A suite as page/main.ts runs it. */
export interface PageSuite {
  name: string;
  tests: { name: string; body: Body }[];
  before: Body[];
  after: Body[];
  beforeEach: Body[];
  afterEach: Body[];
}

/** Every suite that asked to be run, in this order. */
export const suites: PageSuite[] = [];

export function suite(name: string) {
  const own: PageSuite = { name, tests: [], before: [], after: [], beforeEach: [], afterEach: [] };
  const hook = (always: Body[], each: Body[]) =>
    Object.assign((body: Body): unknown => always.push(body), {
      each: (body: Body): unknown => each.push(body),
    });
  return Object.assign((name: string, body: Body): unknown => own.tests.push({ name, body }), {
    before: hook(own.before, own.beforeEach),
    after: hook(own.after, own.afterEach),
    run: (): unknown => suites.push(own),
  });
}
