// SPDX-License-Identifier: Apache-2.0
// The thread of the metrics port: whoever reaches it may connect and ask as often as they like, which
// takes the time of this thread. The main thread is asked for one page at a time, and for metrics in a
// tenth of its time.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

import { messageOf, systemCodeOf } from '../errors.ts';
import { beginThread } from '../process/own-thread.ts';
import { Paced } from '../scheduling/paced.ts';
import { Connections } from './connections.ts';
import { replyOf } from './server-messages.ts';
import type { BindAddress, Page, PageAnswer, Reply, ServerMessage } from './server-messages.ts';

/** Node looks at its own limits this often; ours do the work. */
const neverMs = 2 ** 31 - 1;
/** After metrics were made, times what that took, or at most so long: those who ask wait. */
const metricsPause = { times: 9, maxMs: 3000 } as const;
const metricsKeptMs = 200;
/** Between probes of one page, of which each hears how it is now. */
const probePauseMs = 5;
/** Connections that the kernel keeps: one past them is tried again after a second. */
const backlog = 4096;
const allowedMethods: readonly string[] = ['GET', 'HEAD'];

function tell(message: ServerMessage): void {
  parentPort?.postMessage(message);
}

function telling(kind: 'deaf' | 'failed'): (thrown: unknown) => void {
  return (thrown) => {
    tell({ kind, message: messageOf(thrown), code: systemCodeOf(thrown) });
  };
}

class Pages {
  readonly #waiting: Map<Page, (reply: Reply) => void> = new Map();
  readonly #pages: ReadonlyMap<string, Paced<Reply>>;

  constructor() {
    const { times, maxMs } = metricsPause;
    const probe = { pauseMs: () => probePauseMs, keptMs: () => 0 };
    this.#pages = new Map([
      [
        '/metrics',
        new Paced({
          work: async () => this.#ask('/metrics'),
          pauseMs: (tookMs) => Math.min(times * tookMs, maxMs),
          // what failed is nobody else's answer
          keptMs: ({ status }) => (status === 200 ? metricsKeptMs : 0),
        }),
      ],
      ['/healthz', new Paced({ work: async () => this.#ask('/healthz'), ...probe })],
      ['/readyz', new Paced({ work: async () => this.#ask('/readyz'), ...probe })],
    ]);
  }

  at(path: string): Paced<Reply> | undefined {
    return this.#pages.get(path);
  }

  answered({ page, reply }: PageAnswer): void {
    this.#waiting.get(page)?.(reply);
    this.#waiting.delete(page);
  }

  async #ask(page: Page): Promise<Reply> {
    return new Promise((resolve) => {
      this.#waiting.set(page, resolve);
      tell({ kind: 'asked', page });
    });
  }
}

class HttpServer {
  readonly pages = new Pages();
  readonly #connections = new Connections();
  /** Those that have asked: whatever else they ask for is ignored. */
  readonly #asked: WeakSet<Socket> = new WeakSet();
  readonly #server: Server;

  constructor() {
    this.#server = createServer(
      { headersTimeout: 0, requestTimeout: 0, connectionsCheckingInterval: neverMs },
      (request, response) => {
        if (this.#takesFirst(request)) void this.#answer(request, response);
      },
    );
    this.#server.on('connection', (socket) => {
      this.#connections.admit(socket);
    });
  }

  listen({ host, port }: BindAddress): void {
    const deaf = telling('deaf');
    this.#server.once('error', deaf);
    this.#server.once('listening', () => {
      this.#server.off('error', deaf);
      this.#server.on('error', telling('failed'));
      const bound = this.#server.address();
      const isBound = bound !== null && typeof bound !== 'string';
      tell({ kind: 'listening', port: isBound ? bound.port : 0 });
    });
    this.#server.listen({ port, backlog, ...(host === '' ? {} : { host }) });
  }

  /** Each connection has one answer, so nothing more is read of it than has come already. */
  #takesFirst({ socket, url = '' }: IncomingMessage): boolean {
    if (this.#asked.has(socket)) return false;
    this.#asked.add(socket);
    socket.pause();
    this.#connections.asked(socket, pathOf(url) === '/metrics' ? 'scrape' : 'probe');
    return true;
  }

  async #answer(
    { url = '', method = '' }: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { status, body, type } = await this.#reply(pathOf(url), method);
    response.writeHead(status, {
      'content-type': type,
      'content-length': body.length,
      // an idle connection would count against its limits
      connection: 'close',
      ...(status === 405 ? { allow: allowedMethods.join(', ') } : {}),
    });
    response.end(body);
  }

  async #reply(path: string, method: string): Promise<Reply> {
    const page = this.pages.at(path);
    if (page === undefined) return replyOf(404, 'there are /metrics, /healthz and /readyz\n');
    if (!allowedMethods.includes(method)) return replyOf(405, 'only GET and HEAD\n');
    return page.ask();
  }
}

function pathOf(url: string): string {
  const [path = ''] = url.split('?', 1);
  return path;
}

beginThread();
/** Input of the thread: where it listens. */
const address: BindAddress = workerData;
const server = new HttpServer();
parentPort?.on('message', (answer: PageAnswer) => {
  server.pages.answered(answer);
});
server.listen(address);
