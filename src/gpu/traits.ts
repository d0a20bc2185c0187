/**
 * Traits: what kernels ask of an adapter when they choose how to work. Abilities are read from the adapter, tuning
 * numbers from one of two rows below, once, when a device is opened; kernels never ask whether it is a software adapter.
 * `openDevice({ traits })` overrides any of them, so that a GPU's numbers run in the tests on a software adapter.
 *
 * The software row is measured on lavapipe with two cores. The hardware row is a stated default: no GPU was at hand.
 */

/**
 * By what lanes hand values to each other (kernels/parts/lanes.ts): in subgroups of the one size that there is, or of a size
 * that is asked for, in blocks of subgroups whose size varies, or through the memory of a workgroup.
 */
export type LanesBy = 'broadcast' | 'sized' | 'shuffle' | 'workgroup';

export interface Traits {
  /** Lanes that hand values to each other, 4 to 64; 0 where the adapter has no subgroups. */
  readonly lanes: number;
  /** By what they do. */
  readonly lanesBy: LanesBy;
  /** Parameters go by immediates; otherwise by small uniform buffers. */
  readonly immediates: boolean;
  /** Shaders may compute in 16 bits. */
  readonly f16: boolean;
  /** Bytes of memory that a workgroup may share. */
  readonly workgroupStorage: number;
  /** Invocations that keep every core busy: a kernel that can choose starts about as many. */
  readonly wantedInvocations: number;
  /** Workgroups that keep every core busy, two for each: one computes while another fetches. */
  readonly wantedWorkgroups: number;
  /**
   * How long a multiply-add takes in a tile that a workgroup shares through its memory (kernels/parts/tile-workgroup.ts), in
   * those of the tile loop. Where a processor computes that memory is as slow as any other.
   */
  readonly workgroupTile: number;
  /**
   * Rows of a tile of a matrix product of many rows (kernels/parts/tile.ts). A lane keeps a vec4 for each: 32 are 128
   * registers, for which a GPU may have too few, and which a processor has in its first cache.
   */
  readonly matrixTileRows: number;
  /** Bytes of intermediate results that a chunk of pictures may take: what a cache holds, or what fills a GPU. */
  readonly chunkBytes: number;
  /**
   * Elements of an invocation at most in an element-wise kernel. Starting one costs a software adapter as much as copying
   * a vec4 (lavapipe, ReLU over 3 MB: 10.7 GB/s with 16 each, 12.7 with 64). What walks takes no fewer (channel-lanes.ts).
   */
  readonly elementsEach: number;
  /** Workgroups that an element-wise kernel keeps for the cores to share before it gives an invocation more elements. */
  readonly fewestWorkgroups: number;
  /**
   * Parameters in a dispatch of an optimiser at most. On lavapipe a step is as fast with 2 as with 6 (ResNet-18: 32
   * dispatches against 12, 1 ms of 55), but LLVM compiles AdamW in 1.5 s instead of 4.5.
   */
  readonly optimizerSlots: number;
  /** Work (about one FLOP, or half a byte moved) after which a recording is submitted; long ones trip watchdogs. */
  readonly submittedWork: number;
  /** Bind groups that may be alive at once: each is a memory mapping on lavapipe, and Linux gives a process 65,530. */
  readonly mostBindGroups: number;
}

export const SOFTWARE = {
  wantedInvocations: 2048,
  matrixTileRows: 32,
  wantedWorkgroups: 4,
  workgroupTile: 3,
  chunkBytes: 16e6,
  elementsEach: 64,
  fewestWorkgroups: 16,
  optimizerSlots: 2,
  submittedWork: 4e9,
  mostBindGroups: 48_000,
};

export const HARDWARE: typeof SOFTWARE = {
  wantedInvocations: 16384,
  matrixTileRows: 16,
  wantedWorkgroups: 64, // WebGPU tells no number of cores; 32 are what llama.cpp assumes where nobody tells
  workgroupTile: 0.7, // 128×128 loads a value for 64 multiply-adds, 16 rows by 32 lanes one for 14
  chunkBytes: 128e6,
  elementsEach: 1,
  fewestWorkgroups: 64,
  optimizerSlots: 6,
  submittedWork: 4e11,
  mostBindGroups: Number.POSITIVE_INFINITY,
};

/** What drivers call themselves that compute on the processor. */
export const SOFTWARE_DRIVER = /llvmpipe|lavapipe|swiftshader|software|warp|basic render/i;

/** Whether an adapter is a CPU pretending to be a GPU (lavapipe, SwiftShader, WARP). */
export function isSoftware({
  isFallbackAdapter,
  device,
  description,
  architecture,
}: GPUAdapterInfo): boolean {
  return isFallbackAdapter || SOFTWARE_DRIVER.test(`${device} ${description} ${architecture}`);
}

/** Lanes that kernels are written for. A larger subgroup falls into blocks; there is none of fewer than four. */
const FEWEST_LANES = 4;
const MOST_LANES = 64;

/**
 * The lanes of an adapter: its smallest subgroup, which is the only one where sizes do not vary. That is 8 on Intel, where
 * wider ones halve the registers of a lane and the tile loop wants 64 or 128 of them for its sums, and 32 on AMD's RDNA.
 */
function lanesOf(
  { subgroupMinSize = 0, subgroupMaxSize = 0 }: GPUAdapterInfo,
  features: Pick<ReadonlySet<string>, 'has'>,
): Pick<Traits, 'lanes' | 'lanesBy'> {
  if (!features.has('subgroups') || subgroupMinSize < FEWEST_LANES) return { lanes: 0, lanesBy: 'broadcast' };
  const lanes = Math.min(subgroupMinSize, MOST_LANES);
  if (lanes === subgroupMaxSize) return { lanes, lanesBy: 'broadcast' };
  const sized = features.has('subgroup-size-control') && lanes === subgroupMinSize;
  return { lanes, lanesBy: sized ? 'sized' : 'shuffle' };
}

/** The traits of an opened device. @param features whether subgroups and immediates may be used where they are there */
export function traitsOf(
  info: GPUAdapterInfo,
  { limits, features }: Pick<GPUDevice, 'limits' | 'features'>,
  allowed: 'all' | 'none' = 'all',
): Traits {
  return {
    ...lanesOf(info, features),
    immediates: allowed === 'all' && (limits.maxImmediateSize ?? 0) >= 64,
    f16: features.has('shader-f16'),
    workgroupStorage: limits.maxComputeWorkgroupStorageSize,
    ...(isSoftware(info) ? SOFTWARE : HARDWARE),
  };
}
