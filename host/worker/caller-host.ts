// SPDX-License-Identifier: Apache-2.0
// Host functions that act for the caller, whoever calls them: a handler, or the action `perform`.
import { AgentError } from '../errors.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import { maxRequestBytes } from '../call/host.ts';
import type { Host, HostRequest } from '../call/host.ts';
import type { HostFunction } from '../call/host-functions.ts';
import { isLookUp } from '../call/location.ts';
import { pathMeaning } from '../call/path-meaning.ts';
import type { PathMeaning } from '../call/path-meaning.ts';
import {
  credentialsLayout,
  inbox,
  lookedUp,
  ofDescriptor,
  operation,
  operationNumber,
  processLayout,
} from '../native.ts';
import type { Native, WorkerHandle } from '../native.ts';
import { argumentMemory, argumentStrings } from '../call/argument-memory.ts';
import type { ArgumentMemory } from '../call/argument-memory.ts';
import { otherOpenFlags } from '../syscalls/open-flags.ts';
import { currentDirectory } from '../syscalls/kinds/dirfd.ts';
import type { ReceivedCall } from '../call/received-call.ts';
import type { Syscall } from '../syscalls/syscalls.ts';

const einval = errnoNumber('EINVAL');
const eacces = errnoNumber('EACCES');
const eperm = errnoNumber('EPERM');
const efault = errnoNumber('EFAULT');
const eopnotsupp = errnoNumber('EOPNOTSUPP');
/** Callers with more are refused, see native/caller/target.h. */
const maxGroups = 1024;
/** O_CLOEXEC, the same on all of `arches`. */
const closeOnExec = 0o2000000;
const maxAddress = 0xffff_ffff_ffff_ffffn;
/** The caller chooses the size of a result. */
const maxSize = 0x7fff_ffff_ffff_ffffn;

export interface WorkerSide {
  readonly native: Native;
  readonly worker: WorkerHandle;
  readonly call: ReceivedCall;
  /** The syscall being answered. */
  readonly current: () => Syscall | undefined;
  readonly scratch: ScratchBuffers;
  /** Notified when the caller's memory was not written, since a signal could interrupt the write. */
  readonly onWriteRefused: () => void;
  /** Notified when the kernel did not let us assume a caller's label, so that nothing was done. */
  readonly onLabelRefused: (label: string, errno: string) => void;
  /** Notified when a caller had too many groups, so that nothing was done. */
  readonly onGroupsRefused: () => void;
}

/** Memory for results, of one worker: made when it is needed, and used again. */
export class ScratchBuffers {
  #result: Uint8Array | undefined;
  #credentials: Uint8Array | undefined;
  #sum: BigInt64Array<ArrayBuffer> | undefined;

  get result(): Uint8Array {
    this.#result ??= new Uint8Array(maxRequestBytes);
    return this.#result;
  }

  get credentials(): Uint8Array {
    this.#credentials ??= new Uint8Array(credentialsLayout.groups + maxGroups * 4);
    return this.#credentials;
  }

  /** One number. */
  get sum(): BigInt64Array<ArrayBuffer> {
    this.#sum ??= new BigInt64Array(1);
    return this.#sum;
  }
}

/** The errno of a pointer that could not be followed. */
function faultErrno(length: number): number {
  return length === inbox.null || length === inbox.notRead ? efault : -length;
}

/** Thrown by the addon. */
interface LabelRefusal {
  readonly label: string;
  readonly code: string;
}

function isLabelRefusal(thrown: unknown): thrown is LabelRefusal {
  return thrown instanceof Error && 'label' in thrown && 'code' in thrown;
}

function isCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}

export class CallerHost implements Host {
  /** Of look-ups, which have other numbers than their request. */
  readonly #lookUpNumbers = new Int32Array(operationNumber.count);
  protected readonly side: WorkerSide;

  constructor(side: WorkerSide) {
    this.side = side;
  }

  /** @throws AgentError for failures of ours; errors of the caller's own are replies */
  call(request: HostRequest): number {
    try {
      return this.act(request);
    } catch (cause) {
      return this.#failure(request, cause);
    }
  }

  protected act(request: HostRequest): number {
    const { native, worker } = this.side;
    const kind: string = request.of.kind;
    switch (kind) {
      case 'operate':
        return isLookUp(request.of) ? this.#lookUp(request) : this.#operate(request);
      case 'read':
        return this.#readArgument(request);
      case 'strings':
        return this.#readStrings(request);
      case 'write':
        return this.#writeArgument(request);
      case 'size':
        request.wide = this.#sizeOf(request.argument);
        return 0;
      case 'take':
        return native.takeCallerFd(worker, request.fd);
      case 'install':
        return native.installFd(worker, request.descriptor, flagsOf(request));
      case 'replace':
        return native.replaceFd(worker, request.descriptor, request.fd, flagsOf(request));
      case 'credentials':
        return this.#credentials(request);
      case 'process':
        request.result = this.buffer(processLayout.size);
        request.length = processLayout.size;
        return native.callerProcess(worker, request.result);
      case 'capability':
        // there are 64 at most, and none has a number above
        return request.capability >= 64
          ? -einval
          : native.hasCapability(worker, request.capability, request.where);
      case 'mount':
        return native.mountAsCaller(worker, request.memory, request.numbers);
      default:
        throw new RangeError('this host has no such function');
    }
  }

  /** Bytes behind the groups in the buffer are another caller's. */
  #credentials(request: HostRequest): number {
    const bytes = this.side.scratch.credentials;
    const reply = this.side.native.callerCredentials(this.side.worker, bytes);
    const count = new DataView(bytes.buffer).getUint32(credentialsLayout.groupCount, true);
    request.result = bytes;
    request.length = credentialsLayout.groups + Math.min(count, maxGroups) * 4;
    return reply;
  }

  /** The first bytes of the worker's buffer. */
  protected buffer(size: number): Uint8Array {
    return this.side.scratch.result.subarray(0, size);
  }

  #failure({ of }: HostRequest, cause: unknown): number {
    if (isLabelRefusal(cause)) {
      this.side.onLabelRefused(cause.label, cause.code);
      return of.reply === 'value' ? -eacces : eacces;
    }
    if (isCode(cause, 'ETOOMANYREFS')) {
      this.side.onGroupsRefused();
      return of.reply === 'value' ? -eperm : eperm;
    }
    // more operations than a call may have are the handler's own fault
    throw new AgentError(
      isCode(cause, 'EDQUOT') ? 'AGENT_HANDLER_FAILED' : 'AGENT_CALLER',
      `cannot call ${of.capability}.${of.name} for the caller`,
      { cause },
    );
  }

  #operate(request: HostRequest): number {
    const { native, worker, call, scratch } = this.side;
    const { of, memory, numbers, within } = request;
    const syscall = this.side.current();
    numbers[operationNumber.dirfd] = syscall === undefined ? currentDirectory : call.dirfd(syscall);
    numbers[operationNumber.secondDirfd] =
      syscall === undefined ? currentDirectory : call.secondDirfd(syscall);
    if (syscall !== undefined && call.isOfDescriptor(syscall)) markDescriptor(numbers);
    const areOther = of.operation === 'open' && process.arch === 'arm64';
    if (areOther) moveOpenFlags(numbers);
    const { result } = scratch;
    request.result = result;
    const errno =
      within === undefined
        ? native.operate(worker, of.operationCode, memory, numbers, result)
        : native.operate(worker, of.operationCode, memory, numbers, result, within);
    // observers and recordings have them as handlers do
    if (areOther) moveOpenFlags(numbers);
    request.length = of.size ?? numbers[operationNumber.resultLength] ?? 0;
    return errno;
  }

  /** By the meaning that the path has in the call, whose flags count. */
  #lookUp(request: HostRequest): number {
    const { native, worker, call, scratch } = this.side;
    const { numbers, of, within } = request;
    const syscall = this.side.current();
    if (syscall === undefined) return einval;
    const isSecond = of.name === 'resolve-new';
    const meaning = of.isLent ? folderMeaning : pathMeaning(call, syscall, isSecond);
    const own = this.#lookUpNumbers;
    own.set(numbers);
    own[operationNumber.dirfd] = isSecond ? call.secondDirfd(syscall) : call.dirfd(syscall);
    // a bit that is none of open(2) is this side's own
    own[operationNumber.flags] = meaning.flags & ~ofDescriptor;
    own[operationNumber.low] = Number(BigInt.asIntN(32, meaning.resolve));
    own[operationNumber.high] = Number(BigInt.asIntN(32, meaning.resolve >> 32n));
    own[operationNumber.first] = lookedUpOf(of, isSecond);
    if (!isSecond && call.isOfDescriptor(syscall)) markDescriptor(own);
    if (process.arch === 'arm64' && meaning.lookUp === operation.locateOpened) moveOpenFlags(own);
    const { result } = scratch;
    request.result = result;
    const errno =
      within === undefined
        ? native.operate(worker, meaning.lookUp, request.memory, own, result)
        : native.operate(worker, meaning.lookUp, request.memory, own, result, within);
    request.length = own[operationNumber.resultLength] ?? 0;
    return errno;
  }

  #sizeOf(argument: number): bigint {
    const memory = this.#memoryOf(argument);
    if (memory.kind === 'none') return BigInt(-einval);
    if (memory.kind === 'fault') return BigInt(-faultErrno(memory.length));
    return memory.size > maxSize ? maxSize : memory.size;
  }

  #readArgument(request: HostRequest): number {
    const { offset, max } = request;
    request.length = 0;
    const memory = this.#memoryOf(request.argument);
    if (memory.kind === 'none') return -einval;
    if (memory.kind === 'fault') return -faultErrno(memory.length);
    if (offset >= memory.size || max === 0) return 0;
    const rest = memory.size - offset;
    const buffer = this.buffer(rest < BigInt(max) ? Number(rest) : max);
    request.result = buffer;
    const got =
      memory.kind === 'snapshot'
        ? this.#readSnapshot(memory.start + Number(offset), buffer)
        : this.#readMemory(memory.address + offset, buffer);
    request.length = Math.max(got, 0);
    return got;
  }

  #readStrings(request: HostRequest): number {
    const { native, worker, call, scratch } = this.side;
    request.length = 0;
    const syscall = this.side.current();
    const list = syscall && argumentStrings(call, syscall, request.argument);
    if (list === undefined) return einval;
    const { result } = scratch;
    request.result = result;
    const got = native.readStrings(worker, list.address, list.pointerBits, result);
    request.length = Math.max(got, 0);
    return got < 0 ? -got : 0;
  }

  #readSnapshot(start: number, buffer: Uint8Array): number {
    buffer.set(this.side.call.bytes.subarray(start, start + buffer.length));
    return buffer.length;
  }

  #readMemory(address: bigint, buffer: Uint8Array): number {
    return address > maxAddress
      ? -efault
      : this.side.native.readArgument(this.side.worker, address, buffer);
  }

  #writeArgument({ argument, offset, bytes }: HostRequest): number {
    const memory = this.#memoryOf(argument);
    if (memory.kind === 'fault') return faultErrno(memory.length);
    if (memory.kind !== 'memory' || !memory.isResult) return einval;
    if (offset + BigInt(bytes.length) > memory.size) return einval;
    if (bytes.length === 0) return 0;
    const address = memory.address + offset;
    if (address > maxAddress) return efault;
    const done = this.side.native.writeArgument(this.side.worker, address, bytes);
    if (done === -eopnotsupp) this.side.onWriteRefused();
    return done < 0 ? -done : 0;
  }

  #memoryOf(argument: number): ArgumentMemory {
    const syscall = this.side.current();
    return syscall === undefined
      ? { kind: 'none' }
      : argumentMemory(this.side.call, syscall, argument);
  }
}

function flagsOf({ isCloseOnExec }: HostRequest): number {
  return isCloseOnExec ? closeOnExec : 0;
}

/** Of a folder that a policy names: its links are followed. */
const folderMeaning: PathMeaning = { lookUp: operation.locateFile, flags: 0, resolve: 0n };

function lookedUpOf({ isLent }: HostFunction, isSecond: boolean): number {
  if (isLent) return lookedUp.neither;
  return isSecond ? lookedUp.second : lookedUp.first;
}

/** Into the flags of this machine, and back. */
function moveOpenFlags(numbers: Int32Array): void {
  const flags = BigInt(numbers[operationNumber.flags] ?? 0);
  numbers[operationNumber.flags] = Number(BigInt.asIntN(32, otherOpenFlags(flags)));
}

/** Without a path, an operation in a call that has none is on what the call's descriptor refers to. */
function markDescriptor(numbers: Int32Array): void {
  if (numbers[operationNumber.path + 1] !== 0) return;
  numbers[operationNumber.flags] = (numbers[operationNumber.flags] ?? 0) | ofDescriptor;
}
