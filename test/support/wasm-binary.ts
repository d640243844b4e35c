// SPDX-License-Identifier: Apache-2.0
// Small core modules and components, written byte by byte, for tests of what reads and runs them.

export type Bytes = readonly number[];

const functionType = 0x60;
const functionReference = 0x70;
const valueTypes: Readonly<Record<string, number>> = { i: 0x7f, I: 0x7e, f: 0x7d, F: 0x7c };
const external = { function: 0, memory: 2 } as const;
const end = 0x0b;

const coreSection = {
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
} as const;

export const componentSection = {
  coreModule: 1,
  component: 4,
  canon: 8,
  start: 9,
  import: 10,
  export: 11,
} as const;

/** Unsigned LEB128. */
export function unsigned(value: number): Bytes {
  const low = value % 0x80;
  const rest = Math.floor(value / 0x80);
  return rest > 0 ? [low + 0x80, ...unsigned(rest)] : [low];
}

/** Signed LEB128. */
function signed(value: number): Bytes {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}

export function name(text: string): Bytes {
  const bytes = new TextEncoder().encode(text);
  return [...unsigned(bytes.length), ...bytes];
}

/** Some have megabytes, which are copied once. */
function joined(parts: readonly ArrayLike<number>[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function vector(items: readonly ArrayLike<number>[]): Uint8Array {
  return joined([unsigned(items.length), ...items]);
}

export function section(id: number, content: Bytes): Bytes {
  return [id, ...unsigned(content.length), ...content];
}

function sectionOf(id: number, content: ArrayLike<number>): Uint8Array {
  return joined([[id], unsigned(content.length), content]);
}

/** Instructions, as many as the tests need. */
export const instruction = {
  i32: (value: number): Bytes => [0x41, ...signed(value)],
  local: (index: number): Bytes => [0x20, ...unsigned(index)],
  call: (index: number): Bytes => [0x10, ...unsigned(index)],
  growMemory: [0x40, 0x00],
  drop: [0x1a],
  unreachable: [0x00],
} as const;

export interface CoreFunction {
  /** The name that it is exported by; empty: it is not. */
  readonly name: string;
  /** As `CoreSignature` has it. */
  readonly signature: string;
  readonly body: Bytes;
  /** How many i32 it has beside its parameters; absent: none. */
  readonly locals?: number;
  /** How many references to functions it has in place of those; absent: none. */
  readonly references?: number;
}

export interface CoreModule {
  readonly imports?: readonly {
    readonly module: string;
    readonly name: string;
    readonly signature: string;
    /** Kind and type of what is no function. */
    readonly other?: Bytes;
  }[];
  /** The content of the table section. */
  readonly tables?: readonly Bytes[];
  /** Functions in the table, from its first entry on. */
  readonly elements?: readonly number[];
  /** Further exports: name, kind and index. */
  readonly exports?: readonly (readonly [name: string, kind: number, index: number])[];
  /** Their indices follow those of the imports. */
  readonly functions?: readonly CoreFunction[];
  /** The content of the memory section; absent: one memory of a page without a maximum. */
  readonly memories?: readonly Bytes[];
  /** The memory's names; absent: `memory`. */
  readonly memoryExports?: readonly string[];
  /** Bytes of the memory, from offset 0 on. */
  readonly data?: Bytes;
  /** How many segments of data without any there are besides. */
  readonly emptySegments?: number;
  /** The index of a function that runs first. */
  readonly start?: number;
  /** Whole sections, put in front of all others. */
  readonly sections?: readonly Bytes[];
}

const coreHeader: Bytes = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const componentHeader: Bytes = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];

/** One side of a function's type; a signature's letters are single code units. */
function side(letters: string): Bytes {
  const types = letters.split('').map((letter) => valueTypes[letter] ?? 0);
  return [...unsigned(types.length), ...types];
}

function typeOf(signature: string): Bytes {
  const [parameters = '', results = ''] = signature.split(':');
  return [functionType, ...side(parameters), ...side(results)];
}

/** Its sections in the order that the format wants. */
export function coreModule(module: CoreModule): Uint8Array {
  const imports = module.imports ?? [];
  const functions = module.functions ?? [];
  const importedFunctions = imports.filter(({ other }) => other === undefined);
  const typed = [...importedFunctions, ...functions];
  const signatures = [...new Set(typed.map(({ signature }) => signature))];
  const typeIndex = (signature: string): Bytes => unsigned(signatures.indexOf(signature));
  const exports = [
    ...functions.flatMap(({ name: text }, index) =>
      text === ''
        ? []
        : [[...name(text), external.function, ...unsigned(importedFunctions.length + index)]],
    ),
    ...(module.memoryExports ?? ['memory']).map((text) => [...name(text), external.memory, 0]),
    ...(module.exports ?? []).map(([text, kind, index]) => [...name(text), kind, index]),
  ];
  // one may be there many times
  const importItems = new Map(
    [...new Set(imports)].map((item) => {
      const what = item.other ?? [external.function, ...typeIndex(item.signature)];
      return [item, [...name(item.module), ...name(item.name), ...what]];
    }),
  );
  const bodies = functions.map(({ body, locals = 0, references = 0 }) => {
    const type = references === 0 ? (valueTypes['i'] ?? 0) : functionReference;
    const count = locals + references;
    const groups = count === 0 ? [0] : [1, ...unsigned(count), type];
    return [...unsigned(groups.length + body.length + 1), ...groups, ...body, end];
  });
  const data = module.data ?? [];
  const isPassive = 1;
  const emptySegments = Array.from({ length: module.emptySegments ?? 0 }, () => [isPassive, 0]);
  return joined([
    coreHeader,
    ...(module.sections ?? []),
    sectionOf(coreSection.type, vector(signatures.map((signature) => typeOf(signature)))),
    sectionOf(coreSection.import, vector(imports.map((item) => importItems.get(item) ?? []))),
    sectionOf(coreSection.function, vector(functions.map(({ signature }) => typeIndex(signature)))),
    ...(module.tables === undefined ? [] : [sectionOf(coreSection.table, vector(module.tables))]),
    sectionOf(coreSection.memory, vector(module.memories ?? [[0, 1]])),
    sectionOf(coreSection.export, vector(exports)),
    ...(module.start === undefined ? [] : [sectionOf(coreSection.start, unsigned(module.start))]),
    ...(module.elements === undefined
      ? []
      : [
          sectionOf(
            coreSection.element,
            joined([
              [1, 0, ...instruction.i32(0), end],
              vector(module.elements.map((index) => unsigned(index))),
            ]),
          ),
        ]),
    sectionOf(coreSection.code, vector(bodies)),
    sectionOf(
      coreSection.data,
      vector([
        ...(data.length === 0
          ? []
          : [[0, ...instruction.i32(0), end, ...unsigned(data.length), ...data]]),
        ...emptySegments,
      ]),
    ),
  ]);
}

/** Required export of a handler's core module besides its answers: an allocator that gives `at`. */
export function allocator(at: number = 4096): CoreFunction {
  return { name: 'cabi_realloc', signature: 'iiii:i', body: instruction.i32(at) };
}

/** The extern name of the component model: kind 0 and a name. */
function externName(text: string): Bytes {
  return [0, ...name(text)];
}

export interface Component {
  readonly core: Uint8Array;
  /** Names of the interfaces that it imports. */
  readonly imports?: readonly string[];
  /** Names of the functions that it exports. */
  readonly exports: readonly string[];
  /** Whole sections, put behind the core module. */
  readonly sections?: readonly Bytes[];
}

/** A component with those sections that say what it wants and offers. */
export function component({ core, imports = [], exports, sections = [] }: Component): Uint8Array {
  const instanceSort = 0x05;
  const functionSort = 0x01;
  return joined([
    componentHeader,
    sectionOf(
      componentSection.import,
      vector(imports.map((text) => [...externName(text), instanceSort, 0])),
    ),
    sectionOf(componentSection.coreModule, core),
    ...sections,
    sectionOf(
      componentSection.export,
      vector(exports.map((text) => [...externName(text), functionSort, 0, 0])),
    ),
  ]);
}
