/**
 * One HTTP answer for a download: proxy variables, redirects, and what every failure means in a sentence.
 *
 * Node's own fetch ignores http_proxy, https_proxy and no_proxy before version 24; undici, the library behind it, has
 * an agent that reads them. Redirects are followed by hand, because the Hugging Face Hub tells a file's SHA-256 in the
 * answer that redirects, and so that nothing leads from https to http.
 */
import { type buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool, request } from 'undici';
import { InputError } from '../../text/input-error.ts';

/** What a download may cost. Times in milliseconds. */
export interface Limits {
  /** For a connection. */
  connect: number;
  /** For `leastBytes` more bytes, or the first byte of an answer. */
  stall: number;
  leastBytes: number;
  /** Tries one after the other that bring nothing, and tries in all. */
  attempts: number;
  allAttempts: number;
  /** Before the second try; doubled from try to try, up to `longestPause`. */
  pause: number;
  longestPause: number;
  redirects: number;
  /** Size of a file. */
  bytes: number;
}

export const LIMITS: Limits = {
  connect: 15_000,
  stall: 30_000,
  leastBytes: 1024,
  attempts: 5,
  allAttempts: 40,
  pause: 1000,
  longestPause: 30_000,
  redirects: 10,
  bytes: 4 * 2 ** 30,
};

/** A failure that another try may not have. */
export class Transient extends Error {
  override name = 'Transient';
  /** The server's wish, in milliseconds. */
  readonly wait: number | null;
  constructor(message: string, options: ErrorOptions & { wait?: number | null } = {}) {
    super(message, options);
    this.wait = options.wait ?? null;
  }
}

/** A failure that stays. */
export class DownloadError extends Error {
  override name = 'DownloadError';
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Dispatcher.ResponseData['body'];
  /** The file's SHA-256 where a server on the way stated it. */
  sha256: string | null;
}

/** An address for messages: without a password, and without the signature that some storage puts into the query. */
export function showUrl(url: string | URL): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** The address as a URL. @throws InputError unless it is http or https */
export function checkUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && isOfFile(url)) return url;
  throw new InputError(noAddress(text));
}

const noAddress = (text: string): string =>
  `'${text}' is no address of a file; it begins with https:// or http://`;
const isOfFile = ({ protocol }: URL): boolean => protocol === 'https:' || protocol === 'http:';

/** An agent that goes through the proxy of the environment, if any. Close it when done. */
export function createAgent({ connect, stall }: Limits): Dispatcher {
  // Silences "EnvHttpProxyAgent is experimental", which would stand above every download.
  const emit = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    const timeouts = { connect: { timeout: connect }, headersTimeout: stall, bodyTimeout: 0 };
    // An option of ProxyAgent, to which it is passed on; the types do not say so.
    const forProxies = { clientFactory: proxyPool };
    return new EnvHttpProxyAgent({ ...timeouts, ...forProxies });
  } catch (error) {
    throw new DownloadError(
      `the proxy that http_proxy or https_proxy names is no address: ${reason(error)}`,
      { cause: error },
    );
  } finally {
    process.emitWarning = emit;
  }
}

/** The connection to a proxy failed; `cause` says how. Seen from outside it would look like the server's failure. */
class ProxyFailure extends Error {
  constructor(
    readonly proxy: string,
    cause: Error,
  ) {
    super(cause.message, { cause });
  }
}

/** Connections to a proxy, as undici makes them, but for errors that say that they are the proxy's. */
function proxyPool(proxy: URL, options: object): Dispatcher {
  const { connect } = options as { connect: buildConnector.connector };
  return new Pool(proxy, {
    ...options,
    connect: (to, callback) =>
      connect(to, (...[error, socket]) =>
        error ? callback(new ProxyFailure(proxy.host, error), null) : callback(null, socket),
      ),
  });
}

/**
 * The answer to a GET, after redirects.
 * @throws Transient for network failures, DownloadError for redirects that lead nowhere
 */
export async function get(
  agent: Dispatcher,
  start: URL,
  headers: Record<string, string>,
  signal: AbortSignal,
  limits: Limits,
): Promise<Answer> {
  let url = start;
  let sha256: string | null = null;
  for (let redirects = 0; redirects <= limits.redirects; redirects++) {
    const answer = await once(agent, url, headers, signal);
    sha256 ??= statedHash(answer.headers);
    if (![301, 302, 303, 307, 308].includes(answer.status)) return { ...answer, sha256 };
    // The body of a redirect has nothing; waiting for it would let a server hold us up.
    answer.body.destroy();
    url = redirectTarget(url, answer.headers.location);
  }
  throw new DownloadError(`${showUrl(start)} redirects more than ${limits.redirects} times`);
}

async function once(agent: Dispatcher, url: URL, headers: Record<string, string>, signal: AbortSignal) {
  try {
    const {
      statusCode,
      headers: received,
      body,
    } = await request(url, { dispatcher: agent, headers, signal });
    // The connection may break before anybody reads; who reads later is told then.
    body.on('error', () => undefined);
    const flat = Object.entries(received).map(([name, value]) => [name, String(value)]);
    return { status: statusCode, headers: Object.fromEntries(flat) as Record<string, string>, body };
  } catch (error) {
    throw signal.aborted ? signal.reason : networkFailure(url, error);
  }
}

function redirectTarget(from: URL, location: string | undefined): URL {
  if (location === undefined || !URL.canParse(location, from))
    throw new DownloadError(`${showUrl(from)} redirects without saying where to`);
  const target = new URL(location, from);
  if (!isOfFile(target)) throw new DownloadError(noAddress(target.href));
  if (from.protocol === 'https:' && target.protocol === 'http:')
    throw new DownloadError(
      `${showUrl(from)} redirects from https to ${showUrl(target)}, which nobody protects`,
    );
  return target;
}

/** The Hub states the SHA-256 of a large file as the entity tag of what its redirect leads to. */
function statedHash(headers: Record<string, string>): string | null {
  return /^"?([0-9a-f]{64})"?$/.exec(headers['x-linked-etag'] ?? '')?.[1] ?? null;
}

export function reason(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.split('\n')[0];
}

/** The error and its causes, as far as anybody nests them. */
function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let one = error; one instanceof Error && chain.length < 8; one = one.cause) chain.push(one);
  return chain;
}

/** The code of the innermost error that has one. */
function codeOf(error: unknown): string {
  const codes = causes(error).map((one) => ('code' in one ? one.code : undefined));
  return String(codes.findLast((code) => typeof code === 'string') ?? '');
}

const CERTIFICATES = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/;

/** What a failed connection means. */
export function networkFailure(url: URL, error: unknown): Error {
  const code = codeOf(error);
  const through = causes(error).find((one) => one instanceof ProxyFailure);
  const host = through ? `the proxy ${through.proxy}` : url.host;
  if (CERTIFICATES.test(code))
    return new DownloadError(
      `${host} shows a certificate that is not trusted here (${code}); behind a proxy that inspects traffic, set NODE_EXTRA_CA_CERTS to its certificate`,
      { cause: error },
    );
  if (!through && /proxy/i.test(reason(error)))
    return new DownloadError(`the proxy does not let us through to ${host}: ${reason(error)}`, {
      cause: error,
    });
  const named = 'http_proxy or https_proxy names it';
  const where = through ? named : 'is there a network, or a proxy to name in https_proxy?';
  const sentences: Record<string, string> = {
    ENOTFOUND: `${host} was not found; ${where}`,
    EAI_AGAIN: `${host} cannot be looked up just now; ${where}`,
    ECONNREFUSED: `${host} refuses the connection${through ? `; ${named}` : ''}`,
    ECONNRESET: `${host} broke the connection off`,
    UND_ERR_SOCKET: `${host} broke the connection off`,
    UND_ERR_CONNECT_TIMEOUT: `${host} could not be reached in time`,
    UND_ERR_HEADERS_TIMEOUT: `${host} does not answer`,
    UND_ERR_RES_CONTENT_LENGTH_MISMATCH: `${host} sent another number of bytes than it announced`,
  };
  return new Transient(
    sentences[code] ?? `${host} cannot be read: ${reason(error)}${code ? ` (${code})` : ''}`,
    {
      cause: error,
    },
  );
}

/** What a status that brings no file means. */
export function statusFailure(url: URL, { status, headers }: Answer): Error {
  const where = `${showUrl(url)} answered ${status}`;
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const seconds = Number(headers['retry-after']);
    return new Transient(where, { wait: seconds > 0 ? seconds * 1000 : null });
  }
  if (status === 404 || status === 410)
    return new DownloadError(`${where}: there is no such file; --from names another address`);
  if (status === 401 || status === 403)
    return new DownloadError(`${where}: it does not give the file to us; --from names another address`);
  if (status === 407)
    return new DownloadError(
      `${where}: the proxy wants a name and a password in https_proxy (http://NAME:PASSWORD@HOST:PORT)`,
    );
  return new DownloadError(`${where}, which is no file; --from names another address`);
}
