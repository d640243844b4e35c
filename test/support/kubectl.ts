// SPDX-License-Identifier: Apache-2.0
// Debian's `kubectl`: a client of the fake API server that knows nothing of ours.
import type { FakeApiServer } from './fake-api-server.ts';
import { RunningCommand, runCommand } from './command.ts';
import type { CommandResult } from './command.ts';
import { TemporaryFolder } from './temporary-folder.ts';

export class Kubectl implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly #server: FakeApiServer;

  constructor(server: FakeApiServer) {
    this.#server = server;
  }

  /** @param input on its stdin */
  async run(words: readonly string[], input?: string): Promise<CommandResult> {
    return runCommand(this.#command(words), input === undefined ? {} : { input });
  }

  start(...words: readonly string[]): RunningCommand {
    return new RunningCommand(this.#command(words));
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }

  #command(words: readonly string[]): [string, ...string[]] {
    // it would keep what it has learned of this server in the user's home
    const where = [
      '--kubeconfig',
      this.#server.kubeconfig,
      '--cache-dir',
      this.#folder.at('cache'),
    ];
    return ['kubectl', ...where, ...words];
  }
}
