/** Small files that ask for much get a picture or a sentence, soon, and next to no memory. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeImage } from '../../../src/data/node/decode.ts';
import { UnreadableImageError } from '../../../src/data/unreadable.ts';
import { cpuMilliseconds } from '../../helpers/hostile.ts';
import { BOMBS } from './bombs.ts';

const test = suite('data: bombs');
const MEBIBYTES = 96;
const peak = (): number => process.resourceUsage().maxRSS / 2 ** 10;

for (const { name, make, slow } of BOMBS)
  if (!slow)
    test(name, async () => {
      const bytes = await make();
      const [before, clock] = [peak(), process.cpuUsage()];
      await decodeImage(bytes, 'it').catch((error) => assert.instance(error, UnreadableImageError));
      assert.ok(peak() - before < MEBIBYTES, `${peak() - before} MiB`);
      assert.ok(cpuMilliseconds(clock) < 2000, `${cpuMilliseconds(clock)} ms`);
    });

test.run();
