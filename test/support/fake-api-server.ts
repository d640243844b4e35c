// SPDX-License-Identifier: Apache-2.0
// A small Kubernetes API server on loopback: TLS, a bearer token, lists and watches with field
// selectors, bookmarks and 410 Gone, and what goes wrong with such servers. `kubectl` works with it.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { apiResources, ApiObjects, apiVersionOf } from './api-objects.ts';
import type { ApiEvent, ApiObject, ApiResource } from './api-objects.ts';
import { makeCertificate } from './docker-registry.ts';
import { closed } from './loopback.ts';
import { TemporaryFolder } from './temporary-folder.ts';

/**
 * How it is: `well`; `slow`: it says what is right after three seconds; `stuck`: it accepts and says
 * nothing; `dead`: it ends connections; `unauthorized`, `forbidden`, `gone` and `failing`: 401, 403, 410
 * and 500 to everybody; `lying`: what it answers are the bytes that
 * `lie` writes, with status 200.
 */
export type ApiServerMode =
  | 'well'
  | 'slow'
  | 'stuck'
  | 'dead'
  | 'unauthorized'
  | 'forbidden'
  | 'gone'
  | 'failing'
  | 'lying';

export interface FakeApiServerOptions {
  /** Absent: any that is free. */
  readonly port?: number;
  readonly mode?: ApiServerMode;
}

/** Fields of pods of tests. */
export interface FakePod {
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  readonly node?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Name → id, as the runtime gave it; undefined while it has none. */
  readonly containers?: Readonly<Record<string, string | undefined>>;
  /** Names of those that it begins with. */
  readonly initContainers?: readonly string[];
  /** Absent: `Running`. */
  readonly phase?: string;
  /** The value of an environment variable that each of its containers has. */
  readonly variable?: string;
}

/** A request as the server saw it. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly status: number;
}

interface Watch {
  readonly resource: ApiResource;
  readonly wantsBookmarks: boolean;
  readonly send: (type: string, object: object) => void;
  readonly end: () => void;
}

interface Wanted {
  readonly resource: ApiResource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly query: URLSearchParams;
}

/** Longer than a container waits for its pod. */
const slowMs = 3000;

export const fakeNode = 'node-1';
const podResource = resourceNamed('', 'pods');
const eventResource = resourceNamed('', 'events');

function resourceNamed(group: string, name: string): ApiResource {
  const found = apiResources.find((one) => one.group === group && one.name === name);
  if (found === undefined) throw new Error(`there is no resource ${group}/${name}`);
  return found;
}

export function podObject(pod: FakePod): ApiObject {
  const { namespace = 'default', name, uid, node = fakeNode, annotations, containers = {} } = pod;
  const { phase = 'Running', variable } = pod;
  const statuses = Object.entries(containers).map(([container, id]) => ({
    name: container,
    image: 'busybox',
    imageID: '',
    ready: id !== undefined,
    restartCount: 0,
    state: {},
    ...(id === undefined ? {} : { containerID: `containerd://${id}` }),
  }));
  return {
    metadata: {
      name,
      namespace,
      ...(uid === undefined ? {} : { uid }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: {
      nodeName: node,
      ...(pod.initContainers === undefined
        ? {}
        : { initContainers: pod.initContainers.map((init) => ({ name: init, image: 'busybox' })) }),
      containers: Object.keys(containers).map((container) => ({
        name: container,
        image: 'busybox',
        ...(variable === undefined ? {} : { env: [{ name: 'VARIABLE', value: variable }] }),
      })),
    },
    status: { phase, containerStatuses: statuses },
  };
}

/** `a=b,c!=d`, with the fields that servers know of pods. */
function isSelected(object: ApiObject, selector: string): boolean {
  return selector.split(',').every((term) => {
    const [, path = '', operator = '', value = ''] = /^(.*?)(!=|==|=)(.*)$/u.exec(term) ?? [];
    let at: unknown = object;
    for (const step of path.split('.')) {
      at =
        typeof at === 'object' && at !== null ? new Map(Object.entries(at)).get(step) : undefined;
    }
    return path === '' || (at === value) === (operator !== '!=');
  });
}

function matches(object: ApiObject, { namespace, name, query }: Wanted): boolean {
  const { metadata } = object;
  return (
    (namespace === undefined || metadata.namespace === namespace) &&
    (name === undefined || metadata.name === name) &&
    isSelected(object, query.get('fieldSelector') ?? '')
  );
}

function statusObject(code: number, reason: string, message: string): object {
  const kind = { kind: 'Status', apiVersion: 'v1', metadata: {} };
  return { ...kind, status: 'Failure', message, reason, code };
}

const gone = statusObject(410, 'Expired', 'too old resource version');

/** The documents by which clients learn what there is. */
function discovery(path: string): object | undefined {
  const groups = [...new Set(apiResources.map(({ group }) => group))];
  if (path === '/version') return { major: '1', minor: '32', gitVersion: 'v1.32.3' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') {
    return {
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: groups.filter((group) => group !== '').map((group) => groupObject(group)),
    };
  }
  const found = apiResources.filter((one) => path === rootOf(one));
  const [first] = found;
  if (first === undefined) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf(first),
    resources: found.map(({ name, kind, isNamespaced }) => ({
      name,
      kind,
      singularName: kind.toLowerCase(),
      namespaced: isNamespaced,
      verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'],
    })),
  };
}

function groupObject(group: string): object {
  const version = apiResources.find((one) => one.group === group)?.version ?? 'v1';
  const preferred = { groupVersion: `${group}/${version}`, version };
  return { name: group, versions: [preferred], preferredVersion: preferred };
}

function rootOf({ group, version }: ApiResource): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

function wantedOf({ pathname: path, searchParams: query }: URL): Wanted | undefined {
  for (const resource of apiResources) {
    const root = rootOf(resource);
    if (!path.startsWith(`${root}/`)) continue;
    const steps = path.slice(root.length + 1).split('/');
    const isInNamespace = resource.isNamespaced && steps[0] === 'namespaces';
    const [plural, name, more] = isInNamespace ? steps.slice(2) : steps;
    if (plural !== resource.name || more !== undefined) continue;
    return { resource, namespace: isInNamespace ? steps[1] : undefined, name, query };
  }
  return undefined;
}

async function bodyOf(request: IncomingMessage): Promise<ApiObject> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const object: ApiObject = JSON.parse(Buffer.concat(chunks).toString());
  return object;
}

/** As API servers write it. */
function goJson(value: object): string {
  return JSON.stringify(value).replaceAll(
    /[<>&]/gu,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}

/** Headers that would make it a server of something else. */
const json = { 'content-type': 'application/json' } as const;

export class FakeApiServer implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #server: Server;
  readonly #watches: Set<Watch> = new Set();
  /** Also those that do not speak HTTP yet. */
  readonly #sockets: Set<Socket> = new Set();
  readonly objects: ApiObjects = new ApiObjects();
  /** All that came to an answer, and those that wait for one (status 0). */
  readonly requests: ApiRequest[] = [];
  mode: ApiServerMode;
  /** Its wrong answers. */
  lie: (response: ServerResponse, request: IncomingMessage) => void = (response) => {
    response.end('{"kind":');
  };
  token: string = randomUUID();
  port = 0;

  private constructor(folder: TemporaryFolder, server: Server, mode: ApiServerMode) {
    this.#folder = folder;
    this.#server = server;
    this.mode = mode;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('request', (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start({
    port = 0,
    mode = 'well',
  }: FakeApiServerOptions = {}): Promise<FakeApiServer> {
    const folder = new TemporaryFolder();
    const files = await makeCertificate(folder.path);
    const [cert, key] = [readFileSync(files.cert), readFileSync(files.key)];
    const server = new FakeApiServer(folder, createServer({ cert, key }), mode);
    await server.#listen(port);
    return server;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** A folder as pods have their service account in, with ca.crt and token. */
  get serviceAccount(): string {
    return this.#folder.at('serviceaccount');
  }

  /** A file for `kubectl` and others, which names the file of the token. */
  get kubeconfig(): string {
    return this.#folder.at('kubeconfig');
  }

  /** Environment of a process in a pod, but for where the service account is. */
  get podEnvironment(): Readonly<Record<string, string>> {
    return {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(this.port),
      NODE_NAME: fakeNode,
    };
  }

  setPod(pod: FakePod): ApiObject {
    return this.objects.set(podResource, podObject(pod));
  }

  deletePod({ namespace = 'default', name }: FakePod): void {
    this.objects.delete(podResource, { namespace, name });
  }

  /** Those that clients have made. */
  get events(): readonly ApiObject[] {
    return this.objects.list(eventResource);
  }

  /** Of a verb as RBAC names it. */
  count(verb: 'list' | 'watch' | 'create', name: string): number {
    return this.requests.filter(
      ({ method, path, query }) =>
        path.endsWith(`/${name}`) &&
        (method === 'POST' ? 'create' : query.get('watch') === null ? 'list' : 'watch') === verb,
    ).length;
  }

  get watchCount(): number {
    return this.#watches.size;
  }

  /** The old token is no good any more. */
  rotateToken(): void {
    this.token = randomUUID();
    this.#writeToken();
  }

  /** Tells those who watch how far they are. */
  bookmark(): void {
    this.objects.advance();
    for (const { resource, wantsBookmarks, send } of this.#watches) {
      const metadata = { resourceVersion: String(this.objects.version), creationTimestamp: null };
      const object = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
      if (wantsBookmarks) send('BOOKMARK', object);
    }
  }

  /** Forgets what has happened, and tells those who watch. */
  expire(): void {
    this.objects.advance();
    this.objects.compact();
    for (const { send, end } of this.#watches) {
      send('ERROR', gone);
      end();
    }
  }

  /** Says something of its own to those who watch. */
  say(type: string, object: object): void {
    for (const { send } of this.#watches) send(type, object);
  }

  endWatches(): void {
    for (const { end } of this.#watches) end();
  }

  /** Cuts all connections, as a server that dies. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nobody listens any more, until `resume`. */
  async pause(): Promise<void> {
    const ended = closed(this.#server);
    this.cut();
    await ended;
  }

  async resume(): Promise<void> {
    await this.#listen(this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.pause();
    this.#folder[Symbol.dispose]();
  }

  async #listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    this.port = address.port;
    this.#writeFiles();
  }

  #writeFiles(): void {
    const certificate = this.#folder.at('cert.pem');
    const account = this.serviceAccount;
    mkdirSync(account, { recursive: true });
    writeFileSync(`${account}/ca.crt`, readFileSync(certificate));
    this.#writeToken();
    const cluster = { server: this.url, 'certificate-authority': certificate };
    // YAML is JSON as well
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      clusters: [{ name: 'test', cluster }],
      users: [{ name: 'test', user: { tokenFile: `${account}/token` } }],
    };
    writeFileSync(this.kubeconfig, JSON.stringify(config));
  }

  #writeToken(): void {
    writeFileSync(`${this.serviceAccount}/token`, this.token);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const note = { method: request.method ?? '', path: url.pathname, query: url.searchParams };
    const index = this.requests.push({ ...note, status: 0 }) - 1;
    const reply = (status: number, object: object): void => {
      this.requests[index] = { ...note, status };
      response.writeHead(status, json).end(goJson(object));
    };
    switch (this.mode) {
      case 'stuck':
        return;
      case 'dead':
        response.destroy();
        return;
      case 'failing':
        reply(500, statusObject(500, 'InternalError', 'etcd has no leader'));
        return;
      case 'unauthorized':
        reply(401, statusObject(401, 'Unauthorized', 'Unauthorized'));
        return;
      case 'forbidden':
        reply(403, statusObject(403, 'Forbidden', 'pods is forbidden: User "test" cannot list'));
        return;
      case 'gone':
        reply(410, gone);
        return;
      case 'lying':
        this.lie(response, request);
        return;
      case 'slow':
        await sleep(slowMs);
        break;
      case 'well':
    }
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      reply(401, statusObject(401, 'Unauthorized', 'Unauthorized'));
      return;
    }
    const document = discovery(url.pathname);
    const wanted = document === undefined ? wantedOf(url) : undefined;
    if (document !== undefined) reply(200, document);
    else if (wanted === undefined) reply(...notFound(url.pathname));
    else if (isWatch(wanted)) {
      this.requests[index] = { ...note, status: 200 };
      this.#watch(wanted, response);
    } else {
      const [status, object] = await this.#answer(wanted, request);
      reply(status, object);
    }
  }

  async #answer(wanted: Wanted, request: IncomingMessage): Promise<readonly [number, object]> {
    const { resource, name } = wanted;
    const { method = '' } = request;
    if (writingMethods.includes(method)) return this.#write(wanted, await bodyOf(request));
    if (method === 'GET' && name === undefined) return [200, this.#list(wanted)];
    if (name === undefined) return notAllowed;
    const object = method === 'DELETE' ? this.#delete(wanted, name) : this.#get(wanted, name);
    return object === undefined ? notFound(`${resource.name} "${name}"`) : [200, object];
  }

  #get({ resource, namespace }: Wanted, name: string): ApiObject | undefined {
    return this.objects.get(resource, { name, ...(namespace === undefined ? {} : { namespace }) });
  }

  #delete({ resource, namespace }: Wanted, name: string): ApiObject | undefined {
    return this.objects.delete(resource, {
      name,
      ...(namespace === undefined ? {} : { namespace }),
    });
  }

  #write(wanted: Wanted, given: ApiObject): readonly [number, object] {
    const { resource, namespace, query } = wanted;
    const metadata = {
      ...given.metadata,
      name: wanted.name ?? given.metadata.name,
      ...(namespace === undefined ? {} : { namespace }),
    };
    const object = { ...given, metadata };
    if (query.get('dryRun') !== null) return [201, this.objects.finished(resource, object)];
    return [201, this.objects.set(resource, object)];
  }

  #list(wanted: Wanted): object {
    const { resource } = wanted;
    return {
      kind: `${resource.kind}List`,
      apiVersion: apiVersionOf(resource),
      metadata: { resourceVersion: String(this.objects.version) },
      items: this.objects.list(resource).filter((object) => matches(object, wanted)),
    };
  }

  #watch(wanted: Wanted, response: ServerResponse): void {
    const { resource, query } = wanted;
    const send = (type: string, object: object): void => {
      if (!response.writableEnded) response.write(`${goJson({ type, object })}\n`);
    };
    const tell = (event: ApiEvent): void => {
      if (event.resource !== resource) return;
      if (matches(event.object, wanted)) send(event.type, event.object);
      // what is not selected any more
      else if (event.type === 'MODIFIED') send('DELETED', event.object);
    };
    response.writeHead(200, json).flushHeaders();
    const from = query.get('resourceVersion') ?? '';
    const since = this.objects.since(
      from === '' || from === '0' ? this.objects.version : Number(from),
    );
    if (since === undefined) {
      send('ERROR', gone);
      response.end();
      return;
    }
    for (const event of since) tell(event);
    const unwatch = this.objects.watch(tell);
    const wantsBookmarks = query.get('allowWatchBookmarks') === 'true';
    const watch: Watch = { resource, wantsBookmarks, send, end: () => response.end() };
    this.#watches.add(watch);
    const seconds = Number(query.get('timeoutSeconds') ?? 0);
    const limit = seconds > 0 ? setTimeout(watch.end, seconds * 1000) : undefined;
    response.once('close', () => {
      clearTimeout(limit);
      unwatch();
      this.#watches.delete(watch);
    });
  }
}

const writingMethods: readonly string[] = ['POST', 'PUT', 'PATCH'];
const notAllowed = [405, statusObject(405, 'MethodNotAllowed', 'this is not allowed')] as const;

function notFound(what: string): readonly [number, object] {
  return [404, statusObject(404, 'NotFound', `${what} not found`)];
}

function isWatch({ query }: Wanted): boolean {
  return ['1', 'true'].includes(query.get('watch') ?? '');
}
