// SPDX-License-Identifier: Apache-2.0
// The HTTP server of -metrics-bind-address: /metrics for Prometheus, /healthz and /readyz for
// probes. Clients are served by a thread of its own (server-thread.ts), which asks here for pages.
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';

import { AgentError, failureFields, systemCodeOf } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { startThread } from '../process/own-thread.ts';
import { BackOff } from '../scheduling/back-off.ts';
import type { Metrics } from './metrics.ts';
import { replyOf } from './server-messages.ts';
import type {
  BindAddress,
  Page,
  PageAnswer,
  Reply,
  SentFailure,
  ServerMessage,
} from './server-messages.ts';

export interface MetricsServerParts {
  readonly address: BindAddress;
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
  /** Why the agent does not serve; undefined while it does. */
  readonly downReason: () => string | undefined;
  /** Each may have a reason why containers that come now are not yet served as they should be. */
  readonly readiness: readonly (() => string | undefined)[];
  readonly log: Log;
}

/** The thread's file, compiled or as it is written. */
const threadFile = new URL(
  import.meta.url.endsWith('.ts') ? './server-thread.ts' : './server-thread.js',
  import.meta.url,
);
/** Of the thread's heap: it has some dozens of connections, and one text. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 } as const;

/** Before a thread that has ended is started again. */
const restartPause = { firstMs: 500, maxMs: 10_000 } as const;

export class MetricsServer implements AsyncDisposable {
  readonly #parts: MetricsServerParts;
  readonly #pause = new BackOff(restartPause);
  #thread: Worker | undefined;
  #port = 0;
  #isOver = false;

  private constructor(parts: MetricsServerParts) {
    this.#parts = parts;
  }

  /** @throws AgentError AGENT_METRICS */
  static async start(parts: MetricsServerParts): Promise<MetricsServer> {
    const { address, log } = parts;
    const server = new MetricsServer(parts);
    await server.#listen(address);
    log.event('metrics-serving', { address: textOf({ ...address, port: server.port }) });
    return server;
  }

  /** The port it listens on; 0 when it does not. */
  get port(): number {
    return this.#port;
  }

  /** Ends all connections, whatever they wait for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#port = 0;
    await this.#thread?.terminate();
  }

  async #listen(address: BindAddress): Promise<void> {
    const thread = startServer(address);
    try {
      this.#port = await portOf(thread, address);
    } catch (thrown) {
      await thread.terminate();
      throw thrown;
    }
    if (this.#isOver) await thread.terminate();
    thread.on('message', (message: ServerMessage) => {
      void this.#take(message, thread);
    });
    thread.on('error', (thrown) => {
      this.#tellFailure(thrown);
    });
    thread.once('exit', () => {
      this.#startAgain({ ...address, port: this.#port });
    });
    thread.unref();
    this.#thread = thread;
  }

  /** Whoever probes would have the agent ended, for a thread that calls do without. */
  #startAgain(address: BindAddress): void {
    if (this.#isOver) return;
    setTimeout(async () => {
      if (this.#isOver) return;
      try {
        await this.#listen(address);
        this.#pause.reset();
      } catch (thrown) {
        this.#tellFailure(thrown);
        this.#startAgain(address);
      }
    }, this.#pause.next()).unref();
  }

  #tellFailure(thrown: unknown): void {
    this.#parts.log.event('metrics-server-failed', failureFields(thrown));
  }

  async #take(message: ServerMessage, thread: Worker): Promise<void> {
    if (message.kind === 'failed') this.#tellFailure(errorOf(message));
    if (message.kind !== 'asked') return;
    const { page } = message;
    const reply = await this.#replyOrFailure(page);
    const answer: PageAnswer = { page, reply };
    thread.postMessage(answer, [reply.body.buffer]);
  }

  async #replyOrFailure(page: Page): Promise<Reply> {
    try {
      return await this.#reply(page);
    } catch (thrown) {
      this.#parts.log.event('metrics-unreadable', failureFields(thrown));
      return replyOf(500, 'cannot read metrics\n');
    }
  }

  async #reply(page: Page): Promise<Reply> {
    const { metrics } = this.#parts;
    switch (page) {
      case '/metrics':
        return replyOf(200, await metrics.text(), metrics.contentType);
      case '/healthz':
        return replyTo(this.#health());
      case '/readyz':
        return replyTo(this.#readiness());
    }
  }

  #health(): readonly string[] {
    return [this.#parts.downReason()].filter((reason) => reason !== undefined);
  }

  #readiness(): readonly string[] {
    const reasons = this.#parts.readiness.map((reasonOf) => reasonOf());
    return [...this.#health(), ...reasons.filter((reason) => reason !== undefined)];
  }
}

/** @throws AgentError AGENT_METRICS */
function startServer(address: BindAddress): Worker {
  try {
    // else Node opens our standard streams for it, which makes them non-blocking
    const streams = { stdout: true, stderr: true };
    return startThread(threadFile, { workerData: address, resourceLimits, ...streams });
  } catch (cause) {
    return failed(address, cause);
  }
}

/** Once it listens. @throws AgentError AGENT_METRICS */
async function portOf(thread: Worker, address: BindAddress): Promise<number> {
  const [first]: readonly ServerMessage[] = await Promise.race([
    once(thread, 'message'),
    once(thread, 'exit').then(() => []),
  ]).catch((cause: unknown) => failed(address, cause));
  if (first?.kind === 'deaf') failed(address, errorOf(first));
  if (first?.kind !== 'listening') throw new Error('the server has said nothing');
  return first.port;
}

function failed(address: BindAddress, cause: unknown): never {
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

function errorOf({ message, code }: SentFailure): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

/** Answer to a probe: the reasons must not contain secrets. */
function replyTo(reasons: readonly string[]): Reply {
  return reasons.length === 0 ? replyOf(200, 'ok\n') : replyOf(503, `${reasons.join('\n')}\n`);
}

/** As -metrics-bind-address has it. */
function textOf({ host, port }: BindAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
