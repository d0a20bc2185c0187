/**
 * The hash of src/tensor/random.ts in WGSL, bit for bit: `bitsAt(key, index)` here and there are equal, so that the
 * CPU can say which random numbers a kernel draws.
 */
export const RANDOM = `
fn scramble(word: u32) -> u32 {
  var x = word;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}
fn absorb(hash: u32, word: u32) -> u32 { return scramble(hash ^ scramble(word + 0x9e3779b9u)); }
fn bitsAt(key: u32, index: u32) -> u32 { return absorb(absorb(key, index), 0u); }`;
