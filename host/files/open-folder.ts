// SPDX-License-Identifier: Apache-2.0
// A folder that stays the same while files are put into it: whoever may write to one above it could
// put another one in its place, also a link to one of ours.
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';

/** See open(2): the folder need not be readable. */
const pathOnly = 0o10_000_000;

export class OpenFolder implements Disposable {
  readonly #descriptor: number;
  /** Leads there, wherever it is by now. */
  readonly path: string;

  /** @param flags constants.O_NOFOLLOW: it may not be a link @throws Error of the file system */
  constructor(path: string, flags = 0) {
    this.#descriptor = openSync(path, pathOnly | constants.O_DIRECTORY | flags);
    this.path = `/proc/self/fd/${this.#descriptor}`;
  }

  /** Its path, without links. */
  get place(): string {
    return readlinkSync(this.path);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}
