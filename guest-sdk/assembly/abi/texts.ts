// SPDX-License-Identifier: Apache-2.0
// Texts of the host as strings: one that came before is the same object again.

/** A power of two: names of system calls and of their arguments are few at a time. */
const SLOTS: usize = 32;

const texts = new StaticArray<string>(<i32>SLOTS);

export function keptText(pointer: usize, codeUnits: i32): string {
  const size = <usize>codeUnits << 1;
  const first = <usize>load<u16>(pointer);
  const last = <usize>load<u16>(pointer + size - 2);
  const slot = <i32>((<usize>codeUnits + first * 5 + last * 3) & (SLOTS - 1));
  const known = changetype<usize>(unchecked(texts[slot]));
  // by address, since the operators of strings look at their text
  if (known != 0 && changetype<string>(known).length == codeUnits && isSame(known, pointer, size))
    return changetype<string>(known);
  // @ts-ignore: a function of the runtime
  const made: usize = __new(size, idof<string>());
  memory.copy(made, pointer, size);
  unchecked((texts[slot] = changetype<string>(made)));
  return changetype<string>(made);
}

function isSame(left: usize, right: usize, size: usize): bool {
  if (size < 8) {
    for (let at: usize = 0; at < size; at += 2) {
      if (load<u16>(left + at) != load<u16>(right + at)) return false;
    }
    return true;
  }
  // whole words, of which the last may overlap the one before
  const end = size - 8;
  for (let at: usize = 0; at < end; at += 8) {
    if (load<u64>(left + at) != load<u64>(right + at)) return false;
  }
  return load<u64>(left + end) == load<u64>(right + end);
}
