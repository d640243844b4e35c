// SPDX-License-Identifier: Apache-2.0
// Reads what a core module imports and exports, and imposes a maximum on its memory.
import { AgentError } from '../errors.ts';
import { BinaryReader } from './binary-reader.ts';

/**
 * A core function's type: parameters and results as letters, `i` i32, `I` i64, `f` f32, `F` f64,
 * `?` anything else; `ii:i` takes two i32 and returns one.
 */
export type CoreSignature = string;

export interface CoreFunctionImport {
  readonly module: string;
  readonly name: string;
  readonly signature: CoreSignature;
}

export interface CoreModuleDescription {
  readonly imports: readonly CoreFunctionImport[];
  readonly functionExports: ReadonlyMap<string, CoreSignature>;
  readonly memoryExports: readonly string[];
}

const section = { type: 1, import: 2, function: 3, memory: 5, export: 7 } as const;
const external = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;
const headerSize = 8;

const letters: ReadonlyMap<number, string> = new Map([
  [0x7f, 'i'],
  [0x7e, 'I'],
  [0x7d, 'f'],
  [0x7c, 'F'],
]);

function refuse(message: string): never {
  throw new AgentError('AGENT_COMPONENT_REFUSED', message);
}

/** Only plain function types: a module of the garbage-collection proposal has others. */
function readType(reader: BinaryReader): CoreSignature {
  if (reader.byte() !== 0x60) refuse('core module has a type that is no function');
  const side = (): string => reader.vector(() => letters.get(reader.byte()) ?? '?').join('');
  const parameters = side();
  return `${parameters}:${side()}`;
}

function readImport(reader: BinaryReader, types: readonly CoreSignature[]): CoreFunctionImport {
  const module = reader.name();
  const name = reader.name();
  if (reader.byte() !== external.function) {
    refuse(`core module imports "${module}" "${name}", which is no function`);
  }
  const signature = types[reader.u32()] ?? reader.fail('unknown type');
  return { module, name, signature };
}

/** @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED */
export function describeCoreModule(bytes: Uint8Array): CoreModuleDescription {
  const reader = new BinaryReader(bytes, headerSize);
  let types: readonly CoreSignature[] = [];
  let imports: readonly CoreFunctionImport[] = [];
  let functionTypes: readonly number[] = [];
  const functionExports = new Map<string, CoreSignature>();
  const memoryExports: string[] = [];
  while (!reader.isAtEnd) {
    const { id, content } = reader.section();
    if (id === section.type) types = content.vector(() => readType(content));
    else if (id === section.import) imports = content.vector(() => readImport(content, types));
    else if (id === section.function) functionTypes = content.vector(() => content.u32());
    else if (id === section.export) {
      content.vector(() => {
        const name = content.name();
        const kind = content.byte();
        const index = content.u32();
        if (kind === external.memory) memoryExports.push(name);
        if (kind !== external.function) return;
        const imported = imports[index]?.signature;
        const own = types[functionTypes[index - imports.length] ?? -1];
        functionExports.set(name, imported ?? own ?? content.fail('unknown function'));
      });
    }
  }
  return { imports, functionExports, memoryExports };
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

/**
 * The same module with at most `maximumPages` (64 KiB each) of memory, so that the guest's own
 * word about it does not count.
 * @throws AgentError AGENT_COMPONENT_REFUSED when it needs more at once
 */
export function limitMemory(bytes: Uint8Array, maximumPages: number): Uint8Array {
  const reader = new BinaryReader(bytes, headerSize);
  while (!reader.isAtEnd) {
    const { id, content, start } = reader.section();
    if (id !== section.memory) continue;
    const memories = limitedMemories(content, maximumPages);
    const replaced = [section.memory, ...encodeU32(memories.length), ...memories];
    const end = reader.position;
    const limited = new Uint8Array(start + replaced.length + bytes.length - end);
    limited.set(bytes.subarray(0, start));
    limited.set(replaced, start);
    limited.set(bytes.subarray(end), start + replaced.length);
    return limited;
  }
  return bytes;
}
