// SPDX-License-Identifier: Apache-2.0
// Objects that exports of the addon return.
import type { ConnectionId } from './handles.ts';

/** `kind` is one of `receiverEventKind`. */
export interface ReceiverEvent {
  readonly kind: number;
  readonly token: number;
  /** With `overdue` and `broken`: the id that the worker was attached with. */
  readonly worker: number;
  /**
   * With `overdue` and `broken`: 1 + the handler's place in its chain; 0: no handler ran yet; `actingLink`: the
   * worker did something in the container.
   */
  readonly link: number;
  /**
   * With `overdue` and `broken`: how long that handler is quarantined from now on, which all threads know already;
   * 0: it is not, or it was before.
   */
  readonly quarantineMs: number;
}

export type SocketEvent = {
  readonly kind: 'opened' | 'data' | 'closed' | 'refused' | 'crowded';
  readonly connection: ConnectionId;
  readonly peerPid: number;
  readonly peerUid: number;
  /** Bytes in the buffer. */
  readonly length: number;
  /** Descriptors were lost on the way. */
  readonly isTruncated: boolean;
  /** Descriptors that have come with this connection so far. */
  readonly fdCount: number;
  /** 0, or why the connection was closed or refused. */
  readonly errno: number;
};

/** A process that is told from others which get its number later. */
export interface FoundProcess {
  readonly pid: number;
  readonly identity: string;
}

/** Of a container's first process. */
export interface FirstLook {
  /** That are kept of it. */
  readonly bytes: number;
  /** Parts of file systems that are mounted there, from their roots, with a NUL behind each. */
  readonly bound: Uint8Array;
}

export interface LaunchExit {
  /** Exit code, or 128 + signal. */
  readonly code: number;
  /** 0, or why the command could not be executed. */
  readonly execErrno: number;
}

/** Of `probe`. */
export interface ProbeOutcome {
  readonly works: boolean;
  /** The step that failed. */
  readonly step: string;
  /** 0: the step did something else. */
  readonly errno: number;
  /** The signal that ended the probing process; 0: none. */
  readonly signal: number;
}

export interface ProgramResult {
  /** By itself or a signal; with the next two the code is an errno. Else it was killed. */
  readonly end: 'itself' | 'not-executed' | 'not-prepared' | 'took-too-long' | 'said-too-much';
  /** Its exit code. */
  readonly code: number;
  /** The signal that ended the program; 0: none. */
  readonly signal: number;
  /** Time on processors; 0: it was killed. */
  readonly processorMs: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}
