// SPDX-License-Identifier: Apache-2.0
// The typed face of the addon, and the only importer of the .node file. Its tables, handles and
// objects are in border/.
import { createRequire } from 'node:module';
import { join } from 'node:path';

import type {
  ConnectionId,
  LaunchHandle,
  ReceiverHandle,
  SocketHandle,
  StateHandle,
  Token,
  WorkerHandle,
} from './border/handles.ts';
import type {
  AdoptedListener,
  LaunchedListener,
  ListenerTerms,
  ProgramRequest,
} from './border/requests.ts';
import type {
  FirstLook,
  FoundProcess,
  LaunchExit,
  ProbeOutcome,
  ProgramResult,
  ReceiverEvent,
  SocketEvent,
} from './border/results.ts';
import { AgentError } from './errors.ts';
import { packageRoot } from './package-root.ts';

export {
  answerKind,
  arches,
  argumentCount,
  eventKind,
  helperFailure,
  inbox,
  newTime,
  numbersPerArch,
  readKind,
  timeChange,
} from './border/calls.ts';
export {
  credentialsLayout,
  processLayout,
  resourceNumbers,
  userNamespace,
} from './border/caller.ts';
export {
  locationNumbers,
  lookedUp,
  mountRange,
  ofDescriptor,
  operation,
  operationNumber,
  statNumbers,
} from './border/operations.ts';
export { actingLink, receiverEventKind, registryPart } from './border/receiver.ts';
export { noState, tokenOf } from './border/handles.ts';
export type * from './border/handles.ts';
export type * from './border/requests.ts';
export type * from './border/results.ts';

/**
 * The addon's exports. Each throws an Error with `code`, `errno` and `syscall` where a system call
 * fails, and a TypeError for arguments of a wrong type.
 */
export interface Native {
  /** Makes this process undumpable, see PR_SET_DUMPABLE in prctl(2). */
  harden(this: void): void;
  /** Memory of this process, see `statm` in proc(5); needs a descriptor the first time only. @throws EMFILE */
  residentBytes(this: void): number;
  /** This thread and all that it starts get an empty session keyring, unless a filter forbids it. @throws EDQUOT and others */
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
  /** Those that `findFirstProcess` is to ask about: what a state says, or else (0) the sender. */
  keepAsked(
    this: void,
    socket: SocketHandle,
    connection: ConnectionId,
    senderPid: number,
    senderUid: number,
    said: number,
  ): void;
  /**
   * Resolves to the container's first process: what was said, else whose pid namespace the sender or a
   * child of its has entered. Null: that is nobody, or, for others than root, none of this user's
   * processes. A process takes as long as it likes.
   */
  findFirstProcess(
    this: void,
    socket: SocketHandle,
    connection: ConnectionId,
    senderUid: number,
  ): Promise<FoundProcess | null>;
  /**
   * Keeps the first process's view of proc and sysfs, for `adoptConnectionFd` with the same number: later
   * it may see what the container has made. Whoever makes mounts decides how long it takes.
   */
  lookAtFirstProcess(
    this: void,
    socket: SocketHandle,
    connection: ConnectionId,
    firstPid: number,
  ): Promise<FirstLook>;
  /**
   * Looks for the paths that are to be held for the listener, with a NUL behind each, in the first process
   * that `lookAtFirstProcess` has seen: until it resolves, which takes long where file systems do not
   * answer. Resolves to the bytes that are kept of both looks. `owner`: the number of whom looks count
   * that hang; users are counted by `peerUid`.
   */
  findPaths(
    this: void,
    socket: SocketHandle,
    connection: ConnectionId,
    firstPid: number,
    paths: Uint8Array,
    owner: number,
    peerUid: number,
  ): Promise<number>;
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
    minWorkers: number,
  ): ReceiverHandle;
  /**
   * The buffer that quarantines handlers that exceeded their deadline; see quarantine.ts. The memory
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
  /** Takes over a descriptor of a connection. */
  adoptConnectionFd(this: void, receiver: ReceiverHandle, listener: AdoptedListener): Token;
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
   * All of a regular file that a runtime names. Rejects: EFBIG: it has more than `maxBytes`. EPERM:
   * it is neither root's nor that of the user `owner`. ETIMEDOUT: its file system does not answer.
   */
  readRuntimeFile(this: void, path: string, maxBytes: number, owner: number): Promise<Uint8Array>;
  /** No other process has it until the machine starts anew; null: it has ended. See known-process.ts. */
  processIdentity(this: void, pid: number): string | null;
  /**
   * Kills a listener's container: 0 or a positive errno. ESRCH: its first process has ended, or
   * nobody knew it. EPERM: only that one was killed.
   */
  killContainer(this: void, receiver: ReceiverHandle, token: Token): number;
  /** Kills a listener's first process alone, and waits for nobody. As `killContainer`. */
  killFirstProcess(this: void, receiver: ReceiverHandle, token: Token): number;
  /**
   * As `killContainer`, or as `freezeContainer` with `isFreeze`, in a thread: a container may have
   * thousands of processes and cgroups. EAGAIN: there is no thread for it.
   */
  stopContainer(
    this: void,
    receiver: ReceiverHandle,
    token: Token,
    isFreeze: number,
  ): Promise<number>;

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
   * For the calls of a listener that no worker has begun yet. A call that was begun keeps its terms.
   * ENOENT: the listener is gone.
   */
  replaceTerms(this: void, receiver: ReceiverHandle, token: Token, terms: ListenerTerms): void;
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
  /** The same of strings behind pointers of so many bits, as string_list.h has them. */
  readStrings(this: void, worker: WorkerHandle, at: bigint, bits: number, to: Uint8Array): number;
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

  /**
   * Begins with nothing in it. All states of a payer have at most `ofPayer` bytes, and those of all
   * users, or of all others, `ofAll` and, evenly among payers, `divided`: from now on, of each of them.
   */
  createState(
    this: void,
    isUsers: number,
    payer: string,
    ofPayer: number,
    ofAll: number,
    divided: number,
  ): StateHandle;
  closeState(this: void, state: StateHandle): void;
  /** Copies a value: its length, or -1: there is no such key. `into` has `maxStateBytes`. */
  stateGet(this: void, state: StateHandle, key: Uint8Array, into: Uint8Array): number;
  /** 0, or ENOSPC, also where others have filled what is there; so it is with more keys than `maxKeys`. */
  stateSet(
    this: void,
    state: StateHandle,
    key: Uint8Array,
    value: Uint8Array,
    maxKeys?: number,
  ): number;
  /** Whether there was such a key. */
  stateRemove(this: void, state: StateHandle, key: Uint8Array): boolean;
  /** Adds the s64 in `number` to a counter and leaves the sum there: 0, EINVAL, EOVERFLOW, ENOSPC. */
  stateAdd(
    this: void,
    state: StateHandle,
    key: Uint8Array,
    number: Uint8Array,
    maxKeys?: number,
  ): number;
  /** For tests: act like a kernel before 6.18, whose proc has no option `pidns`. */
  refusePidnsOption(this: void, isRefused: number): void;

  /** Tries something of the kernel, in a process of its own; probe.cc has the names. */
  probe(this: void, name: string): ProbeOutcome;

  /**
   * Runs a program to its end.
   * @throws EOPNOTSUPP: nothing here can keep it to its files
   */
  runProgram(this: void, request: ProgramRequest): ProgramResult;
  /** The same in a thread of its own. */
  startProgram(this: void, request: ProgramRequest): Promise<ProgramResult>;

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
    listener: LaunchedListener,
  ): { readonly listener: Token; readonly process: Token };
  /** Null while it runs. */
  launchExit(this: void, launch: LaunchHandle): LaunchExit | null;
  /** False: it has ended. */
  launchKill(this: void, launch: LaunchHandle, signal: number): boolean;
  closeLaunch(this: void, launch: LaunchHandle): void;
  /** The instructions of a notify filter, eight bytes each. */
  filterBytes(this: void, trapped: Uint8Array): Uint8Array;
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
