/** Parameters of the ops as the fixtures spell them; `verify` uses them too. */
export * from '../../src/verify/parameters.ts';
