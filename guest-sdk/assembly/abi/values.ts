// SPDX-License-Identifier: Apache-2.0
// The canonical ABI of the component model, by hand, with strings in UTF-16: host memory to values and back.
//
// "Lift" is from the host's bytes to a value, "lower" the other way. What is lifted is adopted: the
// block that the host allocated with `cabi_realloc` becomes the object, so each block may be lifted once.
// Short texts are not: see allocator.ts.

import { Device } from '../device';
import { Errno } from '../errno';
import { FileStatus } from '../file-status';
import { Path } from '../path';
import { Result, ResultOf } from '../result';
import { isText } from './allocator';
import { keptText } from './texts';

/** The part of an object's header in front of its address that adopting changes. */
@unmanaged class Header {
  typeId: u32 = 0;
  size: u32 = 0;
}

/** Where imported functions write what they return; read at once, since the next call uses it again. */
export const RESULT: usize = memory.data(128, 8);

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

/** Whether the `result<…, errno>` at `RESULT` is a value. */
export function isOk(): bool {
  return load<u8>(RESULT) == 0;
}

/** The errno of the `result<…, errno>` at `RESULT`, whose values are aligned like this. */
export function resultErrno(alignment: usize): Errno {
  return <Errno>load<u8>(RESULT + alignment);
}

/** A `result<u32, errno>`. */
export function liftU32Result(): ResultOf<u32> {
  return isOk()
    ? new ResultOf<u32>(true, 0, load<u32>(RESULT, 4))
    : new ResultOf<u32>(false, resultErrno(4), 0);
}

/** A `result<s32, errno>`. */
export function liftI32Result(): ResultOf<i32> {
  return isOk()
    ? new ResultOf<i32>(true, 0, load<i32>(RESULT, 4))
    : new ResultOf<i32>(false, resultErrno(4), 0);
}

/** A `result<u64, errno>`. */
export function liftU64Result(): ResultOf<u64> {
  return isOk()
    ? new ResultOf<u64>(true, 0, load<u64>(RESULT, 8))
    : new ResultOf<u64>(false, resultErrno(8), 0);
}

/** A `result<s64, errno>`. */
export function liftI64Result(): ResultOf<i64> {
  return isOk()
    ? new ResultOf<i64>(true, 0, load<i64>(RESULT, 8))
    : new ResultOf<i64>(false, resultErrno(8), 0);
}

/** A `result<bool, errno>`. */
export function liftBoolResult(): ResultOf<bool> {
  return isOk()
    ? new ResultOf<bool>(true, 0, load<u8>(RESULT, 1) != 0)
    : new ResultOf<bool>(false, resultErrno(1), false);
}

/** A `result<list<u8>, errno>`. */
export function liftBytesResult(): ResultOf<Uint8Array> {
  return isOk()
    ? new ResultOf<Uint8Array>(true, 0, liftBytes(load<usize>(RESULT, 4), load<i32>(RESULT, 8)))
    : new ResultOf<Uint8Array>(false, resultErrno(4), new Uint8Array(0));
}

/** A `result<path, errno>`. */
export function liftPathResult(): ResultOf<Path> {
  return isOk()
    ? new ResultOf<Path>(true, 0, liftPath(load<usize>(RESULT, 4), load<i32>(RESULT, 8)))
    : new ResultOf<Path>(false, resultErrno(4), Path.fromBytes(noBytes));
}

/** An `option<list<u8>>`. */
export function liftBytesOption(): Uint8Array | null {
  return liftOptionalBytes(load<u8>(RESULT), load<usize>(RESULT, 4), load<i32>(RESULT, 8));
}

/** A `list<u32>`. */
export function liftNumbers(pointer: usize, length: i32): StaticArray<u32> {
  if (length == 0) return new StaticArray<u32>(0);
  adopt(pointer, idof<StaticArray<u32>>(), length << 2);
  return changetype<StaticArray<u32>>(pointer);
}

/** The `string` whose address and length stand there. */
export function liftStringAt(pointer: usize): string {
  return liftString(load<usize>(pointer), load<i32>(pointer, 4));
}

/** The `list<tuple<string, string>>` that is at `RESULT`. */
export function liftPairs(): Map<string, string> {
  const pointer = load<usize>(RESULT);
  const length = load<i32>(RESULT, 4);
  const pairs = new Map<string, string>();
  for (let i = 0; i < length; i++) {
    const pair = pointer + (<usize>i << 4);
    pairs.set(liftStringAt(pair), liftStringAt(pair + 8));
  }
  return pairs;
}

export function liftDevice(major: u32, minor: u32): Device {
  return new Device(major, minor);
}

/** The record `file-status` that stands there. */
export function liftStatus(at: usize): FileStatus {
  return new FileStatus(
    new Device(load<u32>(at), load<u32>(at, 4)),
    load<u64>(at, 8),
    load<u32>(at, 16),
    load<u64>(at, 24),
    load<u32>(at, 32),
    load<u32>(at, 36),
    new Device(load<u32>(at, 40), load<u32>(at, 44)),
    load<u64>(at, 48),
    load<u64>(at, 56),
    load<i64>(at, 64),
    load<i64>(at, 72),
    load<i64>(at, 80),
    load<u64>(at, 88),
  );
}

/** A `result<file-status, errno>`. */
export function liftStatusResult(): ResultOf<FileStatus> {
  const status = liftStatus(RESULT + 8);
  return isOk()
    ? new ResultOf<FileStatus>(true, 0, status)
    : new ResultOf<FileStatus>(false, resultErrno(8), status);
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
