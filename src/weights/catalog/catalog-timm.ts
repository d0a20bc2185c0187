/**
 * timm's weights for our models. Addresses, preprocessing and licences are those of timm 1.0.31 (`pretrained_cfg`, the
 * test size where it has one), the accuracies those of its results/results-imagenet.csv at the same size.
 *
 * Each is published twice: as a .pth file whose name ends in the first eight digits of its SHA-256, and as safetensors
 * on the Hugging Face Hub, whose hash timm does not state (the Hub's own answer does). The first can be checked against
 * something that is written here, so it is asked first. timm states no sizes.
 */
import type { Preprocessing } from '../../data/transforms.ts';
import { weightProperties } from '../../models/table.ts';
import { type Download, HALF, IMAGENET, parametersOf, type WeightsEntry } from './catalog-entry.ts';

const RELEASES = 'https://github.com/huggingface/pytorch-image-models/releases/download';
/** "ResNet strikes back" (Wightman et al. 2021). */
const RSB = `${RELEASES}/v0.1-rsb-weights`;
const V01 = `${RELEASES}/v0.1-weights`;
const GLUON = 'https://github.com/rwightman/pytorch-pretrained-gluonresnet/releases/download/v0.1';
const FACEBOOK = 'https://dl.fbaipublicfiles.com/semiweaksupervision/model_files';

const APACHE = 'Apache-2.0';
const CC_BY_NC = 'CC-BY-NC-4.0';

type Row = readonly [
  name: string,
  folder: string,
  file: string,
  /** Side of the input. */
  size: number,
  /** The crop's share of the resized picture's side. */
  cropShare: number,
  interpolation: Preprocessing['interpolation'],
  normalisation: 'imagenet' | 'half',
  licence: string,
  top1: number,
];

// biome-ignore format: a table
const ROWS: readonly Row[] = [
  ['resnet18.a1_in1k', RSB, 'resnet18_a1_0-d63eafa0.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 73.158],
  ['resnet18.a2_in1k', RSB, 'resnet18_a2_0-b61bd467.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 72.372],
  ['resnet18.a3_in1k', RSB, 'resnet18_a3_0-40c531c8.pth', 224, 0.95, 'bicubic', 'imagenet', APACHE, 68.254],
  ['resnet18.fb_swsl_ig1b_ft_in1k', FACEBOOK, 'semi_weakly_supervised_resnet18-118f1556.pth', 224, 0.875, 'bilinear', 'imagenet', CC_BY_NC, 73.282],
  ['resnet18.fb_ssl_yfcc100m_ft_in1k', FACEBOOK, 'semi_supervised_resnet18-d92f0530.pth', 224, 0.875, 'bilinear', 'imagenet', CC_BY_NC, 72.594],
  ['resnet18.gluon_in1k', GLUON, 'gluon_resnet18_v1b-0757602b.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 70.838],
  ['resnet34.a1_in1k', RSB, 'resnet34_a1_0-46f8f793.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 77.918],
  ['resnet34.a2_in1k', RSB, 'resnet34_a2_0-82d47d71.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 77.158],
  ['resnet34.a3_in1k', RSB, 'resnet34_a3_0-a20cabb6.pth', 224, 0.95, 'bicubic', 'imagenet', APACHE, 72.97],
  ['resnet34.bt_in1k', V01, 'resnet34-43635321.pth', 288, 0.95, 'bicubic', 'imagenet', APACHE, 76.48],
  ['resnet34.gluon_in1k', GLUON, 'gluon_resnet34_v1b-c6d82d59.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 74.578],
  ['resnet50.a1_in1k', RSB, 'resnet50_a1_0-14fe96d1.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 81.214],
  ['resnet50.a1h_in1k', RSB, 'resnet50_a1h2_176-001a1197.pth', 224, 1.0, 'bicubic', 'imagenet', APACHE, 80.676],
  ['resnet50.a2_in1k', RSB, 'resnet50_a2_0-a2746f79.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 80.772],
  ['resnet50.a3_in1k', RSB, 'resnet50_a3_0-59cae1ef.pth', 224, 0.95, 'bicubic', 'imagenet', APACHE, 78.048],
  ['resnet50.b1k_in1k', RSB, 'resnet50_b1k-532a802a.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 80.706],
  ['resnet50.c1_in1k', RSB, 'resnet50_c1-5ba5e060.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 80.912],
  ['resnet50.d_in1k', RSB, 'resnet50_d-f39db8af.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 80.972],
  ['resnet50.bt_in1k', V01, 'rw_resnet50-86acaeed.pth', 288, 0.95, 'bicubic', 'imagenet', APACHE, 79.64],
  ['resnet50.ra_in1k', V01, 'resnet50_ra-85ebb6e5.pth', 288, 0.95, 'bicubic', 'imagenet', APACHE, 79.836],
  ['resnet50.fb_swsl_ig1b_ft_in1k', FACEBOOK, 'semi_weakly_supervised_resnet50-16a12f1b.pth', 224, 0.875, 'bilinear', 'imagenet', CC_BY_NC, 81.182],
  ['resnet50.fb_ssl_yfcc100m_ft_in1k', FACEBOOK, 'semi_supervised_resnet50-08389792.pth', 224, 0.875, 'bilinear', 'imagenet', CC_BY_NC, 79.234],
  ['resnet50.gluon_in1k', GLUON, 'gluon_resnet50_v1b-0ebe02e2.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 77.58],
  ['resnet101.a1_in1k', RSB, 'resnet101_a1_0-cdcb52a9.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 82.322],
  ['resnet101.a1h_in1k', RSB, 'resnet101_a1h-36d3f2aa.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 82.778],
  ['resnet101.a2_in1k', RSB, 'resnet101_a2_0-6edb36c7.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 82.236],
  ['resnet101.a3_in1k', RSB, 'resnet101_a3_0-1db14157.pth', 224, 0.95, 'bicubic', 'imagenet', APACHE, 79.814],
  ['resnet101.gluon_in1k', GLUON, 'gluon_resnet101_v1b-3b017079.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 79.31],
  ['resnet152.a1_in1k', RSB, 'resnet152_a1_0-2eee8a7a.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 82.732],
  ['resnet152.a1h_in1k', RSB, 'resnet152_a1h-dc400468.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 83.45],
  ['resnet152.a2_in1k', RSB, 'resnet152_a2_0-b4c6978f.pth', 288, 1.0, 'bicubic', 'imagenet', APACHE, 82.608],
  ['resnet152.a3_in1k', RSB, 'resnet152_a3_0-134d4688.pth', 224, 0.95, 'bicubic', 'imagenet', APACHE, 80.546],
  ['resnet152.gluon_in1k', GLUON, 'gluon_resnet152_v1b-c1edb0dd.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 79.694],
  ['tf_efficientnet_b0.in1k', V01, 'tf_efficientnet_b0-0af12548.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 76.532],
  ['tf_efficientnet_b0.aa_in1k', V01, 'tf_efficientnet_b0_aa-827b6e33.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 76.834],
  ['tf_efficientnet_b0.ap_in1k', V01, 'tf_efficientnet_b0_ap-f262efe1.pth', 224, 0.875, 'bicubic', 'half', APACHE, 77.09],
  ['tf_efficientnet_b0.ns_jft_in1k', V01, 'tf_efficientnet_b0_ns-c0e6a31c.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 78.67],
  ['tf_efficientnet_b1.in1k', V01, 'tf_efficientnet_b1-5c1377c4.pth', 240, 0.882, 'bicubic', 'imagenet', APACHE, 78.56],
  ['tf_efficientnet_b1.aa_in1k', V01, 'tf_efficientnet_b1_aa-ea7a6ee0.pth', 240, 0.882, 'bicubic', 'imagenet', APACHE, 78.83],
  ['tf_efficientnet_b1.ap_in1k', V01, 'tf_efficientnet_b1_ap-44ef0a3d.pth', 240, 0.882, 'bicubic', 'half', APACHE, 79.28],
  ['tf_efficientnet_b1.ns_jft_in1k', V01, 'tf_efficientnet_b1_ns-99dd0c41.pth', 240, 0.882, 'bicubic', 'imagenet', APACHE, 81.394],
  ['tf_efficientnet_b2.in1k', V01, 'tf_efficientnet_b2-e393ef04.pth', 260, 0.89, 'bicubic', 'imagenet', APACHE, 79.604],
  ['tf_efficientnet_b2.aa_in1k', V01, 'tf_efficientnet_b2_aa-60c94f97.pth', 260, 0.89, 'bicubic', 'imagenet', APACHE, 80.084],
  ['tf_efficientnet_b2.ap_in1k', V01, 'tf_efficientnet_b2_ap-2f8e7636.pth', 260, 0.89, 'bicubic', 'half', APACHE, 80.308],
  ['tf_efficientnet_b2.ns_jft_in1k', V01, 'tf_efficientnet_b2_ns-00306e48.pth', 260, 0.89, 'bicubic', 'imagenet', APACHE, 82.378],
  ['tf_efficientnet_b3.in1k', V01, 'tf_efficientnet_b3-e3bd6955.pth', 300, 0.904, 'bicubic', 'imagenet', APACHE, 80.878],
  ['tf_efficientnet_b3.aa_in1k', V01, 'tf_efficientnet_b3_aa-84b4657e.pth', 300, 0.904, 'bicubic', 'imagenet', APACHE, 81.644],
  ['tf_efficientnet_b3.ap_in1k', V01, 'tf_efficientnet_b3_ap-aad25bdd.pth', 300, 0.904, 'bicubic', 'half', APACHE, 81.826],
  ['tf_efficientnet_b3.ns_jft_in1k', V01, 'tf_efficientnet_b3_ns-9d44bf68.pth', 300, 0.904, 'bicubic', 'imagenet', APACHE, 84.056],
  ['tf_efficientnet_b4.in1k', V01, 'tf_efficientnet_b4-74ee3bed.pth', 380, 0.922, 'bicubic', 'imagenet', APACHE, 82.608],
  ['tf_efficientnet_b4.aa_in1k', V01, 'tf_efficientnet_b4_aa-818f208c.pth', 380, 0.922, 'bicubic', 'imagenet', APACHE, 83.018],
  ['tf_efficientnet_b4.ap_in1k', V01, 'tf_efficientnet_b4_ap-dedb23e6.pth', 380, 0.922, 'bicubic', 'half', APACHE, 83.25],
  ['tf_efficientnet_b4.ns_jft_in1k', V01, 'tf_efficientnet_b4_ns-d6313a46.pth', 380, 0.922, 'bicubic', 'imagenet', APACHE, 85.162],
  ['tf_efficientnet_b5.in1k', V01, 'tf_efficientnet_b5-c6949ce9.pth', 456, 0.934, 'bicubic', 'imagenet', APACHE, 83.176],
  ['tf_efficientnet_b5.aa_in1k', V01, 'tf_efficientnet_b5_aa-99018a74.pth', 456, 0.934, 'bicubic', 'imagenet', APACHE, 83.688],
  ['tf_efficientnet_b5.ra_in1k', V01, 'tf_efficientnet_b5_ra-9a3e5369.pth', 456, 0.934, 'bicubic', 'imagenet', APACHE, 83.81],
  ['tf_efficientnet_b5.ap_in1k', V01, 'tf_efficientnet_b5_ap-9e82fae8.pth', 456, 0.934, 'bicubic', 'half', APACHE, 84.258],
  ['tf_efficientnet_b5.ns_jft_in1k', V01, 'tf_efficientnet_b5_ns-6f26d0cf.pth', 456, 0.934, 'bicubic', 'imagenet', APACHE, 86.088],
  ['tf_efficientnet_b6.aa_in1k', V01, 'tf_efficientnet_b6_aa-80ba17e4.pth', 528, 0.942, 'bicubic', 'imagenet', APACHE, 84.116],
  ['tf_efficientnet_b6.ap_in1k', V01, 'tf_efficientnet_b6_ap-4ffb161f.pth', 528, 0.942, 'bicubic', 'half', APACHE, 84.786],
  ['tf_efficientnet_b6.ns_jft_in1k', V01, 'tf_efficientnet_b6_ns-51548356.pth', 528, 0.942, 'bicubic', 'imagenet', APACHE, 86.456],
  ['tf_efficientnet_b7.aa_in1k', V01, 'tf_efficientnet_b7_aa-076e3472.pth', 600, 0.949, 'bicubic', 'imagenet', APACHE, 84.414],
  ['tf_efficientnet_b7.ra_in1k', V01, 'tf_efficientnet_b7_ra-6c08e654.pth', 600, 0.949, 'bicubic', 'imagenet', APACHE, 84.932],
  ['tf_efficientnet_b7.ap_in1k', V01, 'tf_efficientnet_b7_ap-ddb28fec.pth', 600, 0.949, 'bicubic', 'half', APACHE, 85.122],
  ['tf_efficientnet_b7.ns_jft_in1k', V01, 'tf_efficientnet_b7_ns-1dbc32de.pth', 600, 0.949, 'bicubic', 'imagenet', APACHE, 86.84],
  ['efficientnet_lite0.ra_in1k', V01, 'efficientnet_lite0_ra-37913777.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 75.48],
  ['tf_efficientnet_lite0.in1k', V01, 'tf_efficientnet_lite0-0aa007d2.pth', 224, 0.875, 'bicubic', 'half', APACHE, 74.83],
  ['tf_efficientnet_lite1.in1k', V01, 'tf_efficientnet_lite1-bde8b488.pth', 240, 0.882, 'bicubic', 'half', APACHE, 76.644],
  ['tf_efficientnet_lite2.in1k', V01, 'tf_efficientnet_lite2-dcccb7df.pth', 260, 0.89, 'bicubic', 'half', APACHE, 77.464],
  ['tf_efficientnet_lite3.in1k', V01, 'tf_efficientnet_lite3-b733e338.pth', 300, 0.904, 'bilinear', 'half', APACHE, 79.808],
  ['tf_efficientnet_lite4.in1k', V01, 'tf_efficientnet_lite4-741542c3.pth', 380, 0.92, 'bilinear', 'half', APACHE, 81.532],
  ['mobilenetv2_050.lamb_in1k', V01, 'mobilenetv2_050-3d30d450.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 65.95],
  ['mobilenetv2_100.ra_in1k', V01, 'mobilenetv2_100_ra-b33bc2c4.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 72.976],
  ['mobilenetv2_110d.ra_in1k', V01, 'mobilenetv2_110d_ra-77090ade.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 75.056],
  ['mobilenetv2_120d.ra_in1k', V01, 'mobilenetv2_120d_ra-5987e2ed.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 77.302],
  ['mobilenetv2_140.ra_in1k', V01, 'mobilenetv2_140_ra-21a4e913.pth', 224, 0.875, 'bicubic', 'imagenet', APACHE, 76.52],
];

/** `resize` of timm's transforms: the size whose `cropShare` is the input, rounded down. */
function resizeOf(size: number, cropShare: number): number {
  return Math.floor(size / cropShare);
}

function downloads(name: string, folder: string, file: string): Download[] {
  const prefix = /-([0-9a-f]{8})\.pth$/.exec(file);
  return [
    { url: `${folder}/${file}`, sha256: prefix ? prefix[1] : null },
    { url: `https://huggingface.co/timm/${name}/resolve/main/model.safetensors`, sha256: null },
  ];
}

export const TIMM: readonly WeightsEntry[] = ROWS.map(
  ([name, folder, file, size, cropShare, interpolation, normalisation, licence, top1]) => {
    const model = name.split('.')[0];
    return {
      name,
      model,
      parameters: parametersOf(model),
      shipped: null,
      downloads: downloads(name, folder, file),
      megabytes: null,
      licence,
      source: `https://huggingface.co/timm/${name}`,
      preprocessing: {
        inputSize: size,
        resizeSize: resizeOf(size, cropShare),
        interpolation,
        ...(normalisation === 'half' ? HALF : IMAGENET),
      },
      classes: 'imagenet-1k',
      properties: weightProperties(model),
      top1,
    };
  },
);
