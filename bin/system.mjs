/**
 * What this machine is, and what brings a WebGPU adapter to it. `driverPlan` is a pure function of a description
 * of the system, so that tests can ask it about systems they do not run on.
 *
 * Dawn (the npm package webgpu) draws on Metal, Direct3D 12 or Vulkan. macOS and Windows bring theirs; on Linux the
 * Vulkan loader and a driver are packages. Mesa's lavapipe (software) needs no GPU. Debian 12 ships Mesa 22.3, whose
 * lavapipe Dawn refuses ("shaderUniform*ArrayDynamicIndexing required"); 25.0 from bookworm-backports works.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { readText, usesMusl } from './packages.mjs';

/** Describes the machine this runs on. */
export function describeSystem(env = process.env) {
  const release = process.platform === 'linux' ? parseOsRelease(readText('/etc/os-release') ?? '') : {};
  return {
    platform: process.platform,
    arch: process.arch,
    id: release.ID ?? '',
    like: (release.ID_LIKE ?? '').split(' ').filter(Boolean),
    version: release.VERSION_ID ?? '',
    codename: release.VERSION_CODENAME ?? '',
    name: release.PRETTY_NAME ?? '',
    musl: process.platform === 'linux' && usesMusl(),
    root: process.getuid?.() === 0,
    sudo: onPath('sudo', env),
    apt: onPath('apt-get', env),
    terminal: Boolean(process.stdin.isTTY && process.stderr.isTTY),
    ci: Boolean(env.CI) && env.CI !== 'false' && env.CI !== '0',
    container: inContainer(env),
    driverVariable: ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'].find((name) => env[name]) ?? '',
  };
}

/** The `KEY=value` lines of /etc/os-release. */
export function parseOsRelease(text) {
  const lines = text.matchAll(/^([A-Z_]+)=("?)(.*)\2$/gm);
  return Object.fromEntries([...lines].map(([, key, , value]) => [key, value]));
}

function onPath(program, env) {
  return (env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function inContainer(env) {
  return (
    existsSync('/.dockerenv') ||
    existsSync('/run/.containerenv') ||
    Boolean(env.container || env.KUBERNETES_SERVICE_HOST) ||
    /docker|kubepods|containerd|lxc/.test(readText('/proc/1/cgroup') ?? '')
  );
}

/** Debian 12's own Mesa is too old for Dawn. */
export const BACKPORTS = 'bookworm-backports';
export const PACKAGES = ['mesa-vulkan-drivers', 'libvulkan1'];

/**
 * What to do where no adapter answers: `{ action, advice }`, with
 * - action 'install': install the packages without asking (root without a terminal, CI, a container),
 * - action 'ask': ask on the terminal first,
 * - action 'tell': only say what to install.
 * For the first two `backports` and `sudo` say how; `advice` is the sentence for people, whatever the action.
 */
export function driverPlan(system) {
  // Whoever names the drivers in a variable would not see one that is installed.
  if (system.driverVariable) {
    return {
      action: 'tell',
      advice: `${system.driverVariable} names the drivers to use; unset it, or correct it.`,
    };
  }
  const advice = adviceFor(system);
  if (!isAptSystem(system) || system.musl || tooOld(system)) return { action: 'tell', advice };
  const privileged = system.root || system.sudo;
  const unattended = system.root ? !system.terminal || system.ci || system.container : system.ci;
  const action = !privileged ? 'tell' : unattended ? 'install' : system.terminal ? 'ask' : 'tell';
  return { action, advice, backports: needsBackports(system), sudo: !system.root };
}

function isAptSystem({ platform, id, like, apt }) {
  const family = [id, ...like];
  return platform === 'linux' && apt && (family.includes('debian') || family.includes('ubuntu'));
}

function needsBackports({ id, codename }) {
  return id === 'debian' && codename === 'bookworm';
}

/** Releases whose Mesa Dawn refuses and that have no newer one to offer. */
function tooOld({ id, version }) {
  const number = Number.parseFloat(version);
  return (id === 'debian' && number < 12) || (id === 'ubuntu' && number < 22);
}

/** The sentence that says what to install on `system`. */
function adviceFor(system) {
  if (system.platform === 'darwin') {
    return (
      'macOS brings Metal itself; an adapter is missing only on an old macOS (update it) or on a virtual machine ' +
      'without graphics (give it some).'
    );
  }
  if (system.platform === 'win32') {
    return 'Windows brings Direct3D 12 itself; update Windows and the driver of your graphics card.';
  }
  if (system.platform !== 'linux' || !['x64', 'arm64'].includes(system.arch)) {
    return (
      `The npm package webgpu has no build for ${system.platform} on ${system.arch}; it runs on Linux and Windows ` +
      '(x64, arm64) and macOS.'
    );
  }
  if (system.musl) {
    return (
      'The npm package webgpu is built for glibc, and this Node uses musl (Alpine). Use an image with glibc, ' +
      'for example node:22-trixie-slim.'
    );
  }
  const install = linuxInstall(system);
  return `${install} A graphics card needs its own Vulkan driver too (Mesa's, or NVIDIA's).`;
}

function linuxInstall(system) {
  const family = [system.id, ...system.like];
  const sudo = system.root ? '' : 'sudo ';
  if (tooOld(system)) {
    return (
      `The Mesa of ${system.name} is too old for a software adapter; upgrade to Debian 12 or Ubuntu 22.04, ` +
      'or newer.'
    );
  }
  if (isAptSystem({ ...system, apt: true })) {
    if (!needsBackports(system)) {
      return `Install Mesa's Vulkan drivers: ${sudo}apt-get install ${PACKAGES.join(' ')}.`;
    }
    return (
      `Install Mesa's Vulkan drivers from ${BACKPORTS} (Debian 12's own are too old): ` +
      `echo 'deb http://deb.debian.org/debian ${BACKPORTS} main' | ${sudo}tee ${SOURCE_FILE} && ` +
      `${sudo}apt-get update && ${sudo}apt-get install -t ${BACKPORTS} ${PACKAGES.join(' ')}.`
    );
  }
  const byFamily = [
    [['fedora', 'rhel', 'centos'], 'dnf install mesa-vulkan-drivers vulkan-loader'],
    [['arch'], 'pacman -S vulkan-icd-loader vulkan-swrast'],
    [['suse', 'opensuse', 'opensuse-tumbleweed', 'opensuse-leap'], 'zypper install libvulkan1 libvulkan_lvp'],
    [['gentoo'], 'USE=vulkan VIDEO_CARDS=lavapipe emerge media-libs/mesa media-libs/vulkan-loader'],
  ];
  const command = byFamily.find(([ids]) => ids.some((id) => family.includes(id)))?.[1];
  if (command) return `Install the Vulkan loader and Mesa's drivers: ${sudo}${command}.`;
  if (family.includes('nixos')) return 'Set hardware.graphics.enable = true in the NixOS configuration.';
  return "Install the Vulkan loader (libvulkan.so.1) and Mesa's Vulkan drivers, 23.1 or newer, with lavapipe.";
}

/** The apt source that the launcher adds where no source offers bookworm-backports. */
export const SOURCE_FILE = '/etc/apt/sources.list.d/tessera-backports.list';
