// SPDX-License-Identifier: Apache-2.0
// Looks syscalls up by architecture and number, and says which of their pointers are to be read.
import { argumentCount, arches, numbersPerArch } from '../native.ts';
import { syscallNumbers } from './syscall-numbers.ts';
import { parametersOf } from './parameter-source.ts';
import type { PointerKind } from './kinds/kind.ts';
import type { Parameter, WhenNull } from './parameter-source.ts';
import { rowKey, syscallTable } from './syscall-table.ts';
import type { Argument, SyscallRow } from './syscall-table.ts';

export interface Syscall {
  /** The kernel's name. */
  readonly name: string;
  /** Tells it from the call of the same name that has other arguments elsewhere. */
  readonly key: string;
  /** Name of the export that answers it; a syscall that is not decoded is its own family. */
  readonly family: string;
  /** The decoded arguments in their order; empty when the table has no row. */
  readonly arguments: readonly Argument[];
  /** The parameters of the family's export. */
  readonly parameters: readonly Parameter[];
  /** The index of the descriptor that its (first) path resolves against, or -1. */
  readonly dirfdIndex: number;
  /** The same of its second path: -1 where it has only one. */
  readonly secondDirfdIndex: number;
  /** It takes a descriptor and no path, such as fchown(2). */
  readonly isOfDescriptor: boolean;
  /** The pointers behind `parameters`, in the order in which the kernel follows them. */
  readonly followed: readonly FollowedPointer[];
}

export interface FollowedPointer {
  readonly index: number;
  readonly whenNull: WhenNull;
  readonly isNothingAsked: PointerKind['isNothingAsked'];
}

function followedPointers(
  own: readonly Argument[],
  parameters: readonly Parameter[],
): readonly FollowedPointer[] {
  const followed = parameters.flatMap(({ source }) => {
    if (source.from !== 'bytes' && source.from !== 'field') return [];
    const kind = own[source.index]?.kind;
    if (kind?.type !== 'pointer') return [];
    const { index } = source;
    const { isFollowedFirst = false, isNothingAsked } = kind;
    const whenNull = source.from === 'bytes' ? source.whenNull : 'fault';
    return [{ index, isFollowedFirst, isNothingAsked, whenNull }];
  });
  return followed.toSorted((a, b) => Number(b.isFollowedFirst) - Number(a.isFollowedFirst));
}

function describe(name: string, row: SyscallRow | undefined): Syscall {
  const own = row?.arguments ?? [];
  const descriptors = own.flatMap(({ kind }, index) =>
    kind.type === 'number' && kind.descriptor !== undefined ? [index] : [],
  );
  const parameters = row === undefined ? [] : parametersOf(row);
  const hasPath = own.some(({ kind }) => kind.type === 'pointer' && kind.isPath === true);
  return {
    name,
    key: row === undefined ? name : rowKey(row),
    family: row?.family ?? name,
    arguments: own,
    parameters,
    dirfdIndex: descriptors[0] ?? -1,
    secondDirfdIndex: descriptors[1] ?? -1,
    isOfDescriptor: descriptors.length > 0 && !hasPath,
    followed: followedPointers(own, parameters),
  };
}

/** All syscalls of all architectures that we know. Made once for each thread. */
export class Syscalls {
  readonly #byPlace: (Syscall | undefined)[];
  readonly #byName: Map<string, Syscall> = new Map();
  /** Places of each: sets are made for every container, and most places are empty. */
  #placesOf: ReadonlyMap<Syscall, readonly number[]> | undefined;

  constructor() {
    const rows = new Map(syscallTable.map((row) => [rowKey(row), row]));
    this.#byPlace = Array.from<Syscall | undefined>({ length: arches.length * numbersPerArch });
    for (const [name, ...numbers] of syscallNumbers) {
      const syscall = describe(name, rows.get(name));
      this.#byName.set(name, syscall);
      numbers.forEach((number, arch) => {
        if (number < 0) return;
        const own = rows.get(`${name} ${arches[arch]}`);
        this.#byPlace[arch * numbersPerArch + number] =
          own === undefined ? syscall : describe(name, own);
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

  /** Argument of `createReceiver`: how each argument of each syscall is read. */
  readKinds(): Uint8Array {
    const table = new Uint8Array(this.#byPlace.length * argumentCount);
    this.#byPlace.forEach((syscall, place) => {
      syscall?.arguments.forEach(({ kind }, index) => {
        if (kind.type === 'pointer') table[place * argumentCount + index] = kind.read;
      });
    });
    return table;
  }

  /** Argument of `adoptConnectionFd`: the syscalls whose pointers are read for one container. */
  readSet(isWanted: (syscall: Syscall) => boolean): Uint8Array {
    const set = new Uint8Array(this.#byPlace.length);
    this.#placesOf ??= this.#places();
    for (const [syscall, places] of this.#placesOf) {
      if (!isWanted(syscall)) continue;
      for (const place of places) set[place] = 1;
    }
    return set;
  }

  #places(): ReadonlyMap<Syscall, readonly number[]> {
    const placesOf = new Map<Syscall, number[]>();
    this.#byPlace.forEach((syscall, place) => {
      if (syscall === undefined) return;
      const places = placesOf.get(syscall);
      if (places === undefined) placesOf.set(syscall, [place]);
      else places.push(place);
    });
    return placesOf;
  }
}
