// SPDX-License-Identifier: Apache-2.0
// Core code as bytes: the parts of a module, and the instructions of the trampoline.
import { inbox } from '../native.ts';
import { encodeU32 } from './core-module.ts';
import type { CoreSignature } from './core-description.ts';

/** Bytes, nested as is convenient. */
export type Code = readonly (number | Code)[];

export function flatten(code: Code): readonly number[] {
  return code.flatMap((part) => (typeof part === 'number' ? part : flatten(part)));
}

export const valueType = { i32: 0x7f, i64: 0x7e } as const;
/** By the letters of signatures. */
export const valueTypes: Readonly<Record<string, number>> = { i: valueType.i32, I: valueType.i64 };

/** The handler's memory is the first, so that its instructions need no index. */
const handlerMemory = 0;
const inboxMemory = 1;

function signed(value: number): Code {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, signed(rest)];
}

export function name(text: string): Code {
  const bytes = new TextEncoder().encode(text);
  return [encodeU32(bytes.length), [...bytes]];
}

export function vector(items: readonly Code[]): Code {
  return [encodeU32(items.length), items];
}

export function sized(content: Code): Code {
  const bytes = flatten(content);
  return [encodeU32(bytes.length), bytes];
}

export function sectionOf(id: number, items: readonly Code[]): Code {
  return [id, sized(vector(items))];
}

// instructions: their operands come before them
export const end = 0x0b;
export const giveBack = 0x0f;
export const select = 0x1b;
export const beginIf: Code = [0x04, 0x40];
export const isZero = 0x45;
export const isEqual = 0x46;
export const isNotEqual = 0x47;
export const isLess = 0x48;
export const isZero64 = 0x50;
export const add = 0x6a;
export const subtract = 0x6b;
export const and = 0x71;
export const or = 0x72;
export const shiftLeft = 0x74;
export const shiftRight = 0x76;
export const or64 = 0x84;
export const shiftLeft64 = 0x86;
export const extendSigned = 0xac;
export const extend = 0xad;
export const copyFromInbox: Code = [0xfc, 0x0a, handlerMemory, inboxMemory];

export const call = (index: number): Code => [0x10, encodeU32(index)];
export const get = (local: number): Code => [0x20, encodeU32(local)];
export const set = (local: number): Code => [0x21, encodeU32(local)];
export const keep = (local: number): Code => [0x22, encodeU32(local)];
export const setGlobal = (index: number): Code => [0x24, index];
export const i32 = (value: number): Code => [0x41, signed(value)];
export const i64 = (value: number): Code => [0x42, signed(value)];

const opcode = { i32: 0x28, i64: 0x29, u8: 0x2d, u16: 0x2f } as const;
type Loaded = keyof typeof opcode;

export const load = (what: Loaded, offset: number): Code => [opcode[what], 0, encodeU32(offset)];
/** Bit 6 of the alignment says that a memory's index follows. */
export const loadInbox = (what: Loaded, offset: number): Code => [
  opcode[what],
  0x40,
  inboxMemory,
  encodeU32(offset),
];

export const register = (what: Loaded, index: number): Code => [
  i32(0),
  loadInbox(what, inbox.registers + 8 * index),
];
export const pointerLength = (index: number): Code => [
  i32(0),
  loadInbox('i32', inbox.pointers + 8 * index),
];
export const pointerOffset = (index: number): Code => [
  i32(0),
  loadInbox('i32', inbox.pointers + 8 * index + 4),
];

function side(letters: string): Code {
  return vector(letters.split('').map((letter) => [valueTypes[letter] ?? 0]));
}

export function functionType(signature: CoreSignature): Code {
  const [parameters = '', results = ''] = signature.split(':');
  return [0x60, side(parameters), side(results)];
}
