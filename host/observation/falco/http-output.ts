// SPDX-License-Identifier: Apache-2.0
// Posts alerts, one a request, as Falco's own output over HTTP does. Loaded only where somebody wants it.
import { Pool } from 'undici';

import type { DeliveryResult } from '../delivery.ts';

const connections = 4;
const timeoutMs = 5000;
const firstServerError = 500;
const tooMany = 429;

export class HttpOutput implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #path: string;

  constructor(url: URL) {
    this.#pool = new Pool(url.origin, {
      connections,
      pipelining: 1,
      connect: { timeout: timeoutMs },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    this.#path = `${url.pathname}${url.search}`;
  }

  async send(alert: string): Promise<DeliveryResult> {
    try {
      const { statusCode, body } = await this.#pool.request({
        method: 'POST',
        path: this.#path,
        headers: { 'content-type': 'application/json' },
        body: alert,
      });
      // the connection is free again once the answer is read
      await body.dump();
      if (statusCode >= firstServerError || statusCode === tooMany) return 'away';
      return statusCode < 300 ? 'sent' : 'failed';
    } catch (thrown) {
      return isTimeout(thrown) ? 'failed' : 'away';
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy();
  }
}

/** A server that does not answer may have the alert: it is not sent twice. */
function isTimeout(thrown: unknown): boolean {
  return (
    thrown instanceof Error &&
    'code' in thrown &&
    (thrown.code === 'UND_ERR_HEADERS_TIMEOUT' || thrown.code === 'UND_ERR_BODY_TIMEOUT')
  );
}
