// SPDX-License-Identifier: Apache-2.0
// The arguments of a call on their way to the main thread, for whoever wants to see them. What is in
// no recording is not copied either: options of mounts, and values of extended attributes.
import { argumentCount, inbox } from '../native.ts';
import { secretFrom } from '../recording/redaction.ts';
import { ReceivedCall } from '../call/received-call.ts';
import type { DecodedArgument } from '../call/received-call.ts';
import type { Syscall } from '../syscalls/syscalls.ts';
import { cellBytes } from './decision-layout.ts';

const registerBytes = argumentCount * 8;
const lengthBytes = argumentCount * 4;
const fixedBytes = registerBytes + lengthBytes;
/** Offset of the data that a copied call's pointers lead to. */
const firstOffset = 1024;

/** Bytes that an argument leads to and that may be seen. */
function openLength(call: ReceivedCall, { arguments: own }: Syscall, index: number): number {
  const length = Math.max(0, call.pointerLength(index));
  const from = secretFrom(own[index]?.kind);
  return from === undefined ? length : Math.min(from, length);
}

/** Number of cells that `writeArguments` takes. */
export function argumentCells(call: ReceivedCall, syscall: Syscall | undefined): number {
  let size = fixedBytes;
  if (syscall !== undefined) {
    for (let index = 0; index < argumentCount; index += 1) size += openLength(call, syscall, index);
  }
  return Math.ceil(size / cellBytes);
}

export function writeArguments(
  call: ReceivedCall,
  syscall: Syscall | undefined,
  into: Uint8Array,
): void {
  into.set(call.bytes.subarray(inbox.registers, inbox.registers + registerBytes));
  const lengths = new DataView(into.buffer, into.byteOffset + registerBytes, lengthBytes);
  let at = fixedBytes;
  for (let index = 0; index < argumentCount; index += 1) {
    lengths.setInt32(4 * index, call.pointerLength(index), true);
    const open = syscall === undefined ? 0 : openLength(call, syscall, index);
    const offset = call.pointerOffset(index);
    into.set(call.bytes.subarray(offset, offset + open), at);
    at += open;
  }
}

/** An argument as it may be shown. */
export type ShownArgument =
  | DecodedArgument
  /** So many bytes are secret. */
  | { readonly name: string; readonly value: { readonly kind: 'secret'; readonly length: number } };

/** In the main thread. */
export class ArgumentReader {
  readonly #call = new ReceivedCall();

  read(bytes: Uint8Array, syscall: Syscall): readonly ShownArgument[] {
    this.#take(bytes, syscall);
    const secrets = new Map(
      syscall.arguments.flatMap(({ name, kind }, index) => {
        const from = secretFrom(kind);
        const length = this.#call.pointerLength(index);
        return from === undefined || length < 0 ? [] : [[name, length - from] as const];
      }),
    );
    return this.#call.decode(syscall).map((argument): ShownArgument => {
      const length = secrets.get(argument.name);
      if (length === undefined || argument.value.kind !== 'bytes') return argument;
      return { name: argument.name, value: { kind: 'secret', length } };
    });
  }

  #take(bytes: Uint8Array, syscall: Syscall): void {
    const call = this.#call;
    call.bytes.set(bytes.subarray(0, registerBytes), inbox.registers);
    const lengths = new DataView(bytes.buffer, bytes.byteOffset + registerBytes, lengthBytes);
    const pointers = new DataView(call.bytes.buffer, inbox.pointers);
    let from = fixedBytes;
    for (let index = 0; index < argumentCount; index += 1) {
      const offset = firstOffset + from;
      pointers.setInt32(8 * index, lengths.getInt32(4 * index, true), true);
      pointers.setUint32(8 * index + 4, offset, true);
      const open = openLength(call, syscall, index);
      call.bytes.set(bytes.subarray(from, from + open), offset);
      from += open;
    }
  }
}
