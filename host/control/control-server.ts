// SPDX-License-Identifier: Apache-2.0
// The HTTP server of the control socket: what root asks a running agent.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';

import { failureFields } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { listenAt } from './control-socket.ts';
import { changeLogLevel, logLevelPath } from './log-level-request.ts';
import type { ChangeableLogLevel } from './log-level-request.ts';
import type { Tap } from '../recording/tapes.ts';
import { recordOver } from './recording-request.ts';
import type { ContainerFigures, OwnFigures } from './figures.ts';
import type { ContainerStatus, OwnStatus } from './status.ts';
import { statusText } from './status-text.ts';
import type { StopRecording } from './recording-request.ts';

/** Answers a request to one path; what it throws is told to whoever asked. */
export type Responder = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface ControlServerParts {
  readonly path: string;
  readonly log: Log;
  readonly status: () => OwnStatus;
  readonly containers: () => Iterable<ContainerStatus>;
  readonly figures: () => OwnFigures;
  readonly containerFigures: () => Iterable<ContainerFigures>;
  readonly logLevel: ChangeableLogLevel;
  /** @throws AgentError AGENT_RECORDING */
  readonly record: (containerId: string, tap: Tap) => StopRecording;
}

/** At the end, for what is still to be told. */
const closeMs = 1000;

function answerJson(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    connection: 'close',
  });
  response.end(body);
}

async function answerInPieces(
  response: ServerResponse,
  own: object,
  containers: Iterable<object>,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
  await pipeline(statusText(own, containers), response);
}

export class ControlServer implements AsyncDisposable {
  readonly #parts: ControlServerParts;
  readonly #server: Server;
  /** By method and path. */
  readonly #responders: ReadonlyMap<string, Responder>;
  #place: Disposable | undefined;

  private constructor(parts: ControlServerParts) {
    this.#parts = parts;
    // a recording lasts as long as its request is held open
    this.#server = createServer({ requestTimeout: 0 }, (request, response) => {
      void this.#answer(request, response);
    });
    this.#responders = new Map<string, Responder>([
      [
        'GET /status',
        async (_request, response) => answerInPieces(response, parts.status(), parts.containers()),
      ],
      [
        'GET /figures',
        async (_request, response) =>
          answerInPieces(response, parts.figures(), parts.containerFigures()),
      ],
      [
        `GET ${logLevelPath}`,
        async (_request, response) => answerJson(response, 200, { level: parts.logLevel.level }),
      ],
      [
        `POST ${logLevelPath}`,
        async ({ url = '' }, response) =>
          answerJson(response, 200, await changeLogLevel(url, parts.logLevel)),
      ],
      ['POST /record', async (request, response) => recordOver(request, response, parts.record)],
    ]);
  }

  /** @throws AgentError AGENT_CONTROL_IN_USE, AGENT_CONTROL */
  static async start(parts: ControlServerParts): Promise<ControlServer> {
    const control = new ControlServer(parts);
    control.#place = await listenAt(control.#server, parts.path);
    control.#server.on('error', (thrown) => {
      parts.log.event('control-failed', failureFields(thrown));
    });
    return control;
  }

  /** Ends all connections: those that are being answered have a moment left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#place?.[Symbol.dispose]();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeIdleConnections();
    const late = setTimeout(() => {
      this.#server.closeAllConnections();
    }, closeMs);
    await closed;
    clearTimeout(late);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const [path = ''] = url.split('?', 1);
    const responder = this.#responders.get(`${method} ${path}`);
    if (responder === undefined) {
      answerJson(response, 404, { error: `there is no ${method} ${path}` });
      return;
    }
    try {
      await responder(request, response);
    } catch (thrown) {
      this.#parts.log.event('control-request-failed', { path, ...failureFields(thrown) });
      if (response.headersSent) response.destroy();
      else answerJson(response, 400, failureFields(thrown));
    }
  }
}
