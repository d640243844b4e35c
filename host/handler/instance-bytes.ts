// SPDX-License-Identifier: Apache-2.0
// Bytes of an instance besides its memory: by its module, since V8 reports none.
import { BinaryReader } from './binary-reader.ts';
import { refuse } from './refusal.ts';

const headerSize = 8;
const section = {
  import: 2,
  function: 3,
  table: 4,
  global: 6,
  export: 7,
  element: 9,
  data: 11,
} as const;

/** Bytes that V8 (12 to 14) keeps for each, measured and rounded up. */
const bytesOf = {
  /** For any module. */
  instance: 65_536,
  import: 256,
  function: 16,
  /** Of a function that a table, an export or a global can name, once somebody has looked it up. */
  reference: 192,
  tableEntry: 40,
  global: 32,
  export: 384,
  dataSegment: 16,
} as const;

/** More than a single module within its bounds takes. */
const maxBytes = 8 * 2 ** 20;

/** As limitTable has left it: at most one, with a maximum. */
function tableEntries(content: BinaryReader): number {
  if (content.u32() === 0) return 0;
  // the type of its elements, whether it has a maximum, and the minimum
  content.skip(2);
  content.u32();
  return content.u32();
}

/** @param module as it is compiled */
function bytesOfModule(module: Uint8Array): number {
  const reader = new BinaryReader(module, headerSize);
  const counts = new Map<number, number>();
  let entries = 0;
  let elementBytes = 0;
  while (!reader.isAtEnd) {
    const { id, content } = reader.section();
    // an element is a byte at least
    if (id === section.element) elementBytes = content.remaining;
    if (id === section.table) entries = tableEntries(content);
    else if (!content.isAtEnd) counts.set(id, content.u32());
  }
  const count = (id: number): number => counts.get(id) ?? 0;
  const functions = count(section.import) + count(section.function);
  const named = elementBytes + count(section.export) + count(section.global);
  return (
    count(section.import) * bytesOf.import +
    functions * bytesOf.function +
    Math.min(functions, named) * bytesOf.reference +
    entries * bytesOf.tableEntry +
    count(section.global) * bytesOf.global +
    count(section.export) * bytesOf.export +
    count(section.data) * bytesOf.dataSegment
  );
}

/**
 * @param modules of all core instances, as they are compiled
 * @throws AgentError AGENT_COMPONENT_REFUSED: it is too much
 */
export function instanceBytes(modules: readonly Uint8Array[]): number {
  const each = new Map([...new Set(modules)].map((module) => [module, bytesOfModule(module)]));
  const bytes = modules.reduce((sum, module) => sum + (each.get(module) ?? 0), 0);
  if (bytes <= maxBytes) return bytesOf.instance + bytes;
  return refuse(
    `an instance of the component takes ${bytes} bytes beside its memory; ${maxBytes} are allowed: have fewer core instances, functions, table entries and exports`,
  );
}
