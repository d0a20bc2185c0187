/** A space whose networks train in milliseconds, with a choice in every column: that of the soak test. */
export { TINY_SPACE } from '../../bench/soak-supernet.ts';
