// SPDX-License-Identifier: Apache-2.0
// Whether the memory of a container's callers may be written: only where no signal but one that kills
// can end a received call. The kernel does not tell, the OCI bundle does.
import { isAbsolute, join } from 'node:path';

import { keyOf } from './container-key.ts';
import type { ContainerKey } from './container-key.ts';
import type { ContainerProcessState } from './container-process-state.ts';
import { messageOf } from '../errors.ts';
import { fieldOf } from '../text/fields.ts';

/** With it in a filter, callers whose call was received wait for their answer or their death. */
export const waitKillableFlag = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';

/** Why callers' memory is not written; undefined: it may be. */
export type WriteRefusal = string | undefined;

/** Of a container's config.json, annotations and all. */
const maxConfigBytes = 4 * 1024 * 1024;
/** The main thread parses it, in a turn of this user. */
const maxConfigBytesOfUsers = 256 * 1024;

/**
 * Reads all of a file of a runtime, which is root's or this user's, or rejects: also where its file
 * system does not answer.
 */
export type ReadRuntimeFile = (
  path: string,
  maxBytes: number,
  owner: number,
) => Promise<Uint8Array>;

/** Settles once it was done, in a turn of this user. */
export type InTurn = (uid: number, work: () => void) => Promise<void>;

/** A listener of a container, until it is disposed of. */
export interface FlaggedListener extends Disposable {
  /** Why its callers' memory is not written. It never rejects. */
  readonly refusal: Promise<WriteRefusal>;
}

interface KnownContainer {
  readonly refusal: Promise<WriteRefusal>;
  readonly users: number;
}

/** `linux.seccomp.flags` of an OCI runtime configuration. @throws SyntaxError */
function flagsOf(config: string): readonly unknown[] {
  const parsed: unknown = JSON.parse(config);
  const flags = fieldOf(fieldOf(fieldOf(parsed, 'linux'), 'seccomp'), 'flags');
  return Array.isArray(flags) ? flags : [];
}

/** Filter flags by container, as long as any listener of the container lives. */
export class FilterFlags {
  readonly #read: ReadRuntimeFile;
  readonly #inTurn: InTurn;
  readonly #known: Map<ContainerKey, KnownContainer> = new Map();

  constructor(read: ReadRuntimeFile, inTurn: InTurn) {
    this.#read = read;
    this.#inTurn = inTurn;
  }

  /**
   * One more listener of a container.
   * @param peerUid who has sent the state, and may say nothing of others' containers
   */
  enter(state: ContainerProcessState, peerUid: number): FlaggedListener {
    const { ociBundle } = state;
    const key = keyOf({ state, peerUid });
    const known = this.#known.get(key);
    const refusal = isAbsolute(ociBundle)
      ? this.#refusalBy(ociBundle, peerUid)
      : refusalWithout(known);
    this.#known.set(key, { refusal, users: (known?.users ?? 0) + 1 });
    return {
      refusal,
      [Symbol.dispose]: () => {
        this.#leave(key);
      },
    };
  }

  #leave(key: ContainerKey): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    if (known.users <= 1) this.#known.delete(key);
    else this.#known.set(key, { ...known, users: known.users - 1 });
  }

  async #refusalBy(ociBundle: string, owner: number): Promise<WriteRefusal> {
    const path = join(ociBundle, 'config.json');
    try {
      const maxBytes = owner === 0 ? maxConfigBytes : maxConfigBytesOfUsers;
      const config = await this.#read(path, maxBytes, owner);
      let flags: readonly unknown[] = [];
      await this.#inTurn(owner, () => {
        flags = flagsOf(new TextDecoder().decode(config));
      });
      if (flags.includes(waitKillableFlag)) return undefined;
      return `the container's seccomp profile lacks "flags": ["${waitKillableFlag}"]`;
    } catch (thrown) {
      // what a syntax error says of the text may be a secret of the container's environment
      const why = thrown instanceof SyntaxError ? 'no JSON' : messageOf(thrown);
      return `cannot tell whether the container's seccomp profile has ${waitKillableFlag}: ${path}: ${why}`;
    }
  }
}

/** crun names no bundle when it executes something in a container that runs. */
async function refusalWithout(known: KnownContainer | undefined): Promise<WriteRefusal> {
  if (known !== undefined) return known.refusal;
  return `cannot tell whether the container's seccomp profile has ${waitKillableFlag}: its runtime names no OCI bundle`;
}

/** Of a filter that was loaded for a command. */
export function refusalOfCommand(waitsKillable: boolean): WriteRefusal {
  if (waitsKillable) return undefined;
  return `this kernel lacks ${waitKillableFlag}: Linux 5.19 or newer is required`;
}
