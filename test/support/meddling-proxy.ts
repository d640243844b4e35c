// SPDX-License-Identifier: Apache-2.0
// A proxy before a registry that does to its answers what broken lines and bad people do.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { closed, listenOnLoopback } from './loopback.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Change of an answer. */
export type Meddling =
  | { readonly kind: 'pass' }
  /** The line breaks before there is an answer. */
  | { readonly kind: 'drop' }
  | { readonly kind: 'replace'; readonly answer: Answer }
  /** The line breaks after so many bytes of the body. */
  | { readonly kind: 'cut'; readonly bytes: number }
  /** Nothing comes after so many bytes of the body. */
  | { readonly kind: 'stall'; readonly bytes: number };

export type Meddler = (
  path: string,
  answer: Answer,
  headers: Headers,
) => Meddling | Promise<Meddling>;

/** Hop by hop, or about an encoding that fetch has undone. */
const droppedHeaders = new Set(['connection', 'content-length', 'content-encoding', 'host']);

export class MeddlingProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly host: string;

  private constructor(server: Server, host: string) {
    this.#server = server;
    this.host = host;
  }

  /** @param upstream such as `127.0.0.1:5000` */
  static async start(upstream: string, meddler: Meddler): Promise<MeddlingProxy> {
    const server = createServer((request, response) => {
      relay({ request, response, upstream, meddler }).catch((thrown: unknown) => {
        response.destroy(thrown instanceof Error ? thrown : undefined);
      });
    });
    return new MeddlingProxy(server, `127.0.0.1:${await listenOnLoopback(server)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await closed(this.#server);
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upstream: string;
  readonly meddler: Meddler;
}

function headersOf({ headers }: IncomingMessage): Headers {
  const kept = Object.entries(headers).filter(([name]) => !droppedHeaders.has(name));
  return new Headers(kept.map(([name, value]): [string, string] => [name, String(value)]));
}

async function relay({ request, response, upstream, meddler }: Exchange): Promise<void> {
  const path = request.url ?? '/';
  const headers = headersOf(request);
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  const real = await fetch(`http://${upstream}${path}`, {
    method: request.method ?? 'GET',
    headers,
    redirect: 'manual',
    ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
  });
  const kept = [...real.headers].filter(([name]) => !droppedHeaders.has(name));
  const answer = {
    status: real.status,
    // addresses of the registry are to lead through here as well
    headers: Object.fromEntries(
      kept.map(([name, value]) => [name, value.replace(upstream, request.headers.host ?? '')]),
    ),
    body: Buffer.from(await real.arrayBuffer()),
  };
  send(response, answer, await meddler(path, answer, headers), request.method === 'HEAD');
}

function send(response: ServerResponse, answer: Answer, meddling: Meddling, isHead: boolean): void {
  if (meddling.kind === 'drop') {
    response.destroy();
    return;
  }
  const { status, headers, body } = meddling.kind === 'replace' ? meddling.answer : answer;
  response.writeHead(status, isHead ? headers : { ...headers, 'content-length': body.length });
  switch (meddling.kind) {
    case 'pass':
    case 'replace':
      response.end(body);
      return;
    case 'cut':
      response.write(body.subarray(0, meddling.bytes), () => response.destroy());
      return;
    case 'stall':
      response.write(body.subarray(0, meddling.bytes));
  }
}
