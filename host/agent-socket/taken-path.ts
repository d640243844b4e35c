// SPDX-License-Identifier: Apache-2.0
// The path of an agent socket that may be another agent's: it is one's or the other's at any moment.
import { lstatSync, renameSync, rmSync } from 'node:fs';

import { AgentError } from '../errors.ts';

/** Path of a socket that is to take this path over. */
export function pathAside(path: string): string {
  return `${path}.new`;
}

interface FileName {
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * The file at a path: another agent may have put its own there. Undefined: none, or nobody can tell,
 * since the owner of a folder on the way has changed it.
 */
function fileAt(path: string): FileName | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

/** A path where a socket of ours was put. No other file gets its number while it is open. */
export class TakenPath implements Disposable {
  readonly #path: string;
  readonly #file: FileName | undefined;

  private constructor(path: string) {
    this.#path = path;
    this.#file = fileAt(path);
  }

  /** At the path where it was made. */
  static of(path: string): TakenPath {
    return new TakenPath(path);
  }

  /** Moves it there, whoever listens there. @throws AgentError AGENT_SOCKET, Error */
  static over(path: string): TakenPath {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isSocket() === false) {
      throw new AgentError('AGENT_SOCKET', `${path} is not a socket: choose another -socketfile`);
    }
    renameSync(pathAside(path), path);
    return new TakenPath(path);
  }

  /** Whether it is still ours. */
  get isOwn(): boolean {
    const now = fileAt(this.#path);
    return now !== undefined && now.ino === this.#file?.ino && now.dev === this.#file.dev;
  }

  /** Removes the socket, unless another agent has taken it over. */
  [Symbol.dispose](): void {
    if (this.isOwn) rmSync(this.#path, { force: true });
  }
}
