// SPDX-License-Identifier: Apache-2.0
// Looks syscalls up by architecture and number, and says which of their pointers are to be read.
import { argumentCount, arches, numbersPerArch, readKind } from '../native.ts';
import { syscallNumbers } from './syscall-numbers.ts';
import { familyParameters, syscallTable } from './syscall-table.ts';
import type { Argument, ArgumentKind, SyscallRow } from './syscall-table.ts';

/** A parameter of a family's export and where this syscall has it. */
export interface Parameter {
  readonly kind: ArgumentKind;
  /** The argument's index, or -1: this syscall lacks it, so it is 0 or absent. */
  readonly index: number;
}

export interface Syscall {
  /** The kernel's name. */
  readonly name: string;
  /** What handlers export to answer it; a syscall that is not decoded is its own family. */
  readonly family: string;
  /** The decoded arguments in their order; empty when the table has no row. */
  readonly arguments: readonly Argument[];
  /** The parameters of the family's export. */
  readonly parameters: readonly Parameter[];
  /** The index of the dirfd that its path resolves against, or -1. */
  readonly dirfdIndex: number;
}

const readKinds: Readonly<Record<ArgumentKind, number>> = {
  dirfd: readKind.nothing,
  path: readKind.path,
  source: readKind.source,
  'mount-data': readKind.mountData,
  mode: readKind.nothing,
  uint: readKind.nothing,
  ulong: readKind.nothing,
};

function describe(name: string, row: SyscallRow | undefined): Syscall {
  const family = row?.family ?? name;
  const own = row?.arguments ?? [];
  return {
    name,
    family,
    arguments: own,
    parameters: familyParameters(family).map(({ name: wanted, kind }) => ({
      kind,
      index: own.findIndex((argument) => argument.name === wanted),
    })),
    dirfdIndex: own.findIndex((argument) => argument.kind === 'dirfd'),
  };
}

/** All syscalls of all architectures that we know. Made once for each thread. */
export class Syscalls {
  readonly #byPlace: (Syscall | undefined)[];
  readonly #byName: Map<string, Syscall> = new Map();

  constructor() {
    const rows = new Map(syscallTable.map((row) => [row.name, row]));
    this.#byPlace = Array.from<Syscall | undefined>({ length: arches.length * numbersPerArch });
    for (const [name, ...numbers] of syscallNumbers) {
      const syscall = describe(name, rows.get(name));
      this.#byName.set(name, syscall);
      numbers.forEach((number, arch) => {
        if (number >= 0) this.#byPlace[arch * numbersPerArch + number] = syscall;
      });
    }
  }

  /** @param arch an index into `arches`; others are unknown */
  find(arch: number, number: number): Syscall | undefined {
    if (arch >= arches.length || number >= numbersPerArch) return undefined;
    return this.#byPlace[arch * numbersPerArch + number];
  }

  byName(name: string): Syscall | undefined {
    return this.#byName.get(name);
  }

  /** What `createReceiver` takes: how each argument of each syscall is read. */
  readKinds(): Uint8Array {
    const table = new Uint8Array(this.#byPlace.length * argumentCount);
    this.#byPlace.forEach((syscall, place) => {
      syscall?.arguments.forEach(({ kind }, index) => {
        table[place * argumentCount + index] = readKinds[kind];
      });
    });
    return table;
  }

  /** What `adoptConnectionFd` takes: the syscalls whose pointers are read for one container. */
  readSet(isWanted: (syscall: Syscall) => boolean): Uint8Array {
    return Uint8Array.from(this.#byPlace, (syscall) =>
      syscall !== undefined && isWanted(syscall) ? 1 : 0,
    );
  }
}
