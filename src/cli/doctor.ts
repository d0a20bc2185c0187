/**
 * `npm run doctor`: which WebGPU adapter answers, what it can do, and what Tessera makes of that. Where none
 * answers, the launcher has said what to install before this file is asked.
 */
import type { Command } from 'commander';
import { type Device, type LanesBy, listedChoices } from '../gpu/index.ts';
import { memoryBudget } from '../node/memory.ts';
import { type AdapterName, describeAdapters, listAdapters } from '../node/open-device.ts';
import { versions } from '../node/versions.ts';
import { openCommandDevice } from './device.ts';
import {
  announceSoftware,
  bold,
  counted,
  formatBytes,
  formatNumber,
  formatRows,
  formatSeconds,
  printJson,
} from './ui.ts';

export const description =
  'Prints the WebGPU adapter, its driver, limits and features, and what would be used and why. ' +
  'Where no adapter answers, says what to install on this system and exits with 1.';

export function options(command: Command): void {
  command
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option('--json', 'print one JSON document on stdout');
}

interface DoctorOptions {
  adapter?: string;
  json?: boolean;
}

export async function run(_args: string[], { adapter, json }: DoctorOptions): Promise<void> {
  const report = await examine(adapter);
  if (json) printJson(report);
  else print(report);
}

/** The limits that decide which networks fit and which kernels run. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
] as const;

interface Report {
  adapter: {
    name: string;
    vendor: string;
    architecture: string;
    driver: string;
    backend: string;
    software: boolean;
    available: AdapterName[];
    openedIn: number;
  };
  limits: Record<string, number>;
  features: string[];
  uses: { kernels: Use; choices: Use; parameters: Use };
  memory: { bytes: number; from: string };
  versions: Record<string, string>;
}

/** What would be used, and why. */
interface Use {
  choice: string;
  why: string;
}

async function examine(wanted: string | undefined): Promise<Report> {
  const started = performance.now();
  const device = await openCommandDevice({ adapter: wanted });
  const openedIn = (performance.now() - started) / 1000;
  announceSoftware(device);
  const available = await listAdapters();
  const { info, limits } = device;
  const name = info.device || info.architecture || info.vendor;
  // WebGPU does not tell the backend; Dawn's list does, under the adapter's name.
  const simplified = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  const listed = available.find((one) => simplified(one.name) === simplified(name)) ?? available[0];
  const report: Report = {
    adapter: {
      name: listed?.name ?? name,
      vendor: info.vendor,
      architecture: info.architecture,
      driver: info.description,
      backend: listed?.backend ?? 'unknown',
      software: device.software,
      available,
      openedIn,
    },
    limits: Object.fromEntries(LIMITS.map((limit) => [limit, limits[limit]])),
    features: [...device.features].sort(),
    uses: whatIsUsed(device),
    memory: await memoryBudget(device),
    versions: versions(),
  };
  device.close();
  return report;
}

function whatIsUsed(device: Device): Report['uses'] {
  const { traits } = device;
  const tuned = listedChoices(device.choices)?.length ?? 0;
  return {
    kernels: lanesUsed(device),
    choices: tuned
      ? {
          choice: `tuned for ${counted(tuned, 'problem')}`,
          why: 'npm run tune measured here what is fastest',
        }
      : { choice: 'estimates', why: 'no tuning record is of this adapter, its driver and these kernels' },
    parameters: traits.immediates
      ? { choice: 'immediates', why: `the device has ${device.limits.maxImmediateSize} bytes of them` }
      : { choice: 'uniform buffers', why: 'the device has no immediates' },
  };
}

/** In which form the kernels of subgroups run (kernels/parts/lanes.ts). */
function lanesUsed({ info, features, traits }: Device): Use {
  const { lanes } = traits;
  const [fewest, most] = [info.subgroupMinSize, info.subgroupMaxSize];
  const vary =
    fewest === most
      ? `the subgroups have ${most} lanes`
      : `the subgroups vary in size (${fewest} to ${most} lanes)`;
  if (lanes === 0)
    return {
      choice: 'kernels without subgroups',
      why: features.has('subgroups') ? `${vary}, the smallest are too small` : 'the adapter has no subgroups',
    };
  const forms: Record<LanesBy, Use> = {
    broadcast: {
      choice: `subgroup kernels, ${lanes} lanes`,
      why: 'the adapter has subgroups of one fixed size',
    },
    sized: { choice: `subgroup kernels, ${lanes} lanes asked for`, why: `${vary}, and one can be asked for` },
    shuffle: {
      choice: `subgroup kernels, blocks of ${lanes} lanes`,
      why: `${vary}, and none can be asked for`,
    },
    workgroup: { choice: `subgroup kernels, ${lanes} lanes in workgroup memory`, why: 'it was asked for' },
  };
  return forms[traits.lanesBy];
}

function print(report: Report): void {
  const { adapter, memory, uses } = report;
  const bytes = new Set(['maxBufferSize', 'maxStorageBufferBindingSize', 'maxComputeWorkgroupStorageSize']);
  const limitRows = Object.entries(report.limits).map(([name, value]): [string, string] => [
    name,
    bytes.has(name) ? formatBytes(value) : formatNumber(value),
  ]);
  const sections: [heading: string, rows: [string, string][]][] = [
    [
      'Adapter',
      [
        ['name', adapter.name],
        ['driver', adapter.driver || 'not told'],
        ['backend', adapter.backend],
        ['kind', adapter.software ? 'software: it runs on the processor' : 'hardware'],
        ['opened in', formatSeconds(adapter.openedIn)],
        ...(adapter.available.length > 1
          ? [['to choose from', describeAdapters(adapter.available)] as [string, string]]
          : []),
      ],
    ],
    ['Limits', limitRows],
    ['Features asked for', [[report.features.join(', ') || 'none', '']]],
    [
      'What is used, and why',
      Object.entries(uses).map(([name, { choice, why }]) => [name, `${choice}: ${why}`]),
    ],
    ['Memory to plan with', [[formatBytes(memory.bytes), memoryReason(memory.from)]]],
    ['Versions', Object.entries(report.versions)],
  ];
  for (const [heading, rows] of sections) {
    process.stdout.write(`${bold(heading, process.stdout)}\n${formatRows(rows)}\n`);
  }
}

function memoryReason(from: string): string {
  if (from === 'default') return 'assumed, since WebGPU does not tell; --memory of train sets another';
  return `what this ${from} has, since a software adapter's buffers are ordinary memory`;
}
