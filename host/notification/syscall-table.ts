// SPDX-License-Identifier: Apache-2.0
// The one table of the system calls whose arguments this project decodes: a row per syscall name.

/**
 * What an argument is, by the C type that the kernel declares for it.
 *
 * | kind         | kernel's type                | decoded as                                             |
 * |--------------|------------------------------|--------------------------------------------------------|
 * | `dirfd`      | `int`                        | never shown: paths resolve against it, implicitly      |
 * | `path`       | `const char __user *`        | bytes without the NUL; faults are the call's own error |
 * | `source`     | `char __user *`, may be NULL | optional bytes, longer than PATH_MAX is EINVAL         |
 * | `mount-data` | `void __user *`, may be NULL | optional bytes, at most a page, up to the first NUL    |
 * | `mode`       | `umode_t`                    | the low 16 bits                                        |
 * | `uint`       | `unsigned int`, `int` flags  | the low 32 bits                                        |
 * | `ulong`      | `unsigned long`              | 64 bits, 32 in 32-bit calls                            |
 */
export type ArgumentKind = 'dirfd' | 'path' | 'source' | 'mount-data' | 'mode' | 'uint' | 'ulong';

export interface Argument {
  /** The parameter's name in the handler's export: kebab-case, a valid WIT label. */
  readonly name: string;
  readonly kind: ArgumentKind;
}

export interface SyscallRow {
  /** The kernel's name, as in syscall(2). */
  readonly name: string;
  /** One word without underscores: the export of a handler that answers this call. */
  readonly family: string;
  readonly arguments: readonly Argument[];
}

const dirfd: Argument = { name: 'dirfd', kind: 'dirfd' };
const path: Argument = { name: 'path', kind: 'path' };
const mode: Argument = { name: 'mode', kind: 'mode' };
const flags: Argument = { name: 'flags', kind: 'uint' };

/** Every decoded syscall. Adding one is adding a row (and its siblings: a policy that forgets one is none). */
export const syscallTable: readonly SyscallRow[] = [
  { name: 'mkdir', family: 'mkdir', arguments: [path, mode] },
  { name: 'mkdirat', family: 'mkdir', arguments: [dirfd, path, mode] },
  { name: 'chmod', family: 'chmod', arguments: [path, mode] },
  { name: 'fchmodat', family: 'chmod', arguments: [dirfd, path, mode] },
  { name: 'fchmodat2', family: 'chmod', arguments: [dirfd, path, mode, flags] },
  {
    name: 'mount',
    family: 'mount',
    arguments: [
      { name: 'source', kind: 'source' },
      { name: 'target', kind: 'path' },
      { name: 'filesystem-type', kind: 'source' },
      { name: 'mount-flags', kind: 'ulong' },
      { name: 'data', kind: 'mount-data' },
    ],
  },
];

/** The parameters of a family's export: those of its longest row, less the dirfd. */
export function familyParameters(family: string): readonly Argument[] {
  let longest: readonly Argument[] = [];
  for (const row of syscallTable) {
    if (row.family !== family) continue;
    const shown = row.arguments.filter((argument) => argument.kind !== 'dirfd');
    if (shown.length > longest.length) longest = shown;
  }
  return longest;
}

/** Every family, in the table's order. */
export function families(): readonly string[] {
  return [...new Set(syscallTable.map((row) => row.family))];
}

/** The syscalls of a family; a syscall without a row is a family of its own. */
export function familyMembers(family: string): readonly string[] {
  const members = syscallTable.filter((row) => row.family === family).map((row) => row.name);
  return members.length > 0 ? members : [family];
}
