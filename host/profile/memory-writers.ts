// SPDX-License-Identifier: Apache-2.0
// Handlers that write into the memory of callers, which the agent allows only where the filter keeps
// signals from taking calls back.
import { waitKillableFlag } from '../agent-socket/filter-flags.ts';
import { syscallTable } from '../syscalls/syscall-table.ts';
import type { Argument } from '../syscalls/syscall-table.ts';
import type { PointedMemory } from '../syscalls/kinds/kind.ts';
import type { Bundle } from '../bundles/bundle.ts';
import type { Registry } from '../registry/registry.ts';

export interface MemoryWriter {
  readonly bundle: string;
  readonly handler: string;
  /** The calls whose results it may write; empty: nobody knows which. */
  readonly families: readonly string[];
}

const writtenMemory: readonly string[] = [
  'result',
  'room',
  'room-of-struct',
] satisfies readonly PointedMemory[];

function isWritten({ kind }: Argument): boolean {
  return kind.type === 'pointer' && writtenMemory.includes(kind.memory);
}

function returnsThroughMemory(family: string): boolean {
  return syscallTable.some((row) => row.family === family && row.arguments.some(isWritten));
}

function mayWrite({ granted }: Bundle): boolean {
  const limits = granted.capabilities['memory'];
  if (limits === undefined) return false;
  return limits.operations === undefined || limits.operations.includes('write');
}

/** Of the handlers that a container has. */
export function memoryWriters(
  bundles: readonly Bundle[],
  { handlers }: Registry,
): readonly MemoryWriter[] {
  return bundles.filter(mayWrite).flatMap((bundle) =>
    bundle.handlers
      .filter(({ name }) => handlers.some((own) => own.bundle === bundle.name && own.name === name))
      .filter(({ component }) => component.imports.includes('memory'))
      .map(({ name, component, syscalls = component.answers }) => ({
        bundle: bundle.name,
        handler: name,
        families: syscalls.filter(returnsThroughMemory),
      })),
  );
}

/** Features that need the flag; containers start without it. */
export function unwrittenNotes(writers: readonly MemoryWriter[]): readonly string[] {
  if (writers.length === 0) return [];
  const writes = writers.map(({ bundle, handler, families }) => {
    const what = families.length === 0 ? 'any call' : families.join(', ');
    return `the results of ${what} (handler ${handler} of ${bundle})`;
  });
  return [
    `${writes.join(' and ')} are not written without ${waitKillableFlag}: the host answers EOPNOTSUPP`,
  ];
}
