// SPDX-License-Identifier: Apache-2.0
// Bundles that could not be read, remembered until their files change.
import { AgentError, isPassing } from '../errors.ts';
import { identityOfAll } from '../files/file-identity.ts';
import type { Bundle } from './bundle.ts';
import { NoRoom, noRoomIn } from './code-room.ts';

/** The failure of a bundle, valid until one of its files changes. */
interface Refusal {
  readonly files: readonly string[];
  readonly identity: string;
  readonly failure: AgentError;
}

/** A bundle that was not read yet, or has changed since. */
export interface BundleToRead {
  readonly name: string;
  readonly files: readonly string[];
  readonly read: () => Bundle;
}

const maxRefusals = 1024;

export class RefusedBundles {
  /** Clients that start containers may try the same bundle again and again. */
  readonly #refusals: Map<string, Refusal> = new Map();
  readonly #forget: (files: ReadonlySet<string>) => void;

  /** @param forget drops the components of these files */
  constructor(forget: (files: ReadonlySet<string>) => void) {
    this.#forget = forget;
  }

  /** @throws NoRoom, and errors of reading, also if nothing has changed since the last failure */
  unlessRefused(key: string, { name, files, read }: BundleToRead): Bundle {
    const refusal = this.#refusalOf(key);
    if (refusal !== undefined) throw refusal;
    const identity = identityOfAll(files);
    try {
      return read();
    } catch (thrown) {
      const failure = noRoomIn(thrown)?.of(name) ?? thrown;
      if (failure instanceof NoRoom || (failure instanceof AgentError && !isPassing(failure))) {
        this.#forget(new Set(files));
        this.#refuse(key, { files, identity, failure });
      }
      throw failure;
    }
  }

  /** @param hasRoom whether a bundle that was refused for lack of room fits now */
  isRefused(key: string, hasRoom: (noRoom: NoRoom) => boolean): boolean {
    const failure = this.#refusalOf(key);
    if (!(failure instanceof NoRoom) || !hasRoom(failure)) return failure !== undefined;
    this.#refusals.delete(key);
    return false;
  }

  #refuse(key: string, refusal: Refusal): void {
    this.#refusals.set(key, refusal);
    const [oldest = ''] = this.#refusals.keys();
    if (this.#refusals.size > maxRefusals) this.#refusals.delete(oldest);
  }

  #refusalOf(key: string): AgentError | undefined {
    const refusal = this.#refusals.get(key);
    if (refusal === undefined) return undefined;
    if (refusal.identity === identityOfAll(refusal.files)) return refusal.failure;
    this.#refusals.delete(key);
    return undefined;
  }
}
