/**
 * examples/continue_in_pytorch.py, which no test can run without Python: what it reads of a file is what an export writes, the
 * network that it builds is the one that the file is of, and the commands that are shown of it are those that it takes.
 */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { written } from '../../src/cli/export/targets.ts';
import { elsewhere, LIBRARIES } from '../../src/export/libraries.ts';
import { torchShape } from '../../src/nn/index.ts';
import { expectedTensors, shapeBuilder } from '../../src/weights/expected.ts';
import { readSafetensors } from '../../src/weights/formats/safetensors.ts';
import { IMAGENET_PREPROCESSING } from '../../src/weights/start.ts';

const test = suite('examples/continue_in_pytorch.py');
const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const PYTHON = read('examples/continue_in_pytorch.py');

/** What `build` of the program calls, in the words of libraries.ts. The lines that are put into TypeScript here stand in it. */
function built(state: ReadonlySet<string>, metadata: Record<string, string>): string {
  const network = JSON.parse(metadata['tessera.model']!);
  const classes = JSON.parse(metadata.classes!);
  const { name, options } = network;
  const count = classes.length;
  if (!state.has('conv_stem.weight')) {
    const twins: Record<string, string> = { mobilenetv2_100: 'mobilenet_v2' };
    return `torchvision.models.${twins[name] ?? name}(num_classes=${count})`;
  }
  const twins: Record<string, string> = { mobilenet_v2: 'mobilenetv2_100' };
  const bare = name.replace(/^tf_/, '');
  const padding = options.padding === 'same' ? ", pad_type='same'" : '';
  const eps = (options.normEps ?? 1e-5) === 1e-5 ? '' : `, bn_eps=${options.normEps}`;
  return `timm.create_model('${twins[bare] ?? bare}', num_classes=${count}${padding}${eps})`;
}
const BUILD = `def build():
    name, options = network['name'], network['options']
    if 'conv_stem.weight' not in state:
        name = {'mobilenetv2_100': 'mobilenet_v2'}.get(name, name)
        return getattr(torchvision.models, name)(num_classes=len(classes))
    import timm

    pad_type = 'same' if options.get('padding') == 'same' else ''
    name = name.removeprefix('tf_')
    name = {'mobilenet_v2': 'mobilenetv2_100'}.get(name, name)
    return timm.create_model(name, num_classes=len(classes), pad_type=pad_type, bn_eps=options.get('normEps', 1e-5))
`;

const NETWORKS = [
  ...['resnet18', 'mobilenet_v2', 'mobilenetv2_100', 'efficientnet_b0', 'tf_efficientnet_b0'],
  ...['efficientnet_lite0', 'tf_efficientnet_lite0'],
];

test('each network that a library has is built there from what its file says', async () => {
  assert.ok(PYTHON.includes(BUILD));
  const build = await shapeBuilder();
  const tried = new Set<string>();
  for (const name of NETWORKS) {
    const shapes = build(name, { numClasses: 2 });
    const values = new Map(
      [...expectedTensors(shapes)].map(([own, { shape, layout }]) => [
        own,
        { data: new Float32Array(torchShape(shape, layout).reduce((a, b) => a * b, 1)) },
      ]),
    );
    const known = { card: { licence: null, source: null, weights: null } };
    const source = {
      network: name,
      shapes,
      values,
      known,
      classes: ['ant', 'bee'],
      preprocessing: IMAGENET_PREPROCESSING,
    };
    for (const library of LIBRARIES) {
      const there = elsewhere(name, shapes.spec!.options, library);
      if (!there) continue;
      const { bytes } = await written('safetensors', source as never, { names: library });
      const { tensors, metadata } = readSafetensors(bytes);
      const call = built(new Set(tensors.keys()), metadata);
      // Both libraries have ResNet, and call its tensors alike.
      const wanted = name === 'resnet18' ? elsewhere(name, {}, 'torchvision')! : there;
      assert.is(call, wanted.build(2), `${name} for ${library}`);
      tried.add(library);
      for (const [, key] of PYTHON.matchAll(/metadata\['([^']+)'\]/g)) assert.ok(key! in metadata, key);
      const preparing = JSON.parse(metadata.preprocessing!);
      for (const [, key] of PYTHON.matchAll(/preparing\['([^']+)'\]/g)) assert.ok(key! in preparing, key);
      for (const [, key] of PYTHON.matchAll(/network\['([^']+)'\]/g))
        assert.ok(key! in JSON.parse(metadata['tessera.model']!), key);
      const known = Object.keys(shapes.spec!.options);
      if (known.length > 0)
        assert.equal(
          [...PYTHON.matchAll(/options\.get\('([^']+)'/g)].map(([, key]) => key).sort(),
          known.sort(),
        );
    }
  }
  assert.is(tried.size, LIBRARIES.length);
});

test('it reads something of each, so that the test above looks at something', () => {
  for (const read of [
    /metadata\['classes'\]/,
    /preparing\['inputSize'\]/,
    /network\['name'\]/,
    /options\.get\('normEps'/,
  ])
    assert.match(PYTHON, read);
});

test('the commands that are shown take the arguments that it has', () => {
  const named = [...PYTHON.matchAll(/add_argument\('([^']+)'/g)].map(([, name]) => name!);
  const positional = named.filter((name) => !name.startsWith('--'));
  const shown = [PYTHON, read('docs/export.md')].flatMap((text) => [
    ...text.matchAll(/^ *torchrun --nproc_per_node \d+ examples\/continue_in_pytorch\.py (.*)$/gm),
  ]);
  assert.is(shown.length, 2);
  for (const [, args] of shown) {
    const words = args!.split(' ');
    assert.is(words.filter((word) => !word.startsWith('--')).length, positional.length);
    for (const word of words) assert.ok(!word.startsWith('--') || named.includes(word), word);
  }
  const [, out] = /add_argument\('--out', default='([^']+)'\)/.exec(PYTHON)!;
  for (const text of [PYTHON, read('docs/export.md')])
    assert.ok(text.includes(`predict -- --weights ${out}`));
});

test.run();
