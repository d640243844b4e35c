// SPDX-License-Identifier: Apache-2.0
// Has V8 look whether its worker is to end before each instruction that may take long. V8 looks where
// functions begin, but in loops that it has not optimized yet only after they have run through 13 MB
// of machine code, and never within an instruction: a loop of memory.fill, each of which takes a
// millisecond, would go on for minutes.
import type { BinaryReader } from './binary-reader.ts';
import { CodeTally } from './code-bounds.ts';
import type { CodeBounds } from './code-bounds.ts';
import { encodeU32 } from './core-module.ts';
import type { Rewrite, Rewrites } from './core-module.ts';
import { tallyCoreModule } from './core-sections.ts';

const section = { type: 1, function: 3, code: 10 } as const;

/** With one parameter, i32, and no result. */
const checkType = [0x60, 1, 0x7f, 0];
const zero = [0x41, 0];

function callOf(index: number): readonly number[] {
  return [0x10, ...encodeU32(index)];
}

/**
 * The function that is called for nothing but that it begins. V8's optimizing compiler does not look
 * where functions begin that call none, so it would call itself if its parameter were not 0.
 */
function checkBody(index: number): readonly number[] {
  const parameter = [0x20, 0];
  const ifThen = [0x04, 0x40];
  const end = 0x0b;
  const body = [0, ...parameter, ...ifThen, ...parameter, ...callOf(index), end, end];
  return [...encodeU32(body.length), ...body];
}

/** The content of a section with one more item. */
function withItem(content: BinaryReader, item: (index: number) => readonly number[]): Uint8Array {
  const count = content.u32();
  return Buffer.concat([
    Uint8Array.from(encodeU32(count + 1)),
    content.bytes(content.remaining),
    Uint8Array.from(item(count)),
  ]);
}

/** The content of a code section with `inserted` at these places, and one more body. */
function withInserted(
  content: BinaryReader,
  places: readonly number[],
  inserted: Uint8Array,
  more: readonly number[],
): Uint8Array {
  const count = content.u32();
  const parts: Uint8Array[] = [Uint8Array.from(encodeU32(count + 1))];
  let next = 0;
  for (let left = count; left > 0; left -= 1) {
    const body = content.part(content.u32());
    const end = body.position + body.remaining;
    const pieces: Uint8Array[] = [];
    for (let place = places[next]; place !== undefined && place < end; place = places[next]) {
      pieces.push(body.bytes(place - body.position), inserted);
      next += 1;
    }
    pieces.push(body.bytes(body.remaining));
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    parts.push(Uint8Array.from(encodeU32(length)), ...pieces);
  }
  parts.push(Uint8Array.from(more));
  return Buffer.concat(parts);
}

/**
 * A call before each instruction that compilers make a call of.
 * @param bounds those that the module is within; absent: the usual ones
 * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED
 */
export function checksOf(bytes: Uint8Array, bounds?: CodeBounds): Rewrites {
  const { functions: check, runtimeCalls } = tallyCoreModule(bytes, new CodeTally(bounds));
  if (runtimeCalls.length === 0) return new Map();
  const inserted = Uint8Array.from([...zero, ...callOf(check)]);
  // types come first
  let type = 0;
  const withType: Rewrite = (content) =>
    withItem(content, (index) => {
      type = index;
      return checkType;
    });
  return new Map([
    [section.type, withType],
    [section.function, (content) => withItem(content, () => encodeU32(type))],
    [section.code, (content) => withInserted(content, runtimeCalls, inserted, checkBody(check))],
  ]);
}
