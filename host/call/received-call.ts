// SPDX-License-Identifier: Apache-2.0
// One received call, read where the addon wrote it: the only snapshot that anybody sees.
import type { Decision } from './action.ts';
import { inboxPages } from './inbox-names.ts';
import { answerKind, argumentCount, inbox } from '../native.ts';
import { errnoNameOf } from '../syscalls/errno.ts';
import type { ErrnoName } from '../syscalls/errno.ts';
import { openHow, xattrArgs, xattrRoom } from '../syscalls/parameter-source.ts';
import type { Argument } from '../syscalls/syscall-table.ts';
import type { Syscall } from '../syscalls/syscalls.ts';

/** AT_FDCWD of <fcntl.h>. */
export const currentDirectory = -100;

const modeMask = 0xffff;
const idMask = 0xffff;
const unchangedId = 0xffff_ffff;

/** What an argument says, for handlers that take any call. */
export type DecodedValue =
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'null' }
  | { readonly kind: 'fault'; readonly errno: ErrnoName }
  /** A pointer that is not followed. */
  | { readonly kind: 'unread' };

export interface DecodedArgument {
  readonly name: string;
  readonly value: DecodedValue;
}

function decodedInteger(name: string, value: number | bigint): DecodedArgument {
  return { name, value: { kind: 'integer', value: BigInt(value) } };
}

/** Views of an inbox. Its values change with each receive, which also sends the answer. */
export class ReceivedCall {
  readonly bytes: Uint8Array;
  /** Holds the inbox and, behind it, names of system calls: trampolines copy out of it. */
  readonly memory: WebAssembly.Memory;
  readonly #u32: Uint32Array;
  readonly #i32: Int32Array;
  readonly #u64: BigUint64Array;
  readonly #view: DataView;

  constructor() {
    // it must never grow: a memory that does gives up its buffer, which the addon writes into
    this.memory = new WebAssembly.Memory({ initial: inboxPages, maximum: inboxPages });
    const { buffer } = this.memory;
    this.bytes = new Uint8Array(buffer, 0, inbox.size);
    this.#u32 = new Uint32Array(buffer);
    this.#i32 = new Int32Array(buffer);
    this.#u64 = new BigUint64Array(buffer);
    this.#view = new DataView(buffer);
  }

  get token(): number {
    return this.#u32[inbox.token / 4] ?? 0;
  }

  /** Which registry the call is handled by: another listener's, or a newer one, has another number. */
  get terms(): number {
    return this.#u32[inbox.terms / 4] ?? 0;
  }

  get tid(): number {
    return this.#u32[inbox.tid / 4] ?? 0;
  }

  /** An index into `arches`; past its end when the kernel reported another architecture. */
  get arch(): number {
    return this.#u32[inbox.arch / 4] ?? 0;
  }

  /** AUDIT_ARCH_* as the kernel reported it. */
  get auditArch(): number {
    return this.#u32[inbox.auditArch / 4] ?? 0;
  }

  get number(): number {
    return this.#u32[inbox.number / 4] ?? 0;
  }

  get id(): bigint {
    return this.#u64[inbox.id / 8] ?? 0n;
  }

  /** With any event: whether the notification answered before it was gone by then. Normal. */
  get wasGone(): boolean {
    return this.#u32[inbox.wasGone / 4] === 1;
  }

  /** How long the call before took, in microseconds. */
  get previousTookUs(): number {
    return this.#u32[inbox.took / 4] ?? 0;
  }

  /** Says which handler runs from now on, and how long it may take of its own. */
  enter(link: number, deadlineMs: number): void {
    this.#u32[inbox.link / 4] = link + 1;
    this.#u32[inbox.deadline / 4] = deadlineMs;
  }

  /**
   * Puts the answer where the next receive sends it from.
   * @param slot which counters count the call
   */
  answer(action: Decision, slot: number): void {
    this.#u32[inbox.answerSlot / 4] = slot;
    switch (action.kind) {
      case 'delay':
        this.answer(action.answer, slot);
        this.#u32[inbox.answerDelay / 4] = action.delayMs;
        break;
      case 'continue':
        this.#u32[inbox.answerKind / 4] = answerKind.continue;
        break;
      case 'descriptor':
        this.#u64[inbox.answerValue / 8] = BigInt(action.descriptor);
        this.#i32[inbox.answerErrno / 4] = action.isCloseOnExec ? 1 : 0;
        this.#u32[inbox.answerKind / 4] = answerKind.descriptor;
        break;
      case 'fail':
        this.#i32[inbox.answerErrno / 4] = action.number;
        this.#u32[inbox.answerKind / 4] = answerKind.errno;
        break;
      case 'value':
        this.#u64[inbox.answerValue / 8] = action.value;
        this.#u32[inbox.answerKind / 4] = answerKind.value;
    }
  }

  /** The same for a call that the agent or a handler failed at. */
  answerFailure(action: Decision, slot: number): void {
    this.answer(action, slot);
    this.#u32[inbox.answerFailed / 4] = 1;
  }

  register(index: number): bigint {
    return this.#u64[inbox.registers / 8 + index] ?? 0n;
  }

  /** The low half of a register, unsigned. */
  low(index: number): number {
    return this.#u32[inbox.registers / 4 + 2 * index] ?? 0;
  }

  /** Bytes read behind a pointer; or `inbox.null`, `inbox.notRead` or a negated errno. */
  pointerLength(index: number): number {
    return this.#i32[inbox.pointers / 4 + 2 * index] ?? inbox.notRead;
  }

  pointerOffset(index: number): number {
    return this.#u32[inbox.pointers / 4 + 2 * index + 1] ?? 0;
  }

  /** The dirfd that the call's path resolves against. */
  dirfd(syscall: Syscall): number {
    return syscall.dirfdIndex < 0 ? currentDirectory : this.low(syscall.dirfdIndex) | 0;
  }

  /** The same of its second path. */
  secondDirfd(syscall: Syscall): number {
    return syscall.secondDirfdIndex < 0 ? currentDirectory : this.low(syscall.secondDirfdIndex) | 0;
  }

  mode(index: number): number {
    return this.low(index) & modeMask;
  }

  /** An id of 16 bits: the highest one says that nothing changes. */
  id16(index: number): number {
    const id = this.low(index) & idMask;
    return id === idMask ? unchangedId : id;
  }

  /** A number of 4 bytes among those that a pointer leads to. */
  field(index: number, offset: number): number {
    return this.#view.getUint32(this.pointerOffset(index) + offset, true);
  }

  /** The same of 8 bytes. */
  wideField(index: number, offset: number): bigint {
    return this.#view.getBigUint64(this.pointerOffset(index) + offset, true);
  }

  /** Copies of all arguments, by their declared types. */
  decode(syscall: Syscall): readonly DecodedArgument[] {
    return syscall.arguments
      .slice(0, argumentCount)
      .flatMap((argument, index) => this.#decodeArgument(argument, index));
  }

  #decodeArgument({ name, kind }: Argument, index: number): readonly DecodedArgument[] {
    const integer = (value: number | bigint): readonly DecodedArgument[] => [
      decodedInteger(name, value),
    ];
    switch (kind) {
      case 'dirfd':
      case 'fd':
        return integer(this.low(index) | 0);
      case 'mode':
        return integer(this.mode(index));
      case 'uint':
      case 'device':
        return integer(this.low(index));
      case 'id16':
        return integer(this.id16(index));
      case 'ulong':
        return integer(this.register(index));
      case 'path':
      case 'source':
      case 'mount-data':
      case 'xattr-name':
      case 'xattr-value':
        return [{ name, value: this.#decodePointer(index, 0) }];
      case 'open-how':
      case 'xattr-args':
      case 'xattr-room':
        return this.#decodeStruct(name, kind, index);
      case 'result':
      case 'room':
      case 'data':
      case 'address':
        return [{ name, value: { kind: this.register(index) === 0n ? 'null' : 'unread' } }];
    }
  }

  #decodeStruct(
    name: string,
    kind: 'open-how' | 'xattr-args' | 'xattr-room',
    index: number,
  ): readonly DecodedArgument[] {
    if (this.pointerLength(index) < 0) return [{ name, value: this.#decodePointer(index, 0) }];
    switch (kind) {
      case 'open-how':
        return [
          decodedInteger('flags', this.wideField(index, openHow.flags)),
          decodedInteger('mode', this.wideField(index, openHow.mode)),
          decodedInteger('resolve', this.wideField(index, openHow.resolve)),
        ];
      case 'xattr-args':
        return [
          { name, value: this.#decodePointer(index, xattrArgs.value) },
          decodedInteger('flags', this.field(index, xattrArgs.flags)),
        ];
      case 'xattr-room': {
        const isNull = this.wideField(index, xattrRoom.address) === 0n;
        return [
          { name, value: { kind: isNull ? 'null' : 'unread' } },
          decodedInteger('size', this.field(index, xattrRoom.size)),
        ];
      }
    }
  }

  /** @param skip so many bytes are none of its own */
  #decodePointer(index: number, skip: number): DecodedValue {
    const length = this.pointerLength(index);
    if (length === inbox.null) return { kind: 'null' };
    if (length < 0) return { kind: 'fault', errno: errnoNameOf(-length) ?? 'EFAULT' };
    const offset = this.pointerOffset(index);
    return { kind: 'bytes', bytes: this.bytes.slice(offset + skip, offset + length) };
  }
}
