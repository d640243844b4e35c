// SPDX-License-Identifier: Apache-2.0
// Reads what a core module imports and exports, and imposes maxima on its memory and table.
import { BinaryReader } from './binary-reader.ts';
import { refuse, shortName } from './refusal.ts';
import { readValueType } from './value-type.ts';
import type {
  CoreSignature,
  CoreKind,
  CoreImport,
  CoreModuleDescription,
} from './core-description.ts';

const section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  export: 7,
} as const;
const kinds: readonly CoreKind[] = ['function', 'table', 'memory', 'global'];
const functionReference = 0x70;
const headerSize = 8;

const letters: ReadonlyMap<number, string> = new Map([
  [0x7f, 'i'],
  [0x7e, 'I'],
  [0x7d, 'f'],
  [0x7c, 'F'],
]);

/** Only plain function types: a module of the garbage-collection proposal has others. */
function readType(reader: BinaryReader): CoreSignature {
  if (reader.byte() !== 0x60) refuse('core module has a type that is no function');
  const side = (): string =>
    reader.vector(() => letters.get(readValueType(reader)) ?? '?').join('');
  const parameters = side();
  return `${parameters}:${side()}`;
}

function readKind(reader: BinaryReader): CoreKind {
  return kinds[reader.byte()] ?? refuse('core module has imports or exports of an unknown kind');
}

/** Neither shared nor of 64 bits. */
function skipLimits(reader: BinaryReader): void {
  const flags = reader.byte();
  if (flags > 1) refuse('core module imports a shared or 64-bit memory or table');
  reader.u32();
  if (flags === 1) reader.u32();
}

/** For a message. */
export function theImport(module: string, name: string): string {
  return `core module imports "${shortName(module)}" "${shortName(name)}"`;
}

function readImport(reader: BinaryReader, types: readonly CoreSignature[]): CoreImport {
  const module = reader.name();
  const name = reader.name();
  const kind = readKind(reader);
  switch (kind) {
    case 'function': {
      const signature = types[reader.u32()] ?? reader.fail('unknown type');
      return { module, name, kind, signature };
    }
    case 'table':
      if (reader.byte() !== functionReference) {
        refuse(`${theImport(module, name)}, a table of other things than functions`);
      }
      skipLimits(reader);
      break;
    case 'memory':
      skipLimits(reader);
      break;
    case 'global':
      if (!letters.has(reader.byte())) {
        refuse(`${theImport(module, name)}, a global that is no number`);
      }
      reader.byte();
  }
  return { module, name, kind, signature: '' };
}

/** @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED */
export function describeCoreModule(bytes: Uint8Array): CoreModuleDescription {
  const reader = new BinaryReader(bytes, headerSize);
  let types: readonly CoreSignature[] = [];
  let imports: readonly CoreImport[] = [];
  let functionTypes: readonly number[] = [];
  let memories = 0;
  const functionExports = new Map<string, CoreSignature>();
  const exports = new Map<string, CoreKind>();
  const seen = new Set<number>();
  while (!reader.isAtEnd) {
    const { id, content } = reader.section();
    // but for custom ones; a thousand times the same would be a thousand times the work
    if (id !== section.custom && seen.has(id)) refuse(`core module has section ${id} twice`);
    seen.add(id);
    if (id === section.type) types = content.vector(() => readType(content));
    else if (id === section.import) imports = content.vector(() => readImport(content, types));
    else if (id === section.function) functionTypes = content.vector(() => content.u32());
    else if (id === section.memory) memories += content.u32();
    else if (id === section.export) {
      const imported = imports.filter(({ kind }) => kind === 'function');
      content.vector(() => {
        const name = content.name();
        const kind = readKind(content);
        const index = content.u32();
        exports.set(name, kind);
        if (kind !== 'function') return;
        const own = types[functionTypes[index - imported.length] ?? -1];
        const signature = imported[index]?.signature ?? own;
        functionExports.set(name, signature ?? content.fail('unknown function'));
      });
    }
  }
  const memoryExports = [...exports].flatMap(([name, kind]) => (kind === 'memory' ? [name] : []));
  return { imports, functionExports, memoryExports, exports, memories };
}

/** Unsigned LEB128. */
export function encodeU32(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 0x80;
    rest = Math.floor(rest / 0x80);
    bytes.push(rest > 0 ? low + 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** The content of a memory section whose maxima are at most `maximumPages`. */
function limitedMemories(content: BinaryReader, maximumPages: number): readonly number[] {
  const memories = content.vector(() => {
    const flags = content.byte();
    if (flags > 1) refuse('core module has a shared or 64-bit memory');
    const minimum = content.u32();
    const maximum = flags === 1 ? content.u32() : maximumPages;
    if (minimum > maximumPages) {
      refuse(`core module wants ${minimum} pages of memory at once, ${maximumPages} are allowed`);
    }
    return [1, ...encodeU32(minimum), ...encodeU32(Math.min(maximum, maximumPages))];
  });
  if (memories.length > 1) refuse('core module has several memories');
  return [...encodeU32(memories.length), ...memories.flat()];
}

/** Entries: V8 keeps some 50 bytes for each, in the heap that all handlers of a worker share. */
const maxTableEntries = 16_384;

/** The content of a table section with a maximum. */
function limitedTables(content: BinaryReader): readonly number[] {
  const tables = content.vector(() => {
    if (content.byte() !== functionReference) refuse('core module has a table of no functions');
    const flags = content.byte();
    if (flags > 1) refuse('core module has a shared or 64-bit table');
    const minimum = content.u32();
    const maximum = flags === 1 ? content.u32() : maxTableEntries;
    if (minimum > maxTableEntries) {
      refuse(`core module wants a table of ${minimum} entries, ${maxTableEntries} are allowed`);
    }
    const limits = [...encodeU32(minimum), ...encodeU32(Math.min(maximum, maxTableEntries))];
    return [functionReference, 1, ...limits];
  });
  if (tables.length > 1) refuse('core module has several tables');
  return [...encodeU32(tables.length), ...tables.flat()];
}

/** The new content of a section. */
export type Rewrite = (content: BinaryReader) => ArrayLike<number>;
/** By the numbers of the sections. */
export type Rewrites = ReadonlyMap<number, Rewrite>;

function joined(parts: readonly ArrayLike<number>[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/**
 * The same module with other contents of sections, where it has those, and without custom sections. V8
 * reads some of them, such as hints of branches, and keeps what they say for as long as the module.
 */
export function rewritten(bytes: Uint8Array, rewrites: Rewrites): Uint8Array {
  const reader = new BinaryReader(bytes, headerSize);
  const parts: ArrayLike<number>[] = [bytes.subarray(0, headerSize)];
  while (!reader.isAtEnd) {
    const { id, content, start } = reader.section();
    if (id === section.custom) continue;
    const rewrite = rewrites.get(id);
    if (rewrite === undefined) {
      parts.push(bytes.subarray(start, reader.position));
      continue;
    }
    const inside = rewrite(content);
    parts.push([id, ...encodeU32(inside.length)], inside);
  }
  return joined(parts);
}

/**
 * At most `maximumPages` (64 KiB each) of memory and a table that can't grow much, so that the guest's
 * own word about them does not count. They throw AgentError AGENT_COMPONENT_REFUSED where it needs more
 * at once.
 */
export function limitsOf(maximumPages: number): Rewrites {
  return new Map([
    [section.table, limitedTables],
    [section.memory, (content) => limitedMemories(content, maximumPages)],
  ]);
}
