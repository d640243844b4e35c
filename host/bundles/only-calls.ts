// SPDX-License-Identifier: Apache-2.0
// Calls that a handler declares to pass on: those of a family whose argument has none of some values.
// Profiles that are made for its bundle leave the others to the kernel.
import { families, syscallTable } from '../syscalls/syscall-table.ts';
import type { Argument } from '../syscalls/syscall-table.ts';
import { entriesOf, invalid, matching, objectOf, textOf, uniqueTexts } from './json-value.ts';

/** Holds where the argument, under the mask, is one of the values. */
export interface ArgumentTest {
  /** Its name in the table of system calls. */
  readonly argument: string;
  readonly mask: number;
  readonly values: readonly number[];
}

/** By family. */
export type OnlyCalls = ReadonlyMap<string, ArgumentTest>;

export const bitsForm: RegExp = /^(?:0o[0-7]{1,10}|0x[\da-f]{1,8})$/;

function argumentsOf(family: string, name: string): readonly Argument[] {
  return syscallTable
    .filter((row) => row.family === family)
    .flatMap((row) => row.arguments.filter((argument) => argument.name === name));
}

/** The bits of an argument that may be tested, since the kernel looks at them; 0: it is no number of the caller's. */
function testableBits(family: string, name: string): number {
  const bits = argumentsOf(family, name).map(({ kind }) =>
    kind.type === 'number' ? (kind.testableBits ?? 0) : 0,
  );
  return bits.length === 0 ? 0 : Math.min(...bits);
}

function bitsAt(json: unknown, place: string): number {
  return Number(matching(json, place, bitsForm));
}

/** Without the sign of JavaScript's own operators. */
function isWithin(value: number, mask: number): boolean {
  return (BigInt(value) & ~BigInt(mask)) === 0n;
}

function parseTest(json: unknown, place: string, family: string): ArgumentTest {
  const test = objectOf(json, place, ['argument', 'mask', 'values']);
  const argument = textOf(test['argument'], `${place}.argument`);
  const bits = testableBits(family, argument);
  if (bits === 0) invalid(`${place}.argument: ${family} has no number "${argument}"`);
  const mask = bitsAt(test['mask'], `${place}.mask`);
  if (mask === 0 || !isWithin(mask, bits)) {
    invalid(`${place}.mask: it has to be within 0x${bits.toString(16)}`);
  }
  const values = uniqueTexts(test['values'], `${place}.values`).map((text, index) => {
    const value = bitsAt(text, `${place}.values[${index}]`);
    if (isWithin(value, mask)) return value;
    return invalid(`${place}.values[${index}]: nothing is "${text}" under the mask`);
  });
  return { argument, mask, values };
}

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function parseOnly(json: unknown, place: string): OnlyCalls {
  return new Map(
    entriesOf(json, place).map(([family, test]) => {
      const own = `${place}["${family}"]`;
      if (!families().includes(family)) invalid(`${own}: no such family`);
      return [family, parseTest(test, own, family)];
    }),
  );
}
