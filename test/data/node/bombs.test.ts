/** Small files that ask for much get a picture or a sentence, soon, and next to no memory. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeImage } from '../../../src/data/node/decode.ts';
import { UnreadableImageError } from '../../../src/data/unreadable.ts';
import { cpuMilliseconds } from '../../helpers/hostile.ts';
import { BOMBS } from './bombs.ts';

const test = suite('data: bombs');
/** What is decoded may take seven times 4 bytes a pixel; the rest is what libraries take once. */
const allowed = (pixels: number): number => (7 * 4 * pixels) / 2 ** 20 + 64;
const peak = (): number => process.resourceUsage().maxRSS / 2 ** 10;

for (const { name, make, slow } of BOMBS)
  if (!slow)
    test(name, async () => {
      const bytes = await make();
      const [before, clock] = [peak(), process.cpuUsage()];
      const pixels = await decodeImage(bytes, 'it').then(
        ({ width, height }) => width * height,
        (error) => {
          assert.instance(error, UnreadableImageError);
          return 0;
        },
      );
      assert.ok(peak() - before < allowed(pixels), `${peak() - before} MiB`);
      assert.ok(cpuMilliseconds(clock) < 2000, `${cpuMilliseconds(clock)} ms`);
    });

test.run();
