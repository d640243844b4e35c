// SPDX-License-Identifier: Apache-2.0
// The instructions that a handler may have: what follows their opcodes, and what they take from the
// stack and put there. These are those of WebAssembly 2.0 without vectors: what the compilers of all
// languages write. Those of control are not among them, see function-body.ts.

/** Immediates of an opcode. */
export const immediate = {
  none: 0,
  /** One index. */
  index: 1,
  indices: 2,
  /** Alignment and offset. */
  memory: 3,
  /** A signed integer of up to 32 or 64 bits. */
  integer32: 4,
  integer64: 5,
  bytes4: 6,
  bytes8: 7,
  /** A type of references. */
  reference: 8,
} as const;
type Immediate = (typeof immediate)[keyof typeof immediate];

export interface Instruction {
  readonly immediate: Immediate;
  readonly pops: number;
  readonly pushes: number;
  /** Whether compilers make a call of it: they keep where the references are at each. */
  readonly isCall: boolean;
}

type Row = readonly [
  first: number,
  last: number,
  immediate: Immediate,
  pops: number,
  pushes: number,
  isCall?: typeof call,
];

const { none, index, indices, memory, integer32, integer64, bytes4, bytes8, reference } = immediate;
const call = true;

const rows: readonly Row[] = [
  // nop, drop, select
  [0x01, 0x01, none, 0, 0],
  [0x1a, 0x1a, none, 1, 0],
  [0x1b, 0x1b, none, 3, 1],
  // locals and globals
  [0x20, 0x20, index, 0, 1],
  [0x21, 0x21, index, 1, 0],
  [0x22, 0x22, index, 1, 1],
  [0x23, 0x23, index, 0, 1],
  [0x24, 0x24, index, 1, 0],
  // tables
  [0x25, 0x25, index, 1, 1, call],
  [0x26, 0x26, index, 2, 0, call],
  // memory: loads, stores, size, grow
  [0x28, 0x35, memory, 1, 1],
  [0x36, 0x3e, memory, 2, 0],
  [0x3f, 0x3f, index, 0, 1],
  [0x40, 0x40, index, 1, 1, call],
  // constants
  [0x41, 0x41, integer32, 0, 1],
  [0x42, 0x42, integer64, 0, 1],
  [0x43, 0x43, bytes4, 0, 1],
  [0x44, 0x44, bytes8, 0, 1],
  // comparisons
  [0x45, 0x45, none, 1, 1],
  [0x46, 0x4f, none, 2, 1],
  [0x50, 0x50, none, 1, 1],
  [0x51, 0x66, none, 2, 1],
  // i32, i64, f32, f64
  [0x67, 0x69, none, 1, 1],
  [0x6a, 0x78, none, 2, 1],
  [0x79, 0x7b, none, 1, 1],
  [0x7c, 0x8a, none, 2, 1],
  [0x8b, 0x91, none, 1, 1],
  [0x92, 0x98, none, 2, 1],
  [0x99, 0x9f, none, 1, 1],
  [0xa0, 0xa6, none, 2, 1],
  // conversions, with those of sign extension
  [0xa7, 0xc4, none, 1, 1],
  // references
  [0xd0, 0xd0, reference, 0, 1],
  [0xd1, 0xd1, none, 1, 1],
  [0xd2, 0xd2, index, 0, 1],
];

/** Behind 0xfc. */
const prefixedRows: readonly Row[] = [
  // conversions that do not trap
  [0, 7, none, 1, 1],
  // bulk memory
  [8, 8, indices, 3, 0, call],
  [9, 9, index, 0, 0, call],
  [10, 10, indices, 3, 0, call],
  [11, 11, index, 3, 0, call],
  [12, 12, indices, 3, 0, call],
  [13, 13, index, 0, 0, call],
  [14, 14, indices, 3, 0, call],
  // table.grow, size, fill
  [15, 15, index, 2, 1, call],
  [16, 16, index, 0, 1],
  [17, 17, index, 3, 0, call],
];

function tableOf(from: readonly Row[]): readonly (Instruction | undefined)[] {
  const table: (Instruction | undefined)[] = Array.from({ length: 0x100 }, () => undefined);
  for (const [first, last, what, pops, pushes, isCall = false] of from) {
    const instruction = { immediate: what, pops, pushes, isCall };
    for (let opcode = first; opcode <= last; opcode += 1) table[opcode] = instruction;
  }
  return table;
}

/** By their opcodes; undefined: there is none, or it is one of control. */
export const instructions: readonly (Instruction | undefined)[] = tableOf(rows);

/** By what follows the opcode 0xfc. */
export const prefixedInstructions: readonly (Instruction | undefined)[] = tableOf(prefixedRows);
