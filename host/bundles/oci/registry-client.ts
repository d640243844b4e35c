// SPDX-License-Identifier: Apache-2.0
// One repository of an OCI registry, by the distribution API. What it answers is believed only if
// the digest is right.
import { AgentError, messageOf } from '../../errors.ts';
import { authorizationFor } from './authorization.ts';
import { readBody } from './body.ts';
import { Connection, shown } from './connection.ts';
import type { ConnectionOptions, HttpRequest, HttpResponse } from './connection.ts';
import type { Credentials } from './credentials.ts';
import { mediaTypes } from './descriptor.ts';
import type { Blob, Descriptor } from './descriptor.ts';
import { digestOf, isDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { elementsOf, memberOf, parseJson, printable } from './json.ts';
import { formatReference } from './reference.ts';
import type { Reference } from './reference.ts';

export interface RegistryOptions extends ConnectionOptions {
  readonly credentials: () => Promise<Credentials | undefined>;
  /** Purpose of opening the repository. */
  readonly access: 'pull' | 'push';
}

export interface Manifest {
  readonly digest: Digest;
  readonly bytes: Buffer;
  readonly json: unknown;
}

type Request = Omit<HttpRequest, 'url' | 'headers'> & {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
};

/** No manifest has more. */
export const manifestBytes: number = 4 * 1024 * 1024;
const errorBytes = 65_536;
const maxRedirects = 5;
const status = { ok: 200, created: 201, accepted: 202, unauthorized: 401, notFound: 404 } as const;
const redirects: readonly number[] = [301, 302, 303, 307, 308];

export class RegistryClient implements AsyncDisposable {
  readonly #reference: Reference;
  readonly #options: RegistryOptions;
  readonly #connection: Connection;
  #authorization: string | undefined;

  constructor(reference: Reference, options: RegistryOptions) {
    this.#reference = reference;
    this.#options = options;
    this.#connection = new Connection(options);
  }

  /**
   * The manifest of a tag or a digest.
   * @param limit of its bytes
   * @returns undefined when the registry has none
   * @throws AgentError AGENT_OCI
   */
  async findManifest(name: string, limit: number = manifestBytes): Promise<Manifest | undefined> {
    const what = `manifest ${name}`;
    const response = await this.#send({
      method: 'GET',
      url: this.#url(`manifests/${name}`),
      headers: { accept: `${mediaTypes.manifest}, ${mediaTypes.index}` },
    });
    if (response.statusCode === status.notFound) {
      await response.body.dump();
      return undefined;
    }
    await this.#expect(response, status.ok, what);
    const bytes = await this.#read(response, limit, what);
    const digest = digestOf(bytes);
    if (isDigest(name) && name !== digest) this.#refuse(`${what} has other contents: ${digest}`);
    const json = parseJson(bytes.toString());
    if (json === undefined) this.#refuse(`${what} is not JSON`);
    return { digest, bytes, json };
  }

  /** @throws AgentError AGENT_OCI, also when the registry has none */
  async manifest(name: string): Promise<Manifest> {
    const manifest = await this.findManifest(name);
    return manifest ?? this.#refuse(`there is no manifest ${name}`);
  }

  /**
   * Content of which size and digest are known.
   * @throws AgentError AGENT_OCI when it is other content
   */
  async blob(descriptor: Descriptor, progress?: (bytes: number) => void): Promise<Buffer> {
    const { digest, size } = descriptor;
    const what = `blob ${digest}`;
    const response = await this.#send({ method: 'GET', url: this.#url(`blobs/${digest}`) });
    await this.#expect(response, status.ok, what);
    const bytes = await this.#read(response, size, what, progress);
    if (bytes.length !== size)
      this.#refuse(`${what} has ${bytes.length} bytes in place of ${size}`);
    if (digestOf(bytes) !== digest) this.#refuse(`${what} has other contents: ${digestOf(bytes)}`);
    return bytes;
  }

  /** Manifests that say that they are about another one. */
  async referrers(digest: Digest): Promise<readonly Digest[]> {
    const response = await this.#send({ method: 'GET', url: this.#url(`referrers/${digest}`) });
    let index: unknown;
    if (response.statusCode === status.ok) {
      const bytes = await this.#read(response, manifestBytes, `referrers of ${digest}`);
      index = parseJson(bytes.toString());
    } else {
      await response.body.dump();
      // registries without that API keep a list under a tag
      index = (await this.findManifest(digest.replace(':', '-')))?.json;
    }
    return elementsOf(memberOf(index, 'manifests'))
      .map((entry) => memberOf(entry, 'digest'))
      .filter(isDigest);
  }

  /** Uploads what the registry has not. */
  async pushBlob({ descriptor: { digest }, bytes }: Blob): Promise<void> {
    const what = `blob ${digest}`;
    const there = await this.#send({ method: 'HEAD', url: this.#url(`blobs/${digest}`) });
    await there.body.dump();
    if (there.statusCode === status.ok) return;
    const begun = await this.#send({ method: 'POST', url: this.#url('blobs/uploads/') });
    await this.#expect(begun, status.accepted, `the upload of ${what}`);
    await begun.body.dump();
    const url = this.#locationOf(begun, this.#url('blobs/uploads/'));
    url.searchParams.set('digest', digest);
    const done = await this.#send({
      method: 'PUT',
      url,
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
    });
    await this.#expect(done, status.created, `the upload of ${what}`);
    await done.body.dump();
  }

  /** @param name a tag or the digest */
  async pushManifest(name: string, bytes: Uint8Array): Promise<void> {
    const response = await this.#send({
      method: 'PUT',
      url: this.#url(`manifests/${name}`),
      headers: { 'content-type': mediaTypes.manifest },
      body: bytes,
    });
    await this.#expect(response, status.created, `the upload of manifest ${name}`);
    await response.body.dump();
    const stored = response.headers['docker-content-digest'];
    if (stored === undefined || stored === digestOf(bytes)) return;
    this.#refuse(`manifest ${name} was stored as ${printable(String(stored))}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }

  get #origin(): string {
    return `${this.#options.plainHttp ? 'http' : 'https'}://${this.#reference.host}`;
  }

  #url(path: string): URL {
    return new URL(`${this.#origin}/v2/${this.#reference.repository}/${path}`);
  }

  /** Logs in if the registry asks for it, and follows to where it keeps its content. */
  async #send(request: Request): Promise<HttpResponse> {
    let response = await this.#sendOnce(request, request.url);
    if (response.statusCode === status.unauthorized) {
      await response.body.dump();
      await this.#login(response);
      response = await this.#sendOnce(request, request.url);
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return response;
    let url = request.url;
    for (let count = 0; redirects.includes(response.statusCode); count++) {
      await response.body.dump();
      if (count === maxRedirects) this.#refuse(`${shown(request.url)} redirects again and again`);
      url = this.#locationOf(response, url);
      response = await this.#sendOnce(request, url);
    }
    return response;
  }

  async #sendOnce(request: Request, url: URL): Promise<HttpResponse> {
    // others are never shown our login
    const mayLogin =
      this.#authorization !== undefined && url.origin === new URL(this.#origin).origin;
    return this.#connection.send({
      ...request,
      url,
      headers: {
        'user-agent': 'seccompagent',
        ...request.headers,
        ...(mayLogin ? { authorization: this.#authorization ?? '' } : {}),
      },
    });
  }

  async #login(response: HttpResponse): Promise<void> {
    const header = response.headers['www-authenticate'];
    const actions = this.#options.access === 'push' ? 'pull,push' : 'pull';
    try {
      this.#authorization = await authorizationFor(String(header ?? ''), {
        connection: this.#connection,
        credentials: this.#options.credentials,
        scope: `repository:${this.#reference.repository}:${actions}`,
      });
    } catch (cause) {
      this.#refuse('no login', cause);
    }
  }

  #locationOf(response: HttpResponse, from: URL): URL {
    const location = response.headers['location'];
    try {
      return new URL(String(location), from);
    } catch (cause) {
      return this.#refuse(`${shown(from)} leads nowhere`, cause);
    }
  }

  async #read(
    response: HttpResponse,
    limit: number,
    what: string,
    progress?: (bytes: number) => void,
  ): Promise<Buffer> {
    return readBody(response.body, {
      limit,
      what: `${this.#place}: ${what}`,
      ...(progress === undefined ? {} : { progress }),
    });
  }

  async #expect(response: HttpResponse, expected: number, what: string): Promise<void> {
    if (response.statusCode === expected) return;
    const words = await this.#errorOf(response);
    const { statusCode } = response;
    if (statusCode === status.unauthorized) this.#refuse(`${what}: the login is refused${words}`);
    if (statusCode === status.notFound) this.#refuse(`${what} is not there${words}`);
    this.#refuse(`${what}: HTTP ${statusCode}${words}`);
  }

  /** The error text of the registry, if there is one. */
  async #errorOf(response: HttpResponse): Promise<string> {
    try {
      const bytes = await readBody(response.body, { limit: errorBytes, what: 'error' });
      const [error] = elementsOf(memberOf(parseJson(bytes.toString()), 'errors'));
      const message = memberOf(error, 'message') ?? memberOf(error, 'code');
      return typeof message === 'string' ? ` (${printable(message)})` : '';
    } catch (thrown) {
      return ` (${messageOf(thrown)})`;
    }
  }

  get #place(): string {
    const { host, repository } = this.#reference;
    return `registry ${formatReference({ host, repository })}`;
  }

  #refuse(what: string, cause?: unknown): never {
    const options = cause === undefined ? {} : { cause };
    throw new AgentError('AGENT_OCI', `${this.#place}: ${what}`, options);
  }
}
