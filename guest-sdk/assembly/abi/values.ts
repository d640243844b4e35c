// SPDX-License-Identifier: Apache-2.0
// The canonical ABI of the component model, by hand, with strings in UTF-16: host memory to values and back.
//
// "Lift" is from the host's bytes to a value, "lower" the other way. What is lifted is adopted: the
// block that the host allocated with `cabi_realloc` becomes the object, so each block may be lifted once.
// Short texts are not: see memory.ts.

import { Errno } from '../errno';
import { Path } from '../path';
import { Result } from '../result';
import { isText } from './memory';
import { keptText } from './texts';

/** The part of an object's header in front of its address that adopting changes. */
@unmanaged class Header {
  typeId: u32 = 0;
  size: u32 = 0;
}

/** Where imported functions write what they return; read at once, since the next call uses it again. */
export const RESULT: usize = memory.data(16, 8);

const noBytes: StaticArray<u8> = new StaticArray<u8>(0);

function adopt(pointer: usize, typeId: u32, size: i32): void {
  const header = changetype<Header>(pointer - offsetof<Header>());
  header.typeId = typeId;
  header.size = size;
}

export function liftString(pointer: usize, codeUnits: i32): string {
  if (codeUnits == 0) return '';
  if (isText(pointer)) return keptText(pointer, codeUnits);
  adopt(pointer, idof<string>(), codeUnits << 1);
  return changetype<string>(pointer);
}

export function liftPath(pointer: usize, length: i32): Path {
  if (length == 0) return Path.fromBytes(noBytes);
  adopt(pointer, idof<StaticArray<u8>>(), length);
  return Path.fromBytes(changetype<StaticArray<u8>>(pointer));
}

export function liftOptionalPath(tag: i32, pointer: usize, length: i32): Path | null {
  return tag == 0 ? null : liftPath(pointer, length);
}

export function liftBytes(pointer: usize, length: i32): Uint8Array {
  if (length == 0) return new Uint8Array(0);
  adopt(pointer, idof<ArrayBuffer>(), length);
  return Uint8Array.wrap(changetype<ArrayBuffer>(pointer), 0, length);
}

export function liftOptionalBytes(tag: i32, pointer: usize, length: i32): Uint8Array | null {
  return tag == 0 ? null : liftBytes(pointer, length);
}

/** The `result<_, errno>` that an imported function has left at `RESULT`. */
export function liftResult(): Result {
  return load<u8>(RESULT) == 0 ? Result.ok() : Result.fail(<Errno>load<u8>(RESULT, 1));
}

export function bytesPointer(bytes: StaticArray<u8>): usize {
  return changetype<usize>(bytes);
}

export function viewPointer(bytes: Uint8Array): usize {
  return bytes.dataStart;
}

export function stringPointer(text: string): usize {
  return changetype<usize>(text);
}
