/** test/helpers/fixture.ts in a page: the files that its tests read, fetched before the first of them is asked for. */
/** One of each family. */
export const NETWORKS = ['alexnet', 'resnet18', 'efficientnet_b0', 'tf_efficientnet_lite0'];

const names = ['ops.json', 'data.json', 'training.json', ...NETWORKS.map((model) => `model_${model}.json`)];
const texts = new Map(
  await Promise.all(
    names.map(async (name) => [name, await (await fetch(`/test/reference/${name}`)).text()] as const),
  ),
);

export function fixture<Contents>(name: string): Contents {
  const text = texts.get(name);
  if (text === undefined) throw new Error(`test/browser/page/fixture.ts does not fetch ${name}`);
  return JSON.parse(text) as Contents;
}
