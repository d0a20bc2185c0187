/**
 * A peer of the tests of bench/peers, in a process of its own as the real ones are: `right` answers the number of the input,
 * `wrong` another one, `fails` an error, `dies` nothing, and `elsewhere` runs on another adapter.
 */
import { serve } from '../../bench/peers/children/serve.ts';

const kind = process.argv[2]!;
process.stdout.write('engines print what they like\n');

await serve({
  open: async () => ({
    adapter: kind === 'elsewhere' ? 'Another' : 'An adapter (of tests)',
    kind: 'webgpu',
    versions: { fake: '1' },
  }),
  load: async () => (kind === 'right' ? 'as it likes' : null),
  async call(input) {
    if (kind === 'fails') throw new Error('there is no such thing');
    if (kind === 'dies') {
      process.stderr.write('Error: out of everything\n');
      process.exit(3);
    }
    return [input + 1, kind === 'wrong' ? 0 : -1];
  },
});
