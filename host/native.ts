// SPDX-License-Identifier: Apache-2.0
// The typed face of the addon: the only importer of the .node file, and the only maker of the
// numbers that stand for kernel things.
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { AgentError } from './errors.ts';
import { packageRoot } from './package-root.ts';

export {
  answerKind,
  arches,
  argumentCount,
  eventKind,
  inbox,
  numbersPerArch,
  readKind,
} from './border/calls.ts';
export {
  credentialsLayout,
  processLayout,
  resourceNumbers,
  userNamespace,
} from './border/caller.ts';
export {
  mountRange,
  ofDescriptor,
  operation,
  operationNumber,
  statNumbers,
} from './border/operations.ts';
export { actingLink, receiverEventKind, registryPart } from './border/receiver.ts';

/** A receiver: shared by all threads of the process. */
export type ReceiverHandle = number & { readonly brand: 'receiver' };
/** The agent socket; of the thread that made it. */
export type SocketHandle = number & { readonly brand: 'socket' };
/** A connection to the agent socket. */
export type ConnectionId = number & { readonly brand: 'connection' };
/** A worker's place at a receiver; of the thread that attached it. */
export type WorkerHandle = number & { readonly brand: 'worker' };
/** A command started by `launch`; of the thread that started it. */
export type LaunchHandle = number & { readonly brand: 'launch' };
/** A listener or a watched process, as events name it. */
export type Token = number & { readonly brand: 'token' };

/** A token as the inbox has it. */
export function tokenOf(value: number): Token {
  return value as Token;
}

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
   * With `overdue` and `broken`: for how long that handler is left alone from now on, which all threads know already;
   * 0: it is not, or it was so before.
   */
  readonly quarantineMs: number;
}

/** What handlers of a bundle remember of a container; of all threads of the process. */
export type StateHandle = number & { readonly brand: 'state' };

/** Of nothing that is open: using it throws. */
export const noState: StateHandle = 0xffff_ffff as StateHandle;

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

export interface LaunchExit {
  /** Exit code, or 128 + signal. */
  readonly code: number;
  /** 0, or why the command could not be executed. */
  readonly execErrno: number;
}

/**
 * The addon's exports. Each throws an Error with `code`, `errno` and `syscall` where a system call
 * fails, and a TypeError for arguments of a wrong type.
 */
/** What came of `probe`. */
export interface ProbeOutcome {
  readonly works: boolean;
  /** What did not work. */
  readonly step: string;
  /** 0: it did something else than it should. */
  readonly errno: number;
  /** What ended the process that tried it; 0: nothing. */
  readonly signal: number;
}

export interface Native {
  /** Makes this process undumpable, see PR_SET_DUMPABLE in prctl(2). */
  harden(this: void): void;
  /** Memory of this process, see `statm` in proc(5); needs a descriptor the first time only. @throws EMFILE */
  residentBytes(this: void): number;
  /**
   * This thread and all that it starts have an empty session keyring from now on, unless a filter
   * forbids it. @throws EDQUOT and others
   */
  leaveSessionKeyring(this: void): void;
  /**
   * The epoll watches of this process are counted for a user of its own from now on, see
   * native/process/watch_user.h. No other thread may make or close an instance at the same time.
   * @throws EPERM, EINVAL: there cannot be such a user
   */
  ownWatches(this: void): void;
  /** This thread is that user, as are those that it starts, until it says that it is not, or loads the addon. */
  becomeWatchUser(this: void): void;
  leaveWatchUser(this: void): void;
  /** The number of a user that nobody else is, another one each time, see native/kernel/drawn_user.h. */
  drawUser(this: void): number;
  /** _exit(2): ends all threads, wherever they are. */
  exitProcess(this: void, code: number): void;

  /**
   * @param uids users who may connect besides the agent's own
   * @throws EADDRINUSE, ENOTSOCK, EOPNOTSUPP: the file system keeps no access control lists
   */
  listenSocket(this: void, path: string, uids: Int32Array): SocketHandle;
  /** The read end of a pipe with a byte in it when `nextSocketEvent` has something. */
  takeWakeFd(this: void, socket: SocketHandle): number;
  /** The next event; null: none until the next byte in the wake pipe. */
  nextSocketEvent(this: void, socket: SocketHandle, buffer: Uint8Array): SocketEvent | null;
  /** Whether somebody has connected of whom `nextSocketEvent` knows nothing yet. */
  socketHasPending(this: void, socket: SocketHandle): boolean;
  /**
   * The peer is not listened to any more; of the descriptors that came the one of this index stays until
   * it is closed by us.
   */
  holdConnection(this: void, socket: SocketHandle, connection: ConnectionId, fdIndex: number): void;
  /** The peer is not listened to any more; the descriptors that came stay until it is closed by us. */
  muteConnection(this: void, socket: SocketHandle, connection: ConnectionId): void;
  /** Whether no process is left whose listener came with it as this descriptor, or that is closed. */
  connectionIsOver(
    this: void,
    socket: SocketHandle,
    connection: ConnectionId,
    fdIndex: number,
  ): boolean;
  /**
   * What the first process of the container sees of proc and sysfs, for `adoptConnectionFd` with the
   * same number: later it may see what the container has made.
   */
  lookAtFirstProcess(
    this: void,
    socket: SocketHandle,
    connection: ConnectionId,
    firstPid: number,
  ): void;
  /**
   * Looks for the paths that `adoptConnectionFd` is to hold, with a NUL behind each, in the first process
   * that `lookAtFirstProcess` has seen: until it resolves, which takes long where file systems do not
   * answer.
   */
  findPaths(
    this: void,
    socket: SocketHandle,
    connection: ConnectionId,
    firstPid: number,
    paths: Uint8Array,
  ): Promise<void>;
  /** Also closes the descriptors that came with it and were not adopted. */
  closeConnection(this: void, socket: SocketHandle, connection: ConnectionId): void;
  closeSocket(this: void, socket: SocketHandle): void;

  /**
   * `readKinds`: a `readKind` for each [arch][number][argument]. So many workers run at once while
   * none is blocked, and so many stay when there is nothing to do.
   */
  createReceiver(
    this: void,
    readKinds: Uint8Array,
    runningWorkers: number,
    fewestWorkers: number,
  ): ReceiverHandle;
  /**
   * Where handlers that have used their time up are told to be left alone; see quarantine.ts. The memory
   * is kept as long as this thread lives.
   */
  shareQuarantine(this: void, receiver: ReceiverHandle, states: Uint8Array, ends: Uint8Array): void;
  stopReceiver(this: void, receiver: ReceiverHandle): void;
  closeReceiver(this: void, receiver: ReceiverHandle): void;
  listenerCount(this: void, receiver: ReceiverHandle): number;
  /** The read end of a pipe with a byte in it when `nextReceiverEvent` may have something. */
  takeReceiverWakeFd(this: void, receiver: ReceiverHandle): number;
  nextReceiverEvent(this: void, receiver: ReceiverHandle): ReceiverEvent | null;
  /** Fills a BigUint64Array's bytes with what `figure` of counters.ts names. */
  receiverFigures(this: void, receiver: ReceiverHandle, figures: Uint8Array): void;
  /**
   * Takes over the index-th descriptor of a connection. `handlers`, `annotations`: of the registry,
   * once for all listeners for which they are equal. `chain`: of its handlers, their indexes in the
   * quarantine (i32) and then the digests of their components (32 bytes each). `reads`: 1 for each [arch][number] whose
   * pointers are wanted. `failureErrno`: what calls get that can't be handled; 0: the kernel judges.
   * `firstPid`: the container's first process; 0: nobody knows. `container`: a number that all
   * listeners of the container have in common, and no others, also later; 0: nobody knows one. `waitsKillable`: 1: the filter has
   * SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, so the memory of its callers may be written. `paths`: what
   * the host holds for `unmount-sparing`, unless another listener has come with this first process;
   * each has a NUL behind it.
   */
  adoptConnectionFd(
    this: void,
    receiver: ReceiverHandle,
    socket: SocketHandle,
    connection: ConnectionId,
    index: number,
    registry: Uint8Array,
    handlers: Uint8Array,
    annotations: Uint8Array,
    chain: Uint8Array,
    reads: Uint8Array,
    failureErrno: number,
    firstPid: number,
    container: number,
    waitsKillable: number,
    peerUid: number,
    paths: Uint8Array,
  ): Token;
  /**
   * Why paths of a listener's container, each with a NUL behind it, are not held: positive errnos in
   * their order, 0 where one is. ESTALE: it was none of those that the listener was adopted with.
   * EALREADY: the container's own program ran by then. @throws ENOENT: the listener is gone
   */
  pathErrors(
    this: void,
    receiver: ReceiverHandle,
    token: Token,
    paths: Uint8Array,
  ): readonly number[];
  /**
   * All of a regular file that a runtime names. Rejects: EFBIG: it has more than `mostBytes`. EPERM:
   * it is neither root's nor that of the user `owner`. ETIMEDOUT: its file system does not answer.
   */
  readRuntimeFile(this: void, path: string, mostBytes: number, owner: number): Promise<Uint8Array>;
  /** Whether a process runs as a user, or in a user namespace that this user has made. */
  processIsOf(this: void, pid: number, uid: number): boolean;
  /** The first process of the pid namespace of a process's children; 0: before Linux 6.11, or gone. */
  firstProcessBeside(this: void, pid: number): number;
  /**
   * Kills a listener's container: 0 or a positive errno. ESRCH: its first process has ended, or
   * nobody knew it. EPERM: only that one was killed.
   */
  killContainer(this: void, receiver: ReceiverHandle, token: Token): number;

  /** `counters`: see counters.ts. `id`: names the worker in receiver events. */
  attachWorker(
    this: void,
    receiver: ReceiverHandle,
    inboxBytes: Uint8Array,
    counters: Uint8Array,
    id: number,
  ): WorkerHandle;
  detachWorker(this: void, worker: WorkerHandle): void;
  /**
   * A function that sends the answer in the inbox to the call received before, exactly once (the
   * listener's failure when there is none), then blocks until there is an event, and returns a value
   * of `eventKind`.
   */
  receiveFunction(this: void, worker: WorkerHandle): () => number;
  /** Something slow begins: lets others receive meanwhile. */
  wakeAnother(this: void, worker: WorkerHandle): void;
  /** All others get the event `shortage`, at once if they have no calls. */
  tellShortage(this: void, worker: WorkerHandle): void;
  /** As `tellShortage`, of a thread that is no worker. */
  tellAllOfShortage(this: void, receiver: ReceiverHandle): void;
  /**
   * For the calls of a listener that no worker has begun yet; as `adoptConnectionFd`. A call that
   * was begun keeps what it was begun with. ENOENT: the listener is gone.
   */
  replaceTerms(
    this: void,
    receiver: ReceiverHandle,
    token: Token,
    registry: Uint8Array,
    handlers: Uint8Array,
    annotations: Uint8Array,
    chain: Uint8Array,
    reads: Uint8Array,
    failureErrno: number,
  ): void;
  /** Of the encoded registry by which the current call is handled, what `registryPart` names. */
  listenerRegistry(this: void, worker: WorkerHandle, token: Token, part: number): Uint8Array;

  /** A new mount for the caller: as `operate`; `ranges` as `mountRange` says. */
  mountAsCaller(this: void, worker: WorkerHandle, memory: Uint8Array, ranges: Int32Array): number;
  /**
   * Does one of `operation` for the caller; `numbers` as `operationNumber` says, strings are in
   * `memory`. `within`, of an operation on files: folders, each with a NUL behind it, outside of which
   * nothing is done (EPERM).
   * @returns 0, a positive errno, or -1 when the notification is gone
   */
  operate(
    this: void,
    worker: WorkerHandle,
    operation: number,
    memory: Uint8Array,
    numbers: Int32Array,
    result: Uint8Array,
    within?: Uint8Array,
  ): number;
  /** Counts what is done at once as an operation of the call. @throws EDQUOT: there were too many */
  countOperation(this: void, worker: WorkerHandle): void;
  /** Copies a descriptor of the caller: its index here, or a negated errno. */
  takeCallerFd(this: void, worker: WorkerHandle, fd: number): number;
  /** Gives the caller a descriptor by its index: its number there, or a negated errno. */
  installFd(this: void, worker: WorkerHandle, index: number, flags: number): number;
  /** The same under this number, in place of what the caller has there. */
  replaceFd(this: void, worker: WorkerHandle, index: number, at: number, flags: number): number;
  /** Bytes of the caller's memory: how many were read, or a negated errno. */
  readArgument(this: void, worker: WorkerHandle, address: bigint, into: Uint8Array): number;
  /** Writes all of the bytes: how many, or a negated errno; EOPNOTSUPP: a signal could come between. */
  writeArgument(this: void, worker: WorkerHandle, address: bigint, bytes: Uint8Array): number;
  /** Fills in what `credentialsLayout` says, cut at the end: 0, a positive errno, or -1: gone. */
  callerCredentials(this: void, worker: WorkerHandle, into: Uint8Array): number;
  /** Fills in what `processLayout` says, cut at the end: 0, a positive errno, or -1: gone. */
  callerProcess(this: void, worker: WorkerHandle, into: Uint8Array): number;
  /** 1: the caller has this Linux capability in a `userNamespace`; 0: it has not; or a negated errno. */
  hasCapability(this: void, worker: WorkerHandle, capability: number, namespace: number): number;
  /** Freezes or thaws a listener's container: 0 or a positive errno. */
  freezeContainer(this: void, receiver: ReceiverHandle, token: Token, isFrozen: number): number;
  /** Fills in what `resourceNumbers` says of a listener's container: 0 or a positive errno. */
  containerResources(this: void, receiver: ReceiverHandle, token: Token, into: Uint8Array): number;

  /** Begins with nothing in it. */
  createState(this: void): StateHandle;
  closeState(this: void, state: StateHandle): void;
  /** Copies a value: its length, or -1: there is no such key. `into` has `mostStateBytes`. */
  stateGet(this: void, state: StateHandle, key: Uint8Array, into: Uint8Array): number;
  /** 0, or ENOSPC; so it is with more keys than `mostKeys`. */
  stateSet(
    this: void,
    state: StateHandle,
    key: Uint8Array,
    value: Uint8Array,
    mostKeys?: number,
  ): number;
  /** Whether there was such a key. */
  stateRemove(this: void, state: StateHandle, key: Uint8Array): boolean;
  /** Adds the s64 in `number` to a counter and leaves the sum there: 0, EINVAL, EOVERFLOW, ENOSPC. */
  stateAdd(
    this: void,
    state: StateHandle,
    key: Uint8Array,
    number: Uint8Array,
    mostKeys?: number,
  ): number;
  /** For tests: act like a kernel before 6.18, whose proc has no option `pidns`. */
  refusePidnsOption(this: void, isRefused: number): void;

  /** Tries something of the kernel, in a process of its own; probe.cc has the names. */
  probe(this: void, name: string): ProbeOutcome;

  /**
   * Runs a program to its end: its arguments, `NAME=value`, what execve(2) is tried with one after
   * the other, its working directory, what it reads, and what it may print, take and open.
   * Error EOPNOTSUPP: nothing here can keep it to these files.
   */
  runProgram(this: void, ...request: ProgramRequest): ProgramResult;
  /** The same in a thread of its own. */
  startProgram(this: void, ...request: ProgramRequest): Promise<ProgramResult>;

  /** `trapped`: pairs of u32, AUDIT_ARCH_* and number, grouped by architecture. */
  launch(
    this: void,
    command: readonly string[],
    environment: readonly string[],
    candidates: readonly string[],
    trapped: Uint8Array,
  ): LaunchHandle;
  launchPid(this: void, launch: LaunchHandle): number;
  /** Whether the kernel took SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV for the command's filter. */
  launchWaitsKillable(this: void, launch: LaunchHandle): boolean;
  /** Adds the command's listener, and watches for the event `exited` of its process. */
  adoptLaunch(
    this: void,
    receiver: ReceiverHandle,
    launch: LaunchHandle,
    registry: Uint8Array,
    handlers: Uint8Array,
    annotations: Uint8Array,
    chain: Uint8Array,
    reads: Uint8Array,
    failureErrno: number,
    paths: Uint8Array,
  ): { readonly listener: Token; readonly process: Token };
  /** Null while it runs. */
  launchExit(this: void, launch: LaunchHandle): LaunchExit | null;
  /** False: it has ended. */
  launchKill(this: void, launch: LaunchHandle, signal: number): boolean;
  closeLaunch(this: void, launch: LaunchHandle): void;
  /** The instructions of a notify filter, eight bytes each. */
  filterBytes(this: void, trapped: Uint8Array): Uint8Array;
}

export type ProgramRequest = readonly [
  command: readonly string[],
  environment: readonly string[],
  candidates: readonly string[],
  folder: string,
  input: Uint8Array,
  mostOutputBytes: number,
  mostMs: number,
  /** All that it may open; absent: whatever we may. */
  ...files: readonly [] | readonly [readable: readonly string[], writable: readonly string[]],
];

export interface ProgramResult {
  /** By itself or a signal; with the next two the code is an errno. Else it was killed. */
  readonly end: 'itself' | 'not-executed' | 'not-prepared' | 'took-too-long' | 'said-too-much';
  /** Its exit code. */
  readonly code: number;
  /** What ended it; 0: none. */
  readonly signal: number;
  /** What it has used of a processor; 0: it was killed. */
  readonly processorMs: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/**
 * Loads the addon. Each thread loads it for itself.
 * @throws AgentError AGENT_ADDON_MISSING
 */
export function loadNative(): Native {
  // the sanitizer build is for the tests of the addon
  const folder = process.env['SECCOMPAGENT_ASAN'] === '1' ? 'build-asan/build' : 'build';
  const file = join(packageRoot(), folder, 'Release/seccompagent.node');
  try {
    return createRequire(import.meta.url)(file) as Native;
  } catch (cause) {
    throw new AgentError(
      'AGENT_ADDON_MISSING',
      `cannot load the native addon ${file}: run "npm ci" in ${packageRoot()}`,
      { cause },
    );
  }
}

/** Undefined: there is none here. What needs no agent does without. */
export function nativeIfThere(): Native | undefined {
  try {
    return loadNative();
  } catch (thrown) {
    if (thrown instanceof AgentError && thrown.code === 'AGENT_ADDON_MISSING') return undefined;
    throw thrown;
  }
}
