// SPDX-License-Identifier: Apache-2.0
// Calls that nobody has made: they are written into an inbox as the addon does it.
import { errnoNumber } from '../syscalls/errno.ts';
import type { ErrnoName } from '../syscalls/errno.ts';
import { inbox } from '../native.ts';
import type { ReceivedCall } from '../call/received-call.ts';
import { syscallNumbers } from '../syscalls/syscall-numbers.ts';
import type { Syscall, Syscalls } from '../syscalls/syscalls.ts';

/**
 * An argument of a made-up call: a register, or what is behind a pointer: bytes, NULL (null), an
 * errno of the reading.
 */
export type GivenArgument =
  | number
  | bigint
  | string
  | Uint8Array
  | null
  | { readonly errno: ErrnoName };

/** The address that pointers have; nobody may ever look there. */
const someAddress = 0x7fff_dead_beefn;
/** Behind the last field. */
const dataStart: number = inbox.took + 8;

/** Writes a call on x86-64 into an inbox, as the addon does. */
export function fillCall(
  call: ReceivedCall,
  syscall: string,
  given: readonly GivenArgument[],
): void {
  const view = new DataView(call.bytes.buffer);
  const number = syscallNumbers.find(([name]) => name === syscall)?.[1] ?? -1;
  if (number < 0) throw new Error(`x86-64 has no call ${syscall}`);
  call.bytes.fill(0);
  view.setUint32(inbox.token, 1, true);
  view.setUint32(inbox.tid, 1234, true);
  view.setUint32(inbox.number, number, true);
  for (let index = 0; index < 6; index += 1) {
    view.setInt32(inbox.pointers + index * 8, inbox.notRead, true);
  }
  let used = dataStart;
  given.forEach((argument, index) => {
    const pointer = inbox.pointers + index * 8;
    const setRegister = (value: bigint): void => {
      view.setBigUint64(inbox.registers + index * 8, BigInt.asUintN(64, value), true);
    };
    if (typeof argument === 'number' || typeof argument === 'bigint') {
      setRegister(BigInt(argument));
    } else if (argument === null) {
      view.setInt32(pointer, inbox.null, true);
    } else if (typeof argument === 'string' || argument instanceof Uint8Array) {
      const bytes = typeof argument === 'string' ? new TextEncoder().encode(argument) : argument;
      setRegister(someAddress);
      view.setInt32(pointer, bytes.length, true);
      view.setUint32(pointer + 4, used, true);
      call.bytes.set(bytes, used);
      used += bytes.length;
    } else {
      setRegister(someAddress);
      view.setInt32(pointer, -errnoNumber(argument.errno), true);
    }
  });
}

/** @throws Error when there is none of that name */
export function syscallOf(syscalls: Syscalls, name: string): Syscall {
  const syscall = syscalls.byName(name);
  if (syscall === undefined) throw new Error(`there is no system call ${name}`);
  return syscall;
}
