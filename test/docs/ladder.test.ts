/** What docs/ladder.md shows of shaders: repeated lines once, and what changes from rung to rung. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { difference, folded } from '../../docs/drawing/ladder.ts';

const test = suite('docs/ladder');

test('blocks that come four times but for their numbers stand once', () => {
  const sums = [0, 1, 2, 3, 4].map((i) => `  var sum${i} = 0f;`);
  assert.equal(folded(['a', ...sums, 'b']), [
    'a',
    sums[0],
    '  // … and 4 times more, with the next numbers',
    'b',
  ]);
  assert.equal(folded(sums.slice(0, 3)), sums.slice(0, 3), 'three are written out');
  const pairs = [0, 1, 2, 3].flatMap((i) => [`let a${i} = x;`, `sum${i} += a${i};`]);
  assert.equal(folded(pairs), [...pairs.slice(0, 2), '// … and 3 times more, with the next numbers']);
});

test('a difference keeps what both have', () => {
  assert.equal(difference(['a', 'b', 'c'], ['a', 'x', 'c', 'd']), ['  a', '- b', '+ x', '  c', '+ d']);
  assert.equal(difference([], ['a']), ['+ a']);
  assert.equal(difference(['a'], ['a']), ['  a']);
});

test.run();
