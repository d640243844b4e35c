// SPDX-License-Identifier: Apache-2.0
// Reads what a component imports, exports and holds, without compiling any of it; see Binary.md of
// the component model.
import { BinaryReader } from './binary-reader.ts';
import { CodeTally } from './code-bounds.ts';
import type { Sum } from './code-bounds.ts';
import { refuse, shortName } from './refusal.ts';
import { tallyCoreModule } from './core-sections.ts';

export type StringEncoding = 'utf8' | 'utf16' | 'latin1+utf16';

export interface ComponentDescription {
  /** Names of imported instances, such as `seccompagent:handler/log@0.1.0`. */
  readonly imports: readonly string[];
  /** Names of exported functions. */
  readonly exports: readonly string[];
  /** Binaries of the core modules, in their order; those of components inside it too. */
  readonly coreModules: readonly Uint8Array[];
  /** String encoding of its functions; empty where none says. */
  readonly encodings: readonly StringEncoding[];
  /** Whether there are components inside it: the direct lane can't link it. */
  readonly isComposed: boolean;
  readonly hasStart: boolean;
}

const section = {
  custom: 0,
  coreModule: 1,
  coreInstance: 2,
  coreType: 3,
  component: 4,
  instance: 5,
  alias: 6,
  type: 7,
  canon: 8,
  start: 9,
  import: 10,
  export: 11,
} as const;
const header = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00] as const;
const coreVersion = 0x01;
const encodings: readonly StringEncoding[] = ['utf8', 'utf16', 'latin1+utf16'];

function readHeader(reader: BinaryReader): void {
  const bytes = reader.bytes(header.length);
  const isWasm = header.slice(0, 4).every((byte, index) => bytes[index] === byte);
  if (!isWasm) reader.fail('not a WebAssembly file');
  if (bytes[4] === coreVersion) reader.fail('a core module, no component');
  if (!header.every((byte, index) => bytes[index] === byte)) {
    reader.fail('unknown version of the component format');
  }
}

/** Options of canon lift and lower; everything asynchronous is refused. */
function readOptions(reader: BinaryReader, found: Set<StringEncoding>): void {
  reader.vector(() => {
    const option = reader.byte();
    const encoding = encodings[option];
    if (encoding !== undefined) found.add(encoding);
    // memory, realloc, post-return
    else if (option === 3 || option === 4 || option === 5) reader.u32();
    else reader.fail(`canonical option ${option} is not supported`);
  });
}

function readCanon(reader: BinaryReader, found: Set<StringEncoding>): void {
  const kind = reader.byte();
  if (kind === 0x00) {
    reader.byte();
    reader.u32();
    readOptions(reader, found);
    reader.u32();
  } else if (kind === 0x01) {
    reader.byte();
    reader.u32();
    readOptions(reader, found);
  } else if (kind === 0x02 || kind === 0x03 || kind === 0x04) {
    reader.u32();
  } else {
    reader.fail(`canonical built-in ${kind} is not supported`);
  }
}

function readExternName(reader: BinaryReader): string {
  const kind = reader.byte();
  const name = reader.name();
  if (kind === 1) reader.name();
  else if (kind !== 0) reader.fail('unknown kind of name');
  return name;
}

const sort = { core: 0x00, function: 0x01, value: 0x02, type: 0x03 } as const;

/** The type of an import or export; its sort. */
function skipExternDescription(reader: BinaryReader): number {
  const kind = reader.byte();
  if (kind === sort.core) {
    if (reader.byte() !== 0x11) reader.fail('unknown external type');
    reader.u32();
  } else if (kind === sort.type || kind === sort.value) {
    const bound = reader.byte();
    if (bound === 0x00 || kind === sort.value) reader.u32();
  } else {
    reader.u32();
  }
  return kind;
}

function readExport(reader: BinaryReader): { readonly name: string; readonly kind: number } {
  const name = readExternName(reader);
  const kind = reader.byte();
  if (kind === sort.core) reader.byte();
  reader.u32();
  if (reader.byte() === 1) skipExternDescription(reader);
  return { name, kind };
}

/** No component has a name twice: what is done for each name is then done as often as there are names. */
function addName(names: Set<string>, name: string, what: string): void {
  if (names.has(name)) {
    refuse(`component ${what} "${shortName(name)}" twice: build it with a name but once`);
  }
  names.add(name);
}

/** Components inside components inside … */
const deepest = 8;

/** Size of a section of a component; undefined: nothing that could be counted. */
const itemsOf: ReadonlyMap<number, Sum | undefined> = new Map([
  [section.custom, undefined],
  [section.coreModule, undefined],
  [section.coreInstance, 'types, aliases and instances'],
  [section.coreType, 'types, aliases and instances'],
  [section.component, undefined],
  [section.instance, 'types, aliases and instances'],
  [section.alias, 'types, aliases and instances'],
  [section.type, 'types, aliases and instances'],
  [section.canon, 'types, aliases and instances'],
  [section.start, undefined],
  [section.import, 'imports'],
  [section.export, 'exports'],
]);

/** Before anything of the section is read. */
function tallySection(id: number, content: BinaryReader, tally: CodeTally): void {
  if (!itemsOf.has(id)) refuse(`component has a section ${id}, which handlers cannot have`);
  tally.add('sections', 1);
  const items = itemsOf.get(id);
  if (items === undefined) return;
  tally.add('bytes of types and names', content.remaining);
  tally.add(items, content.copy().u32());
}

/**
 * @param tally counts what is in it
 * @throws AgentError AGENT_COMPONENT_INVALID; AGENT_COMPONENT_REFUSED: there is too much
 */
export function describeComponent(
  bytes: Uint8Array,
  tally: CodeTally = new CodeTally(),
): ComponentDescription {
  return describe(bytes, tally, 0);
}

function describe(bytes: Uint8Array, tally: CodeTally, depth: number): ComponentDescription {
  const reader = new BinaryReader(bytes);
  if (depth > deepest) reader.fail('too many components inside each other');
  readHeader(reader);
  const imports = new Set<string>();
  const exports = new Set<string>();
  const coreModules: Uint8Array[] = [];
  const found = new Set<StringEncoding>();
  let isComposed = false;
  let hasStart = false;
  while (!reader.isAtEnd) {
    const { id, content } = reader.section();
    tallySection(id, content, tally);
    if (id === section.coreModule) {
      const core = content.bytes(content.remaining);
      tally.add('core modules', 1);
      tallyCoreModule(core, tally);
      coreModules.push(core);
    } else if (id === section.component) {
      tally.add('nested components', 1);
      const inner = describe(content.bytes(content.remaining), tally, depth + 1);
      isComposed = true;
      hasStart ||= inner.hasStart;
      coreModules.push(...inner.coreModules);
      for (const encoding of inner.encodings) found.add(encoding);
    } else if (id === section.start) hasStart = true;
    else if (id === section.canon) content.vector(() => readCanon(content, found));
    else if (id === section.import) {
      content.vector(() => {
        const name = readExternName(content);
        const kind = skipExternDescription(content);
        // a type that is imported by name (`use`) is no power
        if (kind !== sort.type) addName(imports, name, 'imports');
      });
    } else if (id === section.export) {
      content.vector(() => {
        const { name, kind } = readExport(content);
        if (kind !== sort.type) addName(exports, name, 'exports');
      });
    }
  }
  return {
    imports: [...imports],
    exports: [...exports],
    coreModules,
    encodings: [...found],
    isComposed,
    hasStart,
  };
}
