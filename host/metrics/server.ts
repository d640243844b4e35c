// SPDX-License-Identifier: Apache-2.0
// The HTTP server of -metrics-bind-address: /metrics for Prometheus, /healthz and /readyz for
// probes.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { AgentError, failureFields, systemCodeOf } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Metrics } from './metrics.ts';

/** Address of a server. */
export interface BindAddress {
  /** A name or an address without brackets; empty for all addresses. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

export interface MetricsServerParts {
  readonly address: BindAddress;
  readonly metrics: Metrics;
  /** Why the agent does not serve; undefined while it does. */
  readonly downReason: () => string | undefined;
  /** Each may have a reason why containers that come now are not yet served as they should be. */
  readonly readiness: readonly (() => string | undefined)[];
  readonly log: Log;
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

/** From connecting to the last byte of the answer: a scrape takes milliseconds. */
const connectionLimitMs = 5000;
/** One more, and the oldest is closed: whoever is slow loses, not whoever comes. */
const maxConnections = 32;
/** Node looks at its own limits this often; ours do the work. */
const neverMs = 2 ** 31 - 1;
/** Requests within that time get the same text: making it holds the thread that all else needs. */
const sharedMs = 200;
const plainText = 'text/plain; charset=utf-8';
const allowedMethods: readonly string[] = ['GET', 'HEAD'];

export class MetricsServer implements AsyncDisposable {
  readonly #parts: MetricsServerParts;
  readonly #server: Server;
  /** Oldest first. */
  readonly #connections: Map<Socket, NodeJS.Timeout> = new Map();
  /** Those that have asked: whatever else they ask for is ignored. */
  readonly #asked: WeakSet<Socket> = new WeakSet();
  #shared: Promise<string> | undefined;
  readonly #pages: ReadonlyMap<string, () => Reply | Promise<Reply>> = new Map<
    string,
    () => Reply | Promise<Reply>
  >([
    ['/metrics', async () => this.#metrics()],
    ['/healthz', () => replyTo(this.#health())],
    ['/readyz', () => replyTo(this.#readiness())],
  ]);

  private constructor(parts: MetricsServerParts) {
    this.#parts = parts;
    this.#server = createServer(
      { headersTimeout: 0, requestTimeout: 0, connectionsCheckingInterval: neverMs },
      (request, response) => {
        if (this.#takesFirst(request)) void this.#answer(request, response);
      },
    );
    this.#server.on('connection', (socket) => {
      this.#admit(socket);
    });
  }

  /** @throws AgentError AGENT_METRICS */
  static async start(parts: MetricsServerParts): Promise<MetricsServer> {
    const { address, log } = parts;
    const server = new MetricsServer(parts);
    server.#server.listen({
      port: address.port,
      ...(address.host === '' ? {} : { host: address.host }),
    });
    try {
      await once(server.#server, 'listening');
    } catch (cause) {
      const where = textOf(address);
      if (systemCodeOf(cause) === 'EADDRINUSE') {
        throw new AgentError(
          'AGENT_METRICS',
          `cannot serve metrics on ${where}: another program listens there`,
          { cause },
        );
      }
      throw new AgentError('AGENT_METRICS', `cannot serve metrics on ${where}`, { cause });
    }
    server.#server.on('error', (thrown) => {
      log.event('metrics-server-failed', failureFields(thrown));
    });
    log.event('metrics-serving', { address: textOf({ ...address, port: server.port }) });
    return server;
  }

  /** The port it listens on; 0 when it does not. */
  get port(): number {
    const bound = this.#server.address();
    return bound === null || typeof bound === 'string' ? 0 : bound.port;
  }

  /** Ends all connections, whatever they wait for. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#connections.keys()) socket.destroy();
    await closed;
  }

  #admit(socket: Socket): void {
    const [oldest] = this.#connections.keys();
    if (oldest !== undefined && this.#connections.size >= maxConnections) this.#drop(oldest);
    const limit = setTimeout(() => {
      socket.destroy();
    }, connectionLimitMs);
    this.#connections.set(socket, limit);
    socket.once('close', () => {
      this.#forget(socket);
    });
  }

  #drop(socket: Socket): void {
    this.#forget(socket);
    socket.destroy();
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#connections.get(socket));
    this.#connections.delete(socket);
  }

  /** Each connection has one answer, so nothing more is read of it than has come already. */
  #takesFirst({ socket }: IncomingMessage): boolean {
    if (this.#asked.has(socket)) return false;
    this.#asked.add(socket);
    socket.pause();
    return true;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, text, type = plainText } = await this.#replyOrFailure(request);
    const body = Buffer.from(text);
    response.writeHead(status, {
      'content-type': type,
      'content-length': body.length,
      // an idle connection would count against its limits
      connection: 'close',
      ...(status === 405 ? { allow: allowedMethods.join(', ') } : {}),
    });
    response.end(body);
  }

  async #replyOrFailure(request: IncomingMessage): Promise<Reply> {
    try {
      return await this.#reply(request);
    } catch (thrown) {
      this.#parts.log.event('metrics-unreadable', failureFields(thrown));
      return { status: 500, text: 'cannot read metrics\n' };
    }
  }

  async #reply({ url = '', method = '' }: IncomingMessage): Promise<Reply> {
    const [path = ''] = url.split('?', 1);
    const page = this.#pages.get(path);
    if (page === undefined) {
      return { status: 404, text: 'there are /metrics, /healthz and /readyz\n' };
    }
    if (!allowedMethods.includes(method)) return { status: 405, text: 'only GET and HEAD\n' };
    return page();
  }

  async #metrics(): Promise<Reply> {
    const { metrics } = this.#parts;
    return { status: 200, text: await this.#text(), type: metrics.contentType };
  }

  async #text(): Promise<string> {
    if (this.#shared !== undefined) return this.#shared;
    const text = this.#parts.metrics.text();
    this.#shared = text;
    const forget = (): void => {
      this.#shared = undefined;
    };
    // what failed is nobody else's answer
    text.then(() => setTimeout(forget, sharedMs).unref(), forget);
    return text;
  }

  #health(): readonly string[] {
    return [this.#parts.downReason()].filter((reason) => reason !== undefined);
  }

  #readiness(): readonly string[] {
    const reasons = this.#parts.readiness.map((reasonOf) => reasonOf());
    return [...this.#health(), ...reasons.filter((reason) => reason !== undefined)];
  }
}

/** Answer to a probe: the reasons must not contain secrets. */
function replyTo(reasons: readonly string[]): Reply {
  return reasons.length === 0
    ? { status: 200, text: 'ok\n' }
    : { status: 503, text: `${reasons.join('\n')}\n` };
}

/** As -metrics-bind-address has it. */
function textOf({ host, port }: BindAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
