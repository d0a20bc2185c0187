/** Photographs that ship (data/photos, in the public domain), with small pictures of them that the build makes. */
import small from 'virtual:thumbnails';

/** A photograph that ships. */
export interface Shipped {
  name: string;
  /** What it shows, for who does not see it. */
  shows: string;
  /** Its address, and that of the small one. */
  address: string;
  small: string;
}

const addresses = import.meta.glob<string>('../../data/photos/*.jpg', {
  query: '?url',
  import: 'default',
  eager: true,
});

const SHOWN: readonly (readonly [name: string, shows: string])[] = [
  ['cat.jpg', 'a cat'],
  ['coffee.jpg', 'a cup of coffee'],
  ['raccoon.jpg', 'a raccoon'],
  ['rocket.jpg', 'a rocket'],
  ['dandelions.jpg', 'dandelions'],
  ['astronaut.jpg', 'an astronaut'],
];

export const shipped: readonly Shipped[] = SHOWN.map(([name, shows]) => ({
  ...{ name, shows, small: new URL(small[name]!, import.meta.url).href },
  address: addresses[`../../data/photos/${name}`]!,
}));
