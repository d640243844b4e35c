// SPDX-License-Identifier: Apache-2.0
// One received call, read where the addon wrote it: the only snapshot that anybody sees.
import type { Decision } from './action.ts';
import { inboxPages } from './inbox-names.ts';
import { answerKind, argumentCount, inbox } from '../native.ts';
import { errnoNameOf } from '../syscalls/errno.ts';
import type { ErrnoName } from '../syscalls/errno.ts';
import { currentDirectory } from '../syscalls/kinds/dirfd.ts';
import { numberIn } from '../syscalls/kinds/kind.ts';
import type { NumberForm, PointerKind, StructField } from '../syscalls/kinds/kind.ts';
import { xattrRoomPlace } from '../syscalls/kinds/xattr-room.ts';
import { otherOpenFlags } from '../syscalls/open-flags.ts';
import type { Argument } from '../syscalls/syscall-table.ts';
import type { Syscall } from '../syscalls/syscalls.ts';

/** Value of an argument, for handlers that take any call. */
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

type FieldPlace = Pick<StructField, 'offset' | 'size' | 'isOfArm'>;

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

  /** The registry that handles the call: another listener's, or a newer one, has another number. */
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

  /** Duration of the call before, in microseconds. */
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

  /** A helper answers. @param number names the call when it is heard of again */
  answerHanded(number: number): void {
    this.#u64[inbox.answerValue / 8] = BigInt(number);
    this.#u32[inbox.answerKind / 4] = answerKind.handed;
  }

  /** Of an event that tells what came of such a call: its number. */
  get performedNumber(): number {
    return Number(this.#u64[inbox.answerValue / 8]);
  }

  /** The errno that it has got; 0: none. */
  get performedErrno(): number {
    return this.#i32[inbox.answerErrno / 4] ?? 0;
  }

  /** One of {@link helperFailure}; if it is not `none`, the failure policy has answered. */
  get performedFailure(): number {
    return this.#u32[inbox.answerHelperFailure / 4] ?? 0;
  }

  /** @param slot which counters count it */
  countPerformed(slot: number): void {
    this.#u32[inbox.answerSlot / 4] = slot;
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

  /** The call acts on the file that its descriptor refers to: it takes no path, or NULL. */
  isOfDescriptor({ isOfDescriptor, followed }: Syscall): boolean {
    if (isOfDescriptor) return true;
    for (const { index, whenNull } of followed) {
      if (typeof whenNull === 'object' && this.pointerLength(index) === inbox.null) return true;
    }
    return false;
  }

  /** The same of its second path. */
  secondDirfd(syscall: Syscall): number {
    return syscall.secondDirfdIndex < 0 ? currentDirectory : this.low(syscall.secondDirfdIndex) | 0;
  }

  /** The number that an argument is; negative only where its form is signed. */
  argument(index: number, form: NumberForm): bigint {
    return numberIn(
      form,
      this.register(index),
      form.isPair === true ? this.register(index + 1) : 0n,
    );
  }

  /** A number of 4 bytes among those that a pointer leads to. */
  field(index: number, offset: number): number {
    return this.#view.getUint32(this.pointerOffset(index) + offset, true);
  }

  /** The same of 8 bytes. */
  wideField(index: number, offset: number): bigint {
    return this.#view.getBigUint64(this.pointerOffset(index) + offset, true);
  }

  /** A field of either size, unsigned. */
  fieldNumber(index: number, { offset, size, isOfArm }: FieldPlace): bigint {
    const value = size === 8 ? this.wideField(index, offset) : BigInt(this.field(index, offset));
    return isOfArm === true ? otherOpenFlags(value) : value;
  }

  /** Copies of all arguments, by their declared types. */
  decode(syscall: Syscall): readonly DecodedArgument[] {
    return syscall.arguments
      .slice(0, argumentCount)
      .flatMap((argument, index) => this.#decodeArgument(argument, index));
  }

  #decodeArgument({ name, kind }: Argument, index: number): readonly DecodedArgument[] {
    if (kind.type === 'number') return [decodedInteger(name, this.argument(index, kind.form))];
    if (kind.fields === undefined) return [{ name, value: this.#decodePointer(index, kind) }];
    const fault = this.pointerLength(index) < 0;
    const first = fault || kind.hasOnlyFields !== true;
    return [
      ...(first ? [{ name, value: this.#decodePointer(index, kind) }] : []),
      ...(fault ? [] : kind.fields.map((field) => this.#decodeField(index, field))),
    ];
  }

  #decodeField(index: number, field: StructField): DecodedArgument {
    const { name, size, isSigned } = field;
    const value = this.fieldNumber(index, field);
    return decodedInteger(name, isSigned === true ? BigInt.asIntN(size * 8, value) : value);
  }

  #decodePointer(index: number, { memory, skip = 0 }: PointerKind): DecodedValue {
    switch (memory) {
      case 'snapshot':
        return this.#decodeBytes(index, skip);
      case 'room-of-struct': {
        if (this.pointerLength(index) < 0) return this.#decodeBytes(index, 0);
        const isNull = this.wideField(index, xattrRoomPlace.address) === 0n;
        return { kind: isNull ? 'null' : 'unread' };
      }
      case 'none':
      case 'result':
      case 'room':
      case 'data':
      case 'strings':
        return { kind: this.register(index) === 0n ? 'null' : 'unread' };
    }
  }

  /** @param skip so many bytes are none of its own */
  #decodeBytes(index: number, skip: number): DecodedValue {
    const length = this.pointerLength(index);
    if (length === inbox.null) return { kind: 'null' };
    if (length < 0) return { kind: 'fault', errno: errnoNameOf(-length) ?? 'EFAULT' };
    const offset = this.pointerOffset(index);
    return { kind: 'bytes', bytes: this.bytes.slice(offset + skip, offset + length) };
  }
}
