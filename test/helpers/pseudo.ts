/** The pseudo-random numbers of the fixtures; `verify` uses them too. */
export * from '../../src/verify/pseudo.ts';
