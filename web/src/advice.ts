/** What to do where a browser gives no WebGPU, by browser and system; `userAgent` is the only thing that tells them. */

interface Advice {
  /** Whether the page is served as WebGPU wants it. */
  secure: boolean;
  steps: readonly string[];
}

export function advice(
  userAgent: string,
  secure: boolean,
  { host, port }: { host: string; port: string },
): Advice {
  return secure ? { secure, steps: stepsIn(userAgent) } : { secure, steps: waysOut(host, port) };
}

/** From plain http to a page that browsers trust. */
function waysOut(host: string, port: string): string[] {
  const number = port || '80';
  return [
    `Open it on the machine that serves it, as http://localhost:${number}/.`,
    `Bring its port here: ssh -L ${number}:localhost:${number} ${host.replace(/:\d+$/, '')}, then http://localhost:${number}/.`,
    'Serve the folder that npm run build:page makes by https; any static host will do.',
    `For a trial in Chrome or Edge, name http://${host} at chrome://flags/#unsafely-treat-insecure-origin-as-secure.`,
  ];
}

type Sure = readonly [test: RegExp, steps: readonly string[]];

/** The first that fits counts: Edge calls itself Chrome, and Chrome Safari. */
const KNOWN: readonly Sure[] = [
  [
    /Firefox\//,
    [
      'Firefox has WebGPU on Windows from version 141 on and on Macs with Apple silicon from 145 on: update it.',
      'On Linux and Android take Firefox Nightly, where about:config has dom.webgpu.enabled; or Chrome.',
    ],
  ],
  [
    /Android.*Chrome\//,
    [
      'Chrome has WebGPU on Android 12 and newer, with GPUs of Qualcomm, ARM and others: update Chrome and Android.',
      'chrome://gpu says whether WebGPU is blocked on this phone, and why.',
    ],
  ],
  [
    /Linux.*Chrome\//,
    [
      'Install the Vulkan driver of the GPU (on Debian and Ubuntu: mesa-vulkan-drivers), then start the browser anew.',
      'Switch on chrome://flags/#enable-unsafe-webgpu and chrome://flags/#enable-vulkan: on Linux some GPUs are left out by default.',
      'Without a GPU: chromium --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader computes on the processor.',
      'chrome://gpu says whether WebGPU is blocked, and why.',
    ],
  ],
  [
    /Chrome\//,
    [
      'Update the browser and the driver of the GPU, then start the browser anew; WebGPU is there from version 113 on.',
      'Under Settings, System, switch on graphics acceleration.',
      'chrome://gpu says whether WebGPU is blocked on this machine, and why.',
    ],
  ],
  [
    /iPhone|iPad|Mac OS X.*Safari\//,
    [
      'Safari has WebGPU from version 26 on: macOS, iOS and iPadOS 26.',
      'On an older macOS take Chrome or Edge.',
    ],
  ],
];

const ANY = [
  'Open it in a current Chrome, Edge, Safari or Firefox: https://caniuse.com/webgpu lists who has WebGPU.',
];

const stepsIn = (userAgent: string): readonly string[] =>
  KNOWN.find(([test]) => test.test(userAgent))?.[1] ?? ANY;
