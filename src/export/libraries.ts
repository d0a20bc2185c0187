/**
 * Where PyTorch's libraries have a network of ours, and what builds it there: torchvision and timm, in whose models an
 * exported file is loaded with `load_state_dict(strict=True)` and answers the same.
 */
import type { WeightProperties } from '../models/family.ts';
import { architectureOf, familyOf, type Network, nameOf, weightProperties } from '../models/table.ts';

export const LIBRARIES = ['torchvision', 'timm'] as const;
export type Library = (typeof LIBRARIES)[number];

/** A network in a library. */
export interface Elsewhere {
  library: Library;
  /** The naming of its tensors there (`NameStyle.style`). */
  style: string;
  /** Python that builds it for a number of classes. */
  build: (numClasses: number) => string;
}

const TORCHVISION = /^(resnet\d+|alexnet|mobilenet_v2|efficientnet_b\d)$/;
const TIMM = /^(resnet\d+|mobilenetv2_\w+|efficientnet_(b|lite)\d)$/;

const inTorchvision = (network: Network, properties: WeightProperties): Elsewhere['build'] | null => {
  const architecture = architectureOf(network);
  if (!TORCHVISION.test(architecture)) return null;
  // It knows no other padding, and one epsilon for each network: ours of the same name.
  const own = weightProperties(architecture);
  if (Object.keys(own).some((key) => own[key] !== properties[key])) return null;
  return (numClasses) => `torchvision.models.${architecture}(num_classes=${numClasses})`;
};

const inTimm = (network: Network, { padding, normEps }: WeightProperties): Elsewhere['build'] | null => {
  const architecture = architectureOf(network);
  const name = architecture === 'mobilenet_v2' ? 'mobilenetv2_100' : architecture;
  if (!TIMM.test(name)) return null;
  const same = padding === 'same' ? ", pad_type='same'" : '';
  const eps = normEps === undefined || normEps === 1e-5 ? '' : `, bn_eps=${normEps}`;
  return (numClasses) => `timm.create_model('${name}', num_classes=${numClasses}${same}${eps})`;
};

/** A network with weights of these properties in a library, or null where it is not there. */
export function elsewhere(
  network: Network,
  properties: WeightProperties,
  library: Library,
): Elsewhere | null {
  const build = (library === 'timm' ? inTimm : inTorchvision)(network, properties);
  if (!build) return null;
  const styles = familyOf(network).names.map(({ style }) => style);
  // Where both agree on the names, they are called torchvision's.
  return { library, style: styles.includes(library) ? library : 'torchvision', build };
}

/**
 * The library that a file is written for: the one that is asked for, else the one whose names the network has, else
 * another one that has it; null where none does.
 * @param own the naming that the network itself has
 * @throws RangeError where the library that is asked for does not have it
 */
export function libraryFor(
  network: Network,
  properties: WeightProperties,
  own: string | undefined,
  asked?: Library,
): Elsewhere | null {
  const found = LIBRARIES.flatMap((library) => elsewhere(network, properties, library) ?? []);
  if (asked === undefined) return found.find(({ style }) => style === own) ?? found[0] ?? null;
  const wanted = found.find(({ library }) => library === asked);
  if (wanted) return wanted;
  const others = found.map(({ library }) => library);
  const remedy =
    others.length > 0
      ? `${others.join(' and ')} does`
      : 'none of its libraries does; leave it out, or export to onnx';
  const { padding, normEps } = properties;
  const kind = padding === undefined ? '' : ` of padding '${padding}' and epsilon ${normEps}`;
  throw new RangeError(`${asked} has no ${nameOf(network)}${kind}; ${remedy}`);
}
