/** The fixtures that lie in src/verify/fixtures. */
import { readdirSync, readFileSync } from 'node:fs';
import { type NetworkFixture, parseFixture } from '../fixtures.ts';

const folder = new URL('../fixtures/', import.meta.url);

/** The models that there are fixtures of, sorted. */
export function verifiable(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** The fixture of a model. */
export function readFixture(model: string): NetworkFixture {
  return parseFixture(readFileSync(new URL(`${model}.json`, folder), 'utf8'));
}
