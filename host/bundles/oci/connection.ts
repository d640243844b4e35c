// SPDX-License-Identifier: Apache-2.0
// HTTP to one registry: TLS, time limits, and who may see its credentials.
import { getCACertificates } from 'node:tls';

import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';

import { AgentError, systemCodeOf } from '../../errors.ts';

export interface ConnectionOptions {
  /** HTTP without TLS. */
  readonly plainHttp: boolean;
  /** Certificates in PEM that are trusted as well. */
  readonly ca?: string;
  /** Ends everything that is under way. */
  readonly signal: AbortSignal;
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

export type HttpResponse = Dispatcher.ResponseData;

const connectMs = 10_000;
/** Longest silence of a server. */
const silenceMs = 30_000;

export class Connection implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #agent: Agent;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#agent = new Agent({
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
      connect: {
        timeout: connectMs,
        ...(options.ca === undefined ? {} : { ca: [...getCACertificates('default'), options.ca] }),
      },
    });
  }

  /** @throws AgentError AGENT_OCI when there is no answer */
  async send({ method, url, headers, body }: HttpRequest): Promise<HttpResponse> {
    this.#checkScheme(url);
    try {
      return await request(url, {
        method,
        headers,
        dispatcher: this.#agent,
        signal: this.#options.signal,
        ...(body === undefined ? {} : { body }),
      });
    } catch (cause) {
      throw new AgentError('AGENT_OCI', `${method} ${shown(url)} failed${adviceOn(cause)}`, {
        cause,
      });
    }
  }

  /** A redirect must not take away the encryption. */
  #checkScheme(url: URL): void {
    if (url.protocol === 'https:' || (url.protocol === 'http:' && this.#options.plainHttp)) return;
    throw new AgentError('AGENT_OCI', `${shown(url)} is refused: it is not https`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Queries may hold secrets, such as signatures of storage services. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

const advice: readonly { readonly codes: readonly string[]; readonly words: string }[] = [
  {
    codes: ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'EPROTO'],
    words: 'does the registry speak plain HTTP?',
  },
  {
    codes: [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    words: 'its certificate is signed by an unknown authority: add it with -ca',
  },
];

function adviceOn(cause: unknown): string {
  const code = systemCodeOf(cause) ?? '';
  const found = advice.find(({ codes }) => codes.includes(code));
  return found === undefined ? '' : ` (${found.words})`;
}
