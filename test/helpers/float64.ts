/** The ops in float64; `verify` uses them too. */
export * from '../../src/verify/float64.ts';
