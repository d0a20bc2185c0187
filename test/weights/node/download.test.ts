/**
 * Downloads against a server that truncates, stalls, lies about lengths and sends the wrong bytes. Whatever it does:
 * within seconds there is the whole file, or a sentence and no file.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  DownloadError,
  type DownloadOptions,
  type DownloadReport,
  DownloadStopped,
  download,
  type Limits,
} from '../../../src/weights/node/download.ts';
import { checkUrl, networkFailure } from '../../../src/weights/node/http.ts';
import {
  type Behaviour,
  CONTENT,
  good,
  SHA256,
  sendFile,
  startProxy,
  startServer,
  TAG,
  type TestServer,
} from './server.ts';

const LIMITS: Limits = {
  connect: 1000,
  stall: 250,
  leastBytes: 1024,
  attempts: 3,
  allAttempts: 8,
  pause: 5,
  longestPause: 20,
  redirects: 5,
  bytes: 1_000_000,
};
/** No case takes longer, in ms: three stalls and a margin for a busy machine. */
const PATIENCE = 5000;

const test = suite('weights: download');
let server: TestServer;
let folder: string;
let path: string;
let notes: string[];

test.before(async () => {
  server = await startServer();
});
test.after(() => server.close());
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-download-'));
  path = join(folder, 'weights', 'model.pth');
  notes = [];
  server.behave(good);
});
test.after.each(() => rmSync(folder, { recursive: true }));

function run(options: Partial<DownloadOptions> = {}): Promise<DownloadReport> {
  const onNote = (note: string) => notes.push(note);
  return download({ url: server.url, path, sha256: SHA256.slice(0, 8), onNote, limits: LIMITS, ...options });
}

/** The file is there, whole, and nothing else is. */
function assertWhole(report: DownloadReport): void {
  assert.ok(readFileSync(path).equals(CONTENT), 'the file is another');
  assert.equal(readdirSync(join(folder, 'weights')), ['model.pth']);
  assert.is(report.sha256, SHA256);
  assert.is(report.bytes, CONTENT.length);
}

/** The download fails with this sentence, and there is no file. @returns what is left beside it */
async function assertFails(expected: RegExp, options: Partial<DownloadOptions> = {}): Promise<string[]> {
  const error: unknown = await run(options).catch((reason) => reason);
  assert.ok(error instanceof DownloadError, `not refused: ${error}`);
  assert.match(error.message, expected);
  assert.not(existsSync(path), 'a file of that name');
  return existsSync(join(folder, 'weights')) ? readdirSync(join(folder, 'weights')) : [];
}

/** Runs a case with a bound on its time and on the requests that it costs. */
function bounded(name: string, body: () => Promise<void>, requests = LIMITS.allAttempts): void {
  test(name, async () => {
    const started = performance.now();
    await body();
    assert.ok(performance.now() - started < PATIENCE, `${performance.now() - started} ms`);
    assert.ok(server.received.length <= requests, `${server.received.length} requests`);
  });
}

bounded(
  'a good server: one request, progress to the end, compared with the hash',
  async () => {
    const seen: [number, number | null][] = [];
    const report = await run({ onProgress: (received, total) => seen.push([received, total]) });
    assertWhole(report);
    assert.is(report.comparedWith, 'given');
    assert.is(report.resumedFrom, 0);
    assert.equal(seen[0], [0, CONTENT.length]);
    assert.equal(seen.at(-1), [CONTENT.length, CONTENT.length]);
    assert.equal(notes, []);
    assert.is(server.received[0].range, undefined);
  },
  1,
);

/** What a bad server does, and how the download ends well all the same. */
const RECOVERED: [name: string, behaviour: Behaviour, requests: number, check?: () => void][] = [
  [
    'breaks off twice: goes on where it stopped, if the file is the same',
    (response, request, count) =>
      sendFile(response, request, { breakAfter: count < 2 ? 100_000 : undefined }),
    3,
    () => {
      for (const { range, ifRange } of server.received.slice(1)) {
        assert.match(range ?? '', /^bytes=\d+-$/);
        assert.is(ifRange, TAG);
      }
      assert.match(notes[0], /127\.0\.0\.1:\d+ broke the connection off; trying again in 0\.0 s\./);
    },
  ],
  [
    'stops sending: the connection is given up and another one goes on',
    (response, request, count) => {
      if (count > 0) return sendFile(response, request);
      response.writeHead(200, { 'content-length': CONTENT.length, etag: TAG });
      response.write(CONTENT.subarray(0, 50_000));
    },
    2,
    () => {
      assert.match(notes[0], /has sent nothing for 0\.25 s/);
      assert.match(server.received[1].range ?? '', /^bytes=50000-$/);
    },
  ],
  [
    'never answers the first time',
    (response, request, count) => (count > 0 ? sendFile(response, request) : undefined),
    2,
  ],
  [
    'drips a byte at a time',
    (response, request, count) => {
      if (count > 0) return sendFile(response, request);
      response.writeHead(200, { 'content-length': CONTENT.length, etag: TAG });
      let sent = 0;
      const timer = setInterval(() => response.write(CONTENT.subarray(sent, ++sent)), 20);
      response.on('close', () => clearInterval(timer));
    },
    2,
  ],
  [
    'announces more than it sends',
    (response, request, count) => {
      if (count > 0) return sendFile(response, request);
      response.writeHead(200, { 'content-length': CONTENT.length, etag: TAG });
      response.write(CONTENT.subarray(0, 1000), () => response.socket!.end());
    },
    2,
  ],
  [
    'ignores Range: starts again',
    (response, request, count) =>
      sendFile(response, request, { ranges: false, breakAfter: count < 1 ? 9000 : undefined }),
    2,
    () => assert.match(notes[1], /sends the file from its beginning/),
  ],
  [
    'has another file by then: starts again',
    (response, request, count) =>
      count < 1
        ? sendFile(response, request, { content: Buffer.alloc(300_000, 7), tag: '"v0"', breakAfter: 9000 })
        : sendFile(response, request),
    2,
    () => assert.is(server.received[1].ifRange, '"v0"'),
  ],
  [
    'goes on at another place than it was asked: starts again',
    (response, request, count) => {
      if (count < 1) return sendFile(response, request, { breakAfter: 9000 });
      if (count > 1) return sendFile(response, request);
      const body = CONTENT.subarray(5000);
      response
        .writeHead(206, { 'content-length': body.length, 'content-range': `bytes 5000-299999/300000` })
        .end(body);
    },
    3,
  ],
  [
    'sends damaged bytes before the break: the hash finds out, and it starts again',
    (response, request, count) => {
      const damaged = Buffer.from(CONTENT);
      damaged[10] ^= 1;
      sendFile(response, request, count < 1 ? { content: damaged, breakAfter: 9000 } : {});
    },
    3,
  ],
  [
    'is busy: waits as long as it says, within reason',
    (response, request, count) =>
      count < 2
        ? response.writeHead(503, { 'retry-after': '3600' }).end('busy')
        : sendFile(response, request),
    3,
    () => assert.match(notes[0], /answered 503; trying again in 0\.0 s/),
  ],
  [
    'says no length at all',
    (response) => {
      response.writeHead(200, { etag: TAG });
      response.write(CONTENT.subarray(0, 1000));
      response.end(CONTENT.subarray(1000));
    },
    1,
  ],
  [
    'redirects three times',
    (response, request, count) =>
      count < 3
        ? response.writeHead(302, { location: `/moved-${count}` }).end()
        : sendFile(response, request),
    4,
  ],
  [
    'gives no way to ask whether the file is the same: the known hash is enough to go on',
    (response, request, count) =>
      sendFile(response, request, { tag: null, breakAfter: count < 1 ? 9000 : undefined }),
    2,
    () => assert.equal([server.received[1].range, server.received[1].ifRange], ['bytes=9000-', undefined]),
  ],
];
for (const [name, behaviour, requests, check] of RECOVERED)
  bounded(
    `a server that ${name}`,
    async () => {
      server.behave(behaviour);
      assertWhole(await run());
      check?.();
      assert.is(server.received.length, requests);
    },
    requests,
  );

/** A body without a length that goes on and on. */
function endless(response: ServerResponse): void {
  response.writeHead(200, { etag: TAG });
  const more = () => {
    while (!response.destroyed && response.write(CONTENT));
  };
  response.on('drain', more);
  more();
}

/** What a bad server does, and the sentence that it ends with. */
const REFUSED: [name: string, behaviour: Behaviour, sentence: RegExp, left?: string[]][] = [
  [
    'sends the wrong bytes',
    (response, request) => sendFile(response, request, { content: Buffer.alloc(1000, 1) }),
    /not the file that was expected: its 1000 bytes have the SHA-256 [0-9a-f]{16}…, and [0-9a-f]{8}… was wanted; nothing was kept$/,
  ],
  [
    'announces less than it sends',
    (response) => {
      response.writeHead(200, { 'content-length': 1000, etag: TAG });
      response.write(CONTENT);
      response.end();
    },
    /not the file that was expected: its 1000 bytes|broke the connection off; gave up|cannot be read: .*; gave up/,
  ],
  [
    'sends an empty file',
    (response) => response.writeHead(200, { 'content-length': 0 }).end(),
    /not the file that was expected: its 0 bytes/,
  ],
  ['never ends', endless, /sends more than it should \(\d+ bytes\), so it was left$/],
  [
    'announces more than any weights have',
    (response) => response.writeHead(200, { 'content-length': 1e15 }).flushHeaders(),
    /sends more than it should \(1000000000000000 bytes\)/,
  ],
  [
    'answers with a web page',
    (response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Log in</html>'),
    /answered with a web page instead of a file; does the network want a log-in\?$/,
  ],
  [
    'compresses although it was told not to',
    (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    /is compressed on the way \(gzip\)/,
  ],
  [
    'does not know the file',
    (response) => response.writeHead(404).end(),
    /answered 404: there is no such file; --from/,
  ],
  [
    'forbids it',
    (response) => response.writeHead(403).end(),
    /answered 403: it does not give the file to us; --from/,
  ],
  [
    'wants a proxy login',
    (response) => response.writeHead(407).end(),
    /answered 407: the proxy wants a name and a password/,
  ],
  ['makes no sense', (response) => response.writeHead(204).end(), /answered 204, which is no file/],
  [
    'redirects in a circle',
    (response) => response.writeHead(302, { location: '/again' }).end(),
    /redirects more than 5 times$/,
  ],
  [
    'redirects without an address',
    (response) => response.writeHead(302).end(),
    /redirects without saying where to$/,
  ],
  [
    'redirects to a file on this machine',
    (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    /'file:\/\/\/etc\/passwd' is no address of a file/,
  ],
  ['is always busy', (response) => response.writeHead(500).end(), /answered 500; gave up after 3 tries$/],
  ['never answers', () => undefined, /has sent nothing for 0\.25 s; gave up after 3 tries$/],
  [
    'always breaks off at the same byte, and starts again each time',
    (response, request) => sendFile(response, request, { ranges: false, breakAfter: 9000 }),
    /broke the connection off; gave up after 4 tries\. What has arrived is kept/,
    ['model.pth.part', 'model.pth.part.json'],
  ],
  [
    'gives ten bytes a request',
    (response, request) => sendFile(response, request, { breakAfter: 10 }),
    /broke the connection off; gave up after 8 tries\. What has arrived is kept/,
    ['model.pth.part', 'model.pth.part.json'],
  ],
  [
    'speaks no HTTP',
    (response) => response.socket!.end('hello\r\n\r\n'),
    /cannot be read: .* \(HPE_\w+\); gave up after 3 tries$|broke the connection off; gave up after 3 tries$/,
  ],
];

for (const [name, behaviour, sentence, left = []] of REFUSED)
  bounded(`a server that ${name}`, async () => {
    server.behave(behaviour);
    assert.equal(await assertFails(sentence), left);
  });

test('a stopped download is kept, and the next run goes on', async () => {
  const stop = new AbortController();
  server.behave((response, request, count) => {
    if (count > 0) return sendFile(response, request);
    response.writeHead(200, { 'content-length': CONTENT.length, etag: TAG });
    response.write(CONTENT.subarray(0, 120_000));
  });
  const onProgress = (received: number) => received >= 120_000 && stop.abort();
  const error = await run({ signal: stop.signal, onProgress }).catch((reason) => reason);
  assert.instance(error, DownloadStopped);
  assert.is(error.kept, 120_000);
  assert.not(existsSync(path));
  const report = await run();
  assertWhole(report);
  assert.is(report.resumedFrom, 120_000);
  assert.equal([server.received[1].range, server.received[1].ifRange], ['bytes=120000-', TAG]);
});

test('a stopped download says that nothing is kept where the next run could not go on', async () => {
  const stopped = async (
    onProgress: () => void,
    tag: object,
    sha256: string | null,
    stop: AbortController,
  ) => {
    server.behave((response) => {
      response.writeHead(200, { 'content-length': CONTENT.length, ...tag });
      response.write(CONTENT.subarray(0, 120_000));
    });
    return run({ signal: stop.signal, onProgress, sha256 }).catch((reason) => reason);
  };
  // Nothing has arrived; nobody can tell whether it would be the same file.
  const before = new AbortController();
  before.abort();
  assert.is((await stopped(() => undefined, { etag: TAG }, SHA256, before)).kept, 0);
  const during = new AbortController();
  assert.is((await stopped(() => during.abort(), {}, null, during)).kept, 0);
  assert.equal(readdirSync(join(folder, 'weights')), []);
});

test('a stop while it waits for the next try ends it at once', async () => {
  const stop = new AbortController();
  server.behave((response) => response.writeHead(503).end());
  const onNote = () => stop.abort();
  const started = performance.now();
  const limits = { ...LIMITS, pause: 60_000, longestPause: 60_000 };
  assert.instance(
    await run({ signal: stop.signal, onNote, limits }).catch((reason) => reason),
    DownloadStopped,
  );
  assert.ok(performance.now() - started < 2000);
});

/** Leaves a part of the file as an earlier run would. */
async function leavePart(bytes: Buffer, origin: object | string): Promise<void> {
  await run({ sha256: null, url: server.url });
  rmSync(path);
  writeFileSync(`${path}.part`, bytes);
  writeFileSync(`${path}.part.json`, typeof origin === 'string' ? origin : JSON.stringify(origin));
  server.behave(good);
}

const LEFT: [name: string, bytes: Buffer, origin: () => object | string, resumed: number][] = [
  [
    'from the same address',
    CONTENT.subarray(0, 1000),
    () => ({ url: server.url, validator: TAG, total: 300_000 }),
    1000,
  ],
  ['and already whole', CONTENT, () => ({ url: server.url, validator: TAG, total: 300_000 }), 300_000],
  ['whole, of a size that nobody knew', CONTENT, () => ({ url: server.url, validator: TAG, total: null }), 0],
  [
    'longer than the file',
    Buffer.alloc(400_000),
    () => ({ url: server.url, validator: TAG, total: 300_000 }),
    0,
  ],
  ['of other bytes', Buffer.alloc(1000), () => ({ url: server.url, validator: TAG, total: 300_000 }), 0],
  [
    'of an older version',
    CONTENT.subarray(0, 1000),
    () => ({ url: server.url, validator: '"v0"', total: 300_000 }),
    0,
  ],
  [
    'from another address',
    CONTENT.subarray(0, 1000),
    () => ({ url: 'http://localhost/x', validator: TAG }),
    0,
  ],
  ['with a damaged note', CONTENT.subarray(0, 1000), () => '{"url":', 0],
  ['with a note that is no note', CONTENT.subarray(0, 1000), () => 'null', 0],
  ...(
    [
      ['validator', 5],
      ['validator', { toString: 'x' }],
      ['total', '300000'],
      ['total', -1],
      ['sha256', 'short'],
    ] as const
  ).map(([field, value]): [string, Buffer, () => object, number] => [
    `with the ${field} ${JSON.stringify(value)}`,
    CONTENT.subarray(0, 1000),
    () => ({ url: server.url, validator: TAG, total: 300_000, [field]: value }),
    0,
  ]),
];
for (const [name, bytes, origin, resumed] of LEFT)
  test(`a part that was left ${name}: resumed from ${resumed}`, async () => {
    await leavePart(bytes, origin());
    const report = await run();
    assertWhole(report);
    assert.is(report.resumedFrom, resumed);
  });

test('the whole hash is compared where it is known, and what the server states beside it', async () => {
  assertWhole(await run({ sha256: SHA256 }));
  rmSync(path);
  const alike = `${SHA256.slice(0, 8)}${'0'.repeat(56)}`;
  await assertFails(/not the file that was expected/, { sha256: alike });
  server.behave((response, request, count) =>
    count === 0
      ? response.writeHead(302, { location: '/store', 'x-linked-etag': `"${alike}"` }).end()
      : sendFile(response, request),
  );
  await assertFails(/and \w{8}00000000… was wanted/, { sha256: SHA256.slice(0, 8) });
});

test('without a known hash: what the server states is compared, as the Hub does it in its redirect', async () => {
  const hub =
    (stated: string): Behaviour =>
    (response, request, count) =>
      count === 0
        ? response.writeHead(302, { location: '/store', 'x-linked-etag': `"${stated}"` }).end()
        : sendFile(response, request);
  server.behave(hub(SHA256));
  const report = await run({ sha256: null });
  assertWhole(report);
  assert.is(report.comparedWith, 'server');
  rmSync(path);
  server.behave(hub('0'.repeat(64)));
  assert.equal(await assertFails(/not the file that was expected/, { sha256: null }), []);
});

test('with no hash at all the file is looked at before it takes its place, and with a right one too', async () => {
  const report = await run({ sha256: null });
  assertWhole(report);
  assert.is(report.comparedWith, null);
  rmSync(path);
  const check = async (part: string) => {
    assert.ok(readFileSync(part).equals(CONTENT), 'it is whole by then');
    throw new Error('model.pth.part is a picture.');
  };
  for (const sha256 of [null, SHA256.slice(0, 8)])
    assert.equal(
      await assertFails(/is no file of weights: model\.pth\.part is a picture\.$/, { sha256, check }),
      [],
    );
});

test('a part without validator and without hash is not taken up', async () => {
  server.behave((response, request) => sendFile(response, request, { tag: null }));
  await leavePart(CONTENT.subarray(0, 1000), { url: server.url, validator: null, total: 300_000 });
  assert.is((await run({ sha256: null })).resumedFrom, 0);
  assert.is(server.received[0].range, undefined);
});

test('a file that cannot be written is a sentence', async () => {
  writeFileSync(join(folder, 'weights'), 'a file in the way of the folder');
  const error: unknown = await run().catch((reason) => reason);
  assert.instance(error, DownloadError);
  assert.match(
    (error as Error).message,
    /the folder .*weights cannot be made: a part of the path is a file where a folder should be \(EEXIST\)$/,
  );
});

test('the proxy of the environment is used, and no_proxy is heeded', async () => {
  const proxy = await startProxy(Number(new URL(server.url).port));
  const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'];
  const before = names.map((name) => [name, process.env[name]] as const);
  const url = 'http://weights.invalid/model.pth';
  try {
    for (const name of names) delete process.env[name];
    process.env.http_proxy = proxy.url;
    assertWhole(await run({ url }));
    assert.equal(proxy.asked, ['weights.invalid:80']);
    rmSync(path);
    process.env.no_proxy = 'weights.invalid';
    await assertFails(/^weights\.invalid (was not found|cannot be looked up)/, { url });
    assert.is(proxy.asked.length, 1);
    process.env.no_proxy = '';
    await proxy.close();
    await assertFails(
      /^the proxy 127\.0\.0\.1:\d+ refuses the connection; http_proxy or https_proxy names it; gave up after 3 tries$/,
      { url },
    );
    process.env.http_proxy = 'http://name:secret@proxy.invalid:8080';
    await assertFails(/^the proxy proxy\.invalid:8080 (was not found|cannot be looked up).* names it;/, {
      url,
    });
    process.env.http_proxy = 'not an address';
    await assertFails(/the proxy that http_proxy or https_proxy names is no address/, { url });
  } finally {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
});

test('no connection: a sentence with the host', async () => {
  const { url, close } = await startServer();
  await close();
  await assertFails(/127\.0\.0\.1:\d+ refuses the connection; gave up after 3 tries$/, { url });
});

const ADDRESSES = ['ftp://example.org/x.pth', 'model.pth', '', 'file:///x'];
for (const address of ADDRESSES)
  test(`'${address}' is no address`, () => assert.throws(() => checkUrl(address), /is no address of a file/));

test('certificates are a matter of trust, not of patience', () => {
  const error = new TypeError('failed', {
    cause: Object.assign(new Error('x'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
  });
  const failure = networkFailure(new URL('https://example.org/x'), error);
  assert.instance(failure, DownloadError);
  assert.match(
    failure.message,
    /example\.org shows a certificate that is not trusted here .*NODE_EXTRA_CA_CERTS/,
  );
});

test.run();
