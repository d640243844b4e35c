// SPDX-License-Identifier: Apache-2.0
// What one parameter of a family's export is in an author's code, in WIT and in a core module.

import type { ParameterKind } from '../../host/syscalls/syscall-table.ts';

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

const forms: Readonly<Record<ParameterKind, ParameterForm>> = {
  path: { author: 'Path', wit: 'path', core: pointerAndLength, lift: 'liftPath' },
  'optional-path': {
    author: 'Path | null',
    wit: 'option<path>',
    core: ['i32', ...pointerAndLength],
    lift: 'liftOptionalPath',
  },
  bytes: { author: 'Uint8Array', wit: 'list<u8>', core: pointerAndLength, lift: 'liftBytes' },
  'optional-bytes': {
    author: 'Uint8Array | null',
    wit: 'option<list<u8>>',
    core: ['i32', ...pointerAndLength],
    lift: 'liftOptionalBytes',
  },
  u32: { author: 'u32', wit: 'u32', core: ['u32'], lift: null },
  s32: { author: 'i32', wit: 's32', core: ['i32'], lift: null },
  u64: { author: 'u64', wit: 'u64', core: ['u64'], lift: null },
  device: { author: 'Device', wit: 'device', core: ['u32', 'u32'], lift: 'liftDevice' },
  'mount-operation': {
    author: 'MountOperation',
    wit: 'mount-operation',
    core: ['i32'],
    lift: 'liftMountOperation',
  },
};

export function parameterForm(kind: ParameterKind): ParameterForm {
  return forms[kind];
}
