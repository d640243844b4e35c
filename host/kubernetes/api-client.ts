// SPDX-License-Identifier: Apache-2.0
// Requests to the Kubernetes API, each with a limit of time.
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

import { AgentError } from '../errors.ts';
import { escaped } from '../terminal-text.ts';
import type { ApiAccess, ApiTarget } from './api-access.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: object;
  /** For the head of the answer. */
  readonly answerMs: number;
  readonly signal: AbortSignal;
}

/** The server has answered, but not as one wishes. */
export class ApiFailure extends AgentError {
  readonly status: number;

  constructor(status: number, message: string) {
    super('AGENT_KUBERNETES', message);
    this.status = status;
  }
}

export const httpStatus = { ok: 200, unauthorized: 401, gone: 410, firstFailure: 300 } as const;
/** Of an answer that says what is wrong. */
const maxFailureBytes = 16 * 1024;
const maxShown = 300;
/** A peer that is gone without a word is noticed within half a minute. */
const keepAliveMs = 15_000;

export class ApiClient {
  readonly #access: ApiAccess;

  constructor(access: ApiAccess) {
    this.#access = access;
  }

  get name(): string {
    return this.#access.name;
  }

  /**
   * Credentials that have changed meanwhile are read again.
   * @returns the answer, whose body is still to be read
   * @throws ApiFailure, AgentError AGENT_KUBERNETES, or what reading credentials throws
   */
  async send(request: ApiRequest): Promise<IncomingMessage> {
    const answer = await this.#try(request);
    if (answer.statusCode !== httpStatus.unauthorized) return checked(answer);
    answer.destroy();
    this.#access.renew();
    return checked(await this.#try(request));
  }

  async #try(request: ApiRequest): Promise<IncomingMessage> {
    const { signal } = request;
    const limit = AbortSignal.timeout(request.answerMs);
    // who we are may be what a program says that does not come back
    const target = await withinLimit(this.#access.target(), AbortSignal.any([signal, limit]));
    return answerTo(request, target, limit);
  }
}

async function withinLimit<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      reject(new AgentError('AGENT_KUBERNETES', 'credentials did not arrive in time'));
    };
    if (signal.aborted) fail();
    signal.addEventListener('abort', fail, { once: true });
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', fail);
    });
  });
}

async function answerTo(
  { method, path, query = {}, body, signal, answerMs }: ApiRequest,
  { url, options }: ApiTarget,
  limit: AbortSignal,
): Promise<IncomingMessage> {
  const at = new URL(url.replace(/\/+$/u, '') + path);
  at.search = new URLSearchParams(query).toString();
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    accept: 'application/json',
    'user-agent': 'seccompagent',
    ...(text === undefined ? {} : { 'content-type': 'application/json' }),
    ...Object.fromEntries(Object.entries(options.headers ?? {})),
  };
  const send = at.protocol === 'http:' ? httpRequest : httpsRequest;
  return new Promise((resolve, reject) => {
    const sending = send(at, { ...options, method, headers, signal }, (answer) => {
      limit.removeEventListener('abort', giveUp);
      resolve(answer);
    });
    const giveUp = (): void => {
      sending.destroy(new AgentError('AGENT_KUBERNETES', `no answer within ${answerMs} ms`));
    };
    limit.addEventListener('abort', giveUp, { once: true });
    sending.once('socket', (socket) => socket.setKeepAlive(true, keepAliveMs));
    sending.once('error', (cause) => {
      limit.removeEventListener('abort', giveUp);
      reject(cause);
    });
    sending.end(text);
  });
}

async function checked(answer: IncomingMessage): Promise<IncomingMessage> {
  const status = answer.statusCode ?? 0;
  if (status >= httpStatus.ok && status < httpStatus.firstFailure) return answer;
  const message = await failureIn(answer);
  throw new ApiFailure(status, `the API server answers ${status}${message}`);
}

/** Text of a `Status` object. */
async function failureIn(answer: IncomingMessage): Promise<string> {
  try {
    const said = new Map<string, unknown>(Object.entries(Object(await readJson(answer))));
    const message = said.get('message');
    return typeof message === 'string' ? `: ${escaped(message.slice(0, maxShown))}` : '';
  } catch {
    return '';
  }
}

/** For small answers; what is larger is cut, and no JSON then. */
async function readJson(answer: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  const limit = setTimeout(() => answer.destroy(), 1000);
  try {
    for await (const chunk of answer) {
      const bytes = Buffer.from(chunk);
      length += bytes.length;
      if (length > maxFailureBytes) break;
      chunks.push(bytes);
    }
  } finally {
    clearTimeout(limit);
    answer.destroy();
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
