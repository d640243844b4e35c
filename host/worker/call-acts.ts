// SPDX-License-Identifier: Apache-2.0
// What a worker does for the call that it answers, whichever handler asks for it.
import { AgentError } from '../errors.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import { mostOperationBytes } from '../handler/operation-request.ts';
import {
  credentialsLayout,
  inbox,
  ofDescriptor,
  operationNumber,
  processLayout,
} from '../native.ts';
import type { Native, WorkerHandle } from '../native.ts';
import { argumentMemory } from '../call/argument-memory.ts';
import type { ArgumentMemory } from '../call/argument-memory.ts';
import { currentDirectory } from '../syscalls/kinds/dirfd.ts';
import type { ReceivedCall } from '../call/received-call.ts';
import type { Syscall } from '../syscalls/syscalls.ts';

const einval = errnoNumber('EINVAL');
const eacces = errnoNumber('EACCES');
const eperm = errnoNumber('EPERM');
const efault = errnoNumber('EFAULT');
const eopnotsupp = errnoNumber('EOPNOTSUPP');
/** NGROUPS_MAX of <linux/limits.h>. */
const mostGroups = 65_536;
/** O_CLOEXEC, the same on all of `arches`. */
const closeOnExec = 0o2000000;
const longestOffset = 0xffff_ffff_ffff_ffffn;

export interface WorkerSide {
  readonly native: Native;
  readonly worker: WorkerHandle;
  readonly call: ReceivedCall;
  /** The syscall being answered. */
  readonly current: () => Syscall | undefined;
  readonly rooms: Rooms;
  /** Told when a signal could come between, so that the caller's memory was not written. */
  readonly onWriteRefused: () => void;
  /** Told when the kernel did not let us take on a caller's label, so that nothing was done. */
  readonly onLabelRefused: (label: string, errno: string) => void;
  /** Told when a caller had too many groups, so that nothing was done. */
  readonly onGroupsRefused: () => void;
}

/** Memory for results, of one worker: made when it is needed, and used again. */
export class Rooms {
  #result: Uint8Array | undefined;
  #credentials: Uint8Array | undefined;

  get result(): Uint8Array {
    this.#result ??= new Uint8Array(mostOperationBytes);
    return this.#result;
  }

  get credentials(): Uint8Array {
    this.#credentials ??= new Uint8Array(credentialsLayout.groups + mostGroups * 4);
    return this.#credentials;
  }
}

/** The errno of a pointer that could not be followed. */
function faultErrno(length: number): number {
  return length === inbox.null || length === inbox.notRead ? efault : -length;
}

/** What the addon throws then. */
interface LabelRefusal {
  readonly label: string;
  readonly code: string;
}

function isLabelRefusal(thrown: unknown): thrown is LabelRefusal {
  return thrown instanceof Error && 'label' in thrown && 'code' in thrown;
}

function isGroupsRefusal(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ETOOMANYREFS';
}

export class CallActs {
  protected readonly side: WorkerSide;

  constructor(side: WorkerSide) {
    this.side = side;
  }

  resultRoom(): Uint8Array {
    return this.side.rooms.result;
  }

  operate(
    operation: number,
    memory: Uint8Array,
    numbers: Int32Array,
    result: Uint8Array,
    within?: Uint8Array,
  ): number {
    const { native, worker } = this.side;
    numbers[operationNumber.dirfd] = this.dirfd();
    numbers[operationNumber.secondDirfd] = this.#secondDirfd();
    this.#markDescriptor(numbers);
    return this.acting('act', () =>
      within === undefined
        ? native.operate(worker, operation, memory, numbers, result)
        : native.operate(worker, operation, memory, numbers, result, within),
    );
  }

  takeFd(fd: number): number {
    const { native, worker } = this.side;
    return this.acting('take a descriptor', () => native.takeCallerFd(worker, fd));
  }

  installFd(descriptor: number, isCloseOnExec: boolean): number {
    const { native, worker } = this.side;
    const flags = isCloseOnExec ? closeOnExec : 0;
    return this.acting('install a descriptor', () => native.installFd(worker, descriptor, flags));
  }

  replaceFd(descriptor: number, fd: number, isCloseOnExec: boolean): number {
    const { native, worker } = this.side;
    const flags = isCloseOnExec ? closeOnExec : 0;
    return this.acting('replace a descriptor', () =>
      native.replaceFd(worker, descriptor, fd, flags),
    );
  }

  argumentSize(argument: number): bigint {
    const memory = this.#memoryOf(argument);
    if (memory.kind === 'none') return BigInt(-einval);
    if (memory.kind === 'fault') return BigInt(-faultErrno(memory.length));
    // the sizes of results are the caller's to choose
    const most = 0x7fff_ffff_ffff_ffffn;
    return memory.size > most ? most : memory.size;
  }

  readArgument(argument: number, offset: bigint, into: Uint8Array): number {
    const memory = this.#memoryOf(argument);
    if (memory.kind === 'none') return -einval;
    if (memory.kind === 'fault') return -faultErrno(memory.length);
    if (offset >= memory.size || into.length === 0) return 0;
    const rest = memory.size - offset;
    const room = rest < BigInt(into.length) ? into.subarray(0, Number(rest)) : into;
    if (memory.kind === 'snapshot') {
      const start = memory.start + Number(offset);
      room.set(this.side.call.bytes.subarray(start, start + room.length));
      return room.length;
    }
    const { native, worker } = this.side;
    const address = memory.address + offset;
    if (address > longestOffset) return -efault;
    return this.acting('read memory', () => native.readArgument(worker, address, room));
  }

  writeArgument(argument: number, offset: bigint, bytes: Uint8Array): number {
    const memory = this.#memoryOf(argument);
    if (memory.kind === 'fault') return faultErrno(memory.length);
    if (memory.kind !== 'memory' || !memory.isResult) return einval;
    if (offset + BigInt(bytes.length) > memory.size) return einval;
    if (bytes.length === 0) return 0;
    const { native, worker } = this.side;
    const address = memory.address + offset;
    if (address > longestOffset) return efault;
    const done = this.acting('write memory', () => native.writeArgument(worker, address, bytes));
    if (done === -eopnotsupp) this.side.onWriteRefused();
    return done < 0 ? -done : 0;
  }

  credentials(): Uint8Array | number {
    const { native, worker, rooms } = this.side;
    const into = rooms.credentials;
    const errno = this.acting('read credentials', () => native.callerCredentials(worker, into));
    return errno === 0 ? into : errno;
  }

  process(): Uint8Array | number {
    const { native, worker } = this.side;
    const into = new Uint8Array(processLayout.size);
    const errno = this.acting('look at the process', () => native.callerProcess(worker, into));
    return errno === 0 ? into : errno;
  }

  hasCapability(capability: number, where: number): number {
    const { native, worker } = this.side;
    // there are 64 at most, and none has a number above
    if (capability >= 64) return -einval;
    return this.acting('look at Linux capabilities', () =>
      native.hasCapability(worker, capability, where),
    );
  }

  /** Where the (first) path of the call starts. */
  protected dirfd(): number {
    const syscall = this.side.current();
    return syscall === undefined ? currentDirectory : this.side.call.dirfd(syscall);
  }

  /** What fails here is ours: errors of the caller's own are values. */
  protected acting(step: string, act: () => number): number {
    try {
      return act();
    } catch (cause) {
      if (isLabelRefusal(cause)) {
        this.side.onLabelRefused(cause.label, cause.code);
        return eacces;
      }
      if (isGroupsRefusal(cause)) {
        this.side.onGroupsRefused();
        return eperm;
      }
      // more operations than a call may have are the handler's own fault
      const isTooMuch = cause instanceof Error && 'code' in cause && cause.code === 'EDQUOT';
      throw new AgentError(
        isTooMuch ? 'AGENT_HANDLER_FAILED' : 'AGENT_CALLER',
        `cannot ${step} for the caller`,
        { cause },
      );
    }
  }

  /** What the host does at once is an operation, too. */
  protected counting(step: string): void {
    this.acting(step, () => {
      this.side.native.countOperation(this.side.worker);
      return 0;
    });
  }

  #secondDirfd(): number {
    const syscall = this.side.current();
    return syscall === undefined ? currentDirectory : this.side.call.secondDirfd(syscall);
  }

  /** Without a path, what is meant in a call that takes none is what its descriptor stands for. */
  #markDescriptor(numbers: Int32Array): void {
    const isMeant = numbers[operationNumber.path + 1] === 0;
    if (!isMeant || this.side.current()?.isOfDescriptor !== true) return;
    numbers[operationNumber.flags] = (numbers[operationNumber.flags] ?? 0) | ofDescriptor;
  }

  #memoryOf(argument: number): ArgumentMemory {
    const syscall = this.side.current();
    return syscall === undefined
      ? { kind: 'none' }
      : argumentMemory(this.side.call, syscall, argument);
  }
}
