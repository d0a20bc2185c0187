/** A server on loopback that does what servers should not: for tests of downloads. */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** The file that is asked for, and its hash. */
export const CONTENT: Buffer = randomBytes(300_000);
export const SHA256: string = createHash('sha256').update(CONTENT).digest('hex');
export const TAG = '"v1"';

/** A request as it came, the first being number 0. */
export interface Received {
  path: string;
  range: string | undefined;
  ifRange: string | undefined;
}

/** Answers the `count`-th request of a path. */
export type Behaviour = (response: ServerResponse, request: IncomingMessage, count: number) => void;

export interface TestServer {
  url: string;
  /** Requests since the last `behave`. */
  received: Received[];
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );
}

function closing(server: Server): () => Promise<void> {
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
}

export async function startServer(): Promise<TestServer> {
  let behaviour: Behaviour = good;
  const server = createServer((request, response) => {
    const { range, 'if-range': ifRange } = request.headers;
    const { pathname } = new URL(request.url!, 'http://localhost');
    self.received.push({ path: pathname, range, ifRange: ifRange as string | undefined });
    behaviour(response, request, self.received.length - 1);
  });
  const port = await listen(server);
  const self: TestServer = {
    url: `http://127.0.0.1:${port}/model-${SHA256.slice(0, 8)}.pth`,
    received: [],
    behave(next) {
      behaviour = next;
      self.received.length = 0;
    },
    close: closing(server),
  };
  return self;
}

/** A forward proxy that opens tunnels to loopback, whatever host is asked for; and how often it was asked. */
export async function startProxy(
  port: number,
): Promise<{ url: string; asked: string[]; close(): Promise<void> }> {
  const server = createServer((_, response) => response.writeHead(405).end());
  const asked: string[] = [];
  server.on('connect', (request, socket) => {
    asked.push(String(request.url));
    const target = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    for (const end of [target, socket]) end.on('error', () => target.destroy());
  });
  return { url: `http://127.0.0.1:${await listen(server)}`, asked, close: closing(server) };
}

/** Where the request wants to start, if the file is still the one that it means. */
function startOf({ headers }: IncomingMessage, tag: string): number {
  const fresh = headers['if-range'] === undefined || headers['if-range'] === tag;
  return fresh ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0) : 0;
}

export interface FileAnswer {
  content?: Buffer;
  tag?: string | null;
  /** Breaks the connection off after this many bytes of the body, when they have had the time to arrive. */
  breakAfter?: number;
  /** Whether Range is honoured. */
  ranges?: boolean;
  headers?: Record<string, string | number>;
}

/** Sends the file, or what of it is asked for, as a good server does but for what the options say. */
export function sendFile(response: ServerResponse, request: IncomingMessage, options: FileAnswer = {}): void {
  const { content = CONTENT, tag = TAG, breakAfter, ranges = true, headers = {} } = options;
  const start = ranges ? startOf(request, tag ?? '') : 0;
  if (start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  const body = content.subarray(start);
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': body.length,
    ...(tag === null ? {} : { etag: tag }),
    ...(start > 0 ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
    ...headers,
  });
  if (breakAfter === undefined || breakAfter >= body.length) response.end(body);
  else response.write(body.subarray(0, breakAfter), () => setTimeout(() => response.destroy(), 100));
}

export const good: Behaviour = (response, request) => sendFile(response, request);
