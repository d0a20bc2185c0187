/** Addresses inside the page: `#PLACE/…`, such as `#explore/efficientnet_lite0/blocks.3`. */
export const PLACES = ['classify', 'explore', 'why', 'teach', 'step', 'gpu'] as const;
export type PlaceName = (typeof PLACES)[number];

export interface Route {
  place: PlaceName;
  /** What follows the place, its parts between slashes. */
  rest: readonly string[];
}

/** The route of `location.hash`; what is unknown leads to the first place. */
export function readRoute(hash: string): Route {
  const [place = '', ...rest] = hash.replace(/^#/, '').split('/').map(decoded);
  const known = PLACES.find((name) => name === place);
  return known ? { place: known, rest } : { place: PLACES[0], rest: [] };
}

export const hashOf = (place: PlaceName, ...rest: string[]): string =>
  `#${[place, ...rest].map(encodeURIComponent).join('/')}`;

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // An address that somebody typed.
  }
}
