// SPDX-License-Identifier: Apache-2.0
// Objects that exports of the addon take: named fields in place of many arguments.
import type { ConnectionId, SocketHandle } from './handles.ts';

/** Terms by which a listener's calls are handled. */
export interface ListenerTerms {
  /** Encoded. `handlers` and `annotations` are kept once for all listeners that have equal ones. */
  readonly registry: Uint8Array;
  readonly handlers: Uint8Array;
  readonly annotations: Uint8Array;
  /** Of the handlers: their indexes in the quarantine (i32), then the digests of their components. */
  readonly chain: Uint8Array;
  /** 1 for each [arch][number] whose pointers are read. */
  readonly reads: Uint8Array;
  /** Of calls that cannot be handled; 0: the kernel decides. */
  readonly failureErrno: number;
}

export interface LaunchedListener extends ListenerTerms {
  /** Paths that the host holds for `unmount-sparing`, each with a NUL behind it. */
  readonly paths: Uint8Array;
}

export interface AdoptedListener extends ListenerTerms {
  readonly socket: SocketHandle;
  readonly connection: ConnectionId;
  /** Of the descriptor among those of the connection. */
  readonly index: number;
  /** The container's first process; 0: unknown. */
  readonly firstPid: number;
  /** A number of all listeners of the container, and of no others, also later; 0: unknown. */
  readonly container: number;
  /**
   * The filter has SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, so the memory of its callers may be
   * written.
   */
  readonly waitsKillable: boolean;
  readonly peerUid: number;
  /** Containers with the same number share turns and workers. */
  readonly sender: number;
}

export interface ProgramRequest {
  readonly command: readonly string[];
  /** `NAME=value`. */
  readonly environment: readonly string[];
  /** Paths for execve(2), tried one after the other. */
  readonly candidates: readonly string[];
  /** Its working directory; empty: ours. */
  readonly folder: string;
  readonly input: Uint8Array;
  /** Of each of its streams. */
  readonly maxOutputBytes: number;
  readonly maxMs: number;
  /** With `writable` all that it may open; absent: whatever we may. */
  readonly readable?: readonly string[];
  readonly writable?: readonly string[];
}
