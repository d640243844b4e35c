// SPDX-License-Identifier: Apache-2.0
// A decision as those see it who watch: a call, who answered it, what, and how long that took.
import type { ErrnoName } from '../syscalls/errno.ts';
import type { Workload } from '../agent-socket/workload.ts';
import type { ShownArgument } from './argument-bytes.ts';
import type { ActName, DecisionFailure } from './decision-layout.ts';

/** Container that a call is of. */
export interface WatchedContainer {
  readonly containerId: string;
  readonly workload: Workload;
  /** The container's first process; undefined: nobody knows it. */
  readonly firstPid: number | undefined;
  /** The process that loaded the filter; undefined: the runtime has not said it. */
  readonly filterPid: number | undefined;
  /** User that sent its state; absent: nobody but us. */
  readonly peerUid?: number | undefined;
  /** In chain order. */
  readonly handlers: readonly HandlerName[];
  /** Receivers of its calls. */
  readonly watchers: readonly Watcher[];
}

export interface HandlerName {
  readonly name: string;
  readonly bundle?: string | undefined;
}

export type ShownAnswer =
  | { readonly kind: 'value'; readonly value: bigint }
  | { readonly kind: 'errno'; readonly errno: ErrnoName }
  | { readonly kind: 'continue' }
  /** The caller gets a copy of a descriptor. */
  | { readonly kind: 'descriptor' };

export interface ShownDecision {
  /** When the call was begun, in milliseconds since 1970. */
  readonly at: number;
  readonly container: WatchedContainer;
  /** The caller's thread, as we see it. */
  readonly tid: number;
  readonly notificationId: bigint;
  readonly arch: string;
  readonly number: number;
  /** Undefined: a call that nobody knows. */
  readonly syscall: string | undefined;
  /** Undefined: none, so that it is the default or the failure policy that has answered. */
  readonly handler: HandlerName | undefined;
  readonly answer: ShownAnswer;
  /** The answer comes so much later; 0: at once. */
  readonly delayMs: number;
  readonly failure: DecisionFailure;
  readonly acts: readonly ActName[];
  readonly microseconds: number;
  /** Absent: nobody has asked for them, or nobody knows the call. */
  readonly arguments?: readonly ShownArgument[];
}

/** A connected user other than root: statements about its containers are its own. */
export function foreignPeer({ peerUid }: WatchedContainer): number | undefined {
  return peerUid === 0 ? undefined : peerUid;
}

/** The call goes on as it would without us. Anybody can make many of those: others have room apart. */
export function isUsual({ answer, failure, acts }: ShownDecision): boolean {
  return answer.kind === 'continue' && failure === 'none' && acts.length === 0;
}

/** For people: the errno, or the kind of the answer. */
export function answerText(answer: ShownAnswer): string {
  return answer.kind === 'errno' ? answer.errno : answer.kind;
}

/** Receiver of decisions. It must take them at once, and drop those that it has no room for. */
export interface Watcher extends AsyncDisposable {
  take(decision: ShownDecision): void;
  /** So many decisions of a container were lost before it could be told of them. */
  lost?(container: WatchedContainer, count: number): void;
  /** All is told that was there: whoever collects may go on. */
  taken?(): void;
}
