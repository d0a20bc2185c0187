/** The table of EfficientNet's scaling: as the models are now, and as the paper has it. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ScalingRow, scalingDocument, scalingRows } from '../../docs/efficientnet-scaling.ts';

const test = suite('the scaling table');
let rows: ScalingRow[];
test.before(async () => {
  rows = await scalingRows();
});

/** `num_params` and `_ops` of torchvision's weights; its B2 is evaluated at 288², not at the paper's 260². */
const TORCHVISION = [
  [5_288_548, 0.386],
  [7_794_184, 0.687],
  [9_109_994, null],
  [12_233_232, 1.827],
  [19_341_616, 4.394],
  [30_389_784, 10.266],
  [43_040_704, 19.068],
  [66_347_960, 37.746],
] as const;

test('parameters and multiply-adds are those of torchvision', () => {
  for (const [phi, [parameters, billions]] of TORCHVISION.entries()) {
    const row = rows[phi]!;
    assert.is(row.parameters, parameters, row.name);
    if (billions !== null) assert.is(Number((row.multiplyAdds / 1e9).toFixed(3)), billions, row.name);
  }
});

test("parameters and multiply-adds are within 5 % of the paper's rounded figures", () => {
  for (const { name, parameters, multiplyAdds, paper } of rows) {
    assert.ok(Math.abs(parameters / paper.parameters - 1) < 0.05, `${name}: ${parameters} parameters`);
    assert.ok(
      Math.abs(multiplyAdds / paper.multiplyAdds - 1) < 0.05,
      `${name}: ${multiplyAdds} multiply-adds`,
    );
  }
});

test('the document is what the script writes', () => {
  const written = readFileSync(new URL('../../docs/efficientnet-scaling.md', import.meta.url), 'utf8');
  assert.is(written, scalingDocument(rows), 'run node --import tsx docs/efficientnet-scaling.ts');
});

test.run();
