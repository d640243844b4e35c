// SPDX-License-Identifier: Apache-2.0
// Names of syscalls as the numbers that a notify filter traps, for each architecture that programs
// on this machine can call with.
import { AgentError } from '../errors.ts';
import { syscallNumbers } from './syscall-numbers.ts';

/** AUDIT_ARCH_* of <linux/audit.h>. */
export const auditArch = { x86_64: 0xc000_003e, i386: 0x4000_0003, arm64: 0xc000_00b7 } as const;

const x32Bit = 0x4000_0000;

/** Columns of `syscallNumbers`; x32 shares its AUDIT_ARCH with x86-64, so it stands beside it. */
const columns: Readonly<
  Record<
    string,
    readonly { readonly column: number; readonly audit: number; readonly bit: number }[]
  >
> = {
  x64: [
    { column: 0, audit: auditArch.x86_64, bit: 0 },
    { column: 2, audit: auditArch.x86_64, bit: x32Bit },
    { column: 1, audit: auditArch.i386, bit: 0 },
  ],
  arm64: [{ column: 3, audit: auditArch.arm64, bit: 0 }],
};

/**
 * Pairs of u32: AUDIT_ARCH_* and number, as `launch` takes them.
 * @param arch as `process.arch` has it
 * @throws AgentError AGENT_USAGE for a name that no architecture has
 */
export function trappedCalls(names: readonly string[], arch: string = process.arch): Uint8Array {
  const rows = names.map((name) => {
    const row = syscallNumbers.find(([known]) => known === name);
    if (row === undefined) throw new AgentError('AGENT_USAGE', `unknown system call "${name}"`);
    return row;
  });
  const pairs: number[] = [];
  for (const { column, audit, bit } of columns[arch] ?? []) {
    for (const [, ...numbers] of rows) {
      const number = numbers[column] ?? -1;
      if (number >= 0) pairs.push(audit, number + bit);
    }
  }
  return new Uint8Array(Uint32Array.from(pairs).buffer);
}
