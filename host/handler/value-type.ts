// SPDX-License-Identifier: Apache-2.0
// Types of values in core modules: one byte each. Others are longer (those of the garbage-collection
// proposal), so that whoever takes them for one byte reads other code than the compiler does.
import type { BinaryReader } from './binary-reader.ts';
import { refuse } from './refusal.ts';

const numbers: ReadonlySet<number> = new Set([0x7f, 0x7e, 0x7d, 0x7c]);
/** Functions, and what the host gives. */
const references: ReadonlySet<number> = new Set([0x70, 0x6f]);

function refuseType(byte: number): never {
  return refuse(
    `core module has a type of values (0x${byte.toString(16)}) that handlers need not have: build it without SIMD, exceptions and garbage collection`,
  );
}

/** @throws AgentError AGENT_COMPONENT_REFUSED */
export function checkValueType(byte: number): void {
  if (!numbers.has(byte) && !references.has(byte)) refuseType(byte);
}

/** @throws AgentError AGENT_COMPONENT_REFUSED */
export function readValueType(reader: BinaryReader): number {
  const byte = reader.byte();
  checkValueType(byte);
  return byte;
}

/** @throws AgentError AGENT_COMPONENT_REFUSED */
export function readReferenceType(reader: BinaryReader): number {
  const byte = reader.byte();
  if (!references.has(byte)) refuseType(byte);
  return byte;
}
