/** A folder, served to this machine alone, with the types that a page wants. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, sep } from 'node:path';
import { UserError } from '../src/cli/ui.ts';

export interface Served {
  /** `http://localhost:8080/`. */
  address: string;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.safetensors': 'application/octet-stream',
  '.svg': 'image/svg+xml',
  '.webp': 'image/webp',
};

/**
 * Serves `folder` on `port` of this machine; 0 takes any that is free.
 * @param base the path under which it lies, as on a static host: `/` or `/some/where/`
 * @throws UserError where the port is taken
 */
export async function serveFolder(folder: string, port: number, base = '/'): Promise<Served> {
  const server = createServer((request, response) => {
    const headers = { 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' };
    bytesFor(folder, base, request.url ?? '/').then(
      ({ bytes, type }) => {
        response.writeHead(200, { ...headers, 'Content-Type': type, 'Content-Length': bytes.length });
        response.end(bytes);
      },
      () =>
        response.writeHead(404, { ...headers, 'Content-Type': 'text/plain' }).end('There is no such file.'),
    );
  });
  await listening(server, port);
  return {
    address: `http://localhost:${(server.address() as AddressInfo).port}${base}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

async function bytesFor(folder: string, base: string, url: string): Promise<{ bytes: Buffer; type: string }> {
  const path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
  if (!path.startsWith(base)) throw new Error(`${path} is not below ${base}`);
  const name = path.slice(base.length) || 'index.html';
  const file = join(folder, name);
  if (!file.startsWith(folder + sep)) throw new Error(`${path} leads out of the folder`);
  return { bytes: await readFile(file), type: TYPES[extname(name)] ?? 'application/octet-stream' };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((done, refused) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      refused(
        error.code === 'EADDRINUSE'
          ? new UserError(
              `port ${port} is in use; name another one with --port, or --port 0 for any that is free`,
            )
          : error,
      ),
    );
    server.listen(port, '127.0.0.1', done);
  });
}
