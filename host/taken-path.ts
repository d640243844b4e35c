// SPDX-License-Identifier: Apache-2.0
// The path of an agent socket that may be another agent's: it is one's or the other's at any moment.
import { lstatSync, renameSync, rmSync } from 'node:fs';

import { AgentError } from './errors.ts';

/** Where a socket is made that is to take a path over. */
export function pathAside(path: string): string {
  return `${path}.new`;
}

/** Which file a path is: another agent may have put its own there. */
function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

/** A path that a socket was moved to. */
export class TakenPath implements Disposable {
  readonly #path: string;
  readonly #inode: bigint | undefined;

  /** Moves it there, whoever listens there. @throws AgentError AGENT_SOCKET, Error */
  constructor(path: string) {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isSocket() === false) {
      throw new AgentError('AGENT_SOCKET', `${path} is no socket: choose another -socketfile`);
    }
    renameSync(pathAside(path), path);
    this.#path = path;
    this.#inode = inodeOf(path);
  }

  /** Removes the socket, unless another agent has taken it over. */
  [Symbol.dispose](): void {
    if (inodeOf(this.#path) === this.#inode) rmSync(this.#path, { force: true });
  }
}
