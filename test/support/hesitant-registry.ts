// SPDX-License-Identifier: Apache-2.0
// An OCI registry on loopback that has no bundle, and takes its time.
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';

/** A registry that has nothing, and says so when it is let. */
export class HesitantRegistry implements AsyncDisposable {
  readonly #server: Server;
  readonly #held: Map<string, ServerResponse> = new Map();
  readonly asked: Set<string> = new Set();

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', ({ url = '' }, response) => {
      this.asked.add(url);
      this.#held.set(url, response);
    });
  }

  static async start(): Promise<HesitantRegistry> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new HesitantRegistry(server);
  }

  get host(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('it does not listen');
    return `127.0.0.1:${address.port}`;
  }

  answer(): void {
    for (const response of this.#held.values()) response.writeHead(404).end();
    this.#held.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
