// SPDX-License-Identifier: Apache-2.0
// What one decoded argument is in an author's code, in WIT and in a core module.

import type { Argument, ArgumentKind } from '../../host/notification/syscall-table.ts';

export interface ParameterForm {
  /** The AssemblyScript type that authors write. */
  readonly author: string;
  readonly wit: string;
  /** The AssemblyScript types of the core parameters that the canonical ABI makes of it. */
  readonly core: readonly string[];
  /** The function of assembly/abi that makes the author's value of the core parameters. */
  readonly lift: string | null;
}

const pointerAndLength = ['usize', 'i32'];

const u32: ParameterForm = { author: 'u32', wit: 'u32', core: ['u32'], lift: null };

const forms: Readonly<Record<Exclude<ArgumentKind, 'dirfd'>, ParameterForm>> = {
  path: { author: 'Path', wit: 'path', core: pointerAndLength, lift: 'liftPath' },
  source: {
    author: 'Path | null',
    wit: 'option<path>',
    core: ['i32', ...pointerAndLength],
    lift: 'liftOptionalPath',
  },
  'mount-data': {
    author: 'Uint8Array | null',
    wit: 'option<list<u8>>',
    core: ['i32', ...pointerAndLength],
    lift: 'liftOptionalBytes',
  },
  mode: u32,
  uint: u32,
  ulong: { author: 'u64', wit: 'u64', core: ['u64'], lift: null },
};

/** Nothing for a dirfd: paths resolve against it where the host uses them. */
export function parameterForm(argument: Argument): ParameterForm | null {
  return argument.kind === 'dirfd' ? null : forms[argument.kind];
}
