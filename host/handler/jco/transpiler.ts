// SPDX-License-Identifier: Apache-2.0
// A program of its own, which the agent starts for a component that is composed of others: it says that
// it is ready, lets jco write the JavaScript that would link the component, runs that with stand-ins in
// place of modules, and prints what it would have linked with what. Neither the component's code nor
// any of that JavaScript runs in the agent.
//
//   node transpiler.ts GENERATOR REQUEST USER < component > wiring
//
// GENERATOR is jco's module that writes code, REQUEST a TranspileRequest as JSON, USER who it becomes.
import { writeSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

import { readyLine } from '../child-end.ts';
import type { TranspileRequest, Wiring, WiredImport, WiredInstance, WiredPlace } from './wiring.ts';

/** The part of jco's generator that is used here. */
interface Generator {
  readonly $init: Promise<unknown>;
  generate(component: Uint8Array, options: object): { readonly files: readonly GeneratedFile[] };
}

type GeneratedFile = readonly [name: string, content: Uint8Array];

/** Exports of the generated module. */
interface Generated {
  instantiate(
    getCoreModule: (file: string) => string,
    imports: object,
    instantiateCore: (file: string, imports: CoreImports) => { readonly exports: object },
  ): object;
}

type CoreImports = Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;

/** Adds no wrappers: host functions are linked as core functions. */
const options = {
  name: 'component',
  map: [],
  instantiation: { tag: 'sync' },
  importBindings: { tag: 'hybrid' },
  noNodejsCompat: true,
  noTypescript: true,
  base64Cutoff: 0,
  noNamespacedExports: true,
  noComponentErrorWrapping: true,
  validLiftingOptimization: false,
  tracing: false,
  tlaCompat: false,
  multiMemory: false,
  bindgenEnableWasmExnref: false,
  strict: false,
  flagsAsBigint: false,
  variantsInlineCases: false,
  useNamespaceObjects: false,
  enumValuesScreamingSnakeCase: false,
  idlImports: false,
  asmjs: false,
};

/**
 * In place of the WASI that jco's generator, a component itself, is run with: it needs none of it,
 * and the usual one starts a thread, which could not be forbidden anything.
 */
const wasi = `
const refuse = () => {
  // it asks only where it panics, to say so
  throw new Error('the generator of jco has given up, such as for want of memory');
};
const none = () => undefined;
class Nothing {}
export const environment = { getEnvironment: () => [] };
export const exit = { exit: refuse };
export const stdin = { getStdin: refuse };
export const stdout = { getStdout: refuse };
export const stderr = { getStderr: refuse };
export const terminalInput = { TerminalInput: Nothing };
export const terminalOutput = { TerminalOutput: Nothing };
export const terminalStdin = { getTerminalStdin: none };
export const terminalStdout = { getTerminalStdout: none };
export const terminalStderr = { getTerminalStderr: none };
export const preopens = { getDirectories: () => [] };
export const types = {
  Descriptor: Nothing,
  DirectoryEntryStream: Nothing,
  filesystemErrorCode: none,
};
export const error = { Error: Nothing };
export const streams = { InputStream: Nothing, OutputStream: Nothing };
export const random = { getRandomBytes: (count) => new Uint8Array(Number(count)) };
`;
const stdoutFd = 1;
const wasiPackage = '@bytecodealliance/preview2-shim/';
const wasiUrl = `data:text/javascript,${encodeURIComponent(wasi)}`;

/** By it jco knows host functions that are core functions, and asks them for one. */
const lowered = Symbol.for('cabiLower');
/** Also a user namespace that does not have another user has this one. */
const nobody = 65_534;

/** Names that are missing or ambiguous in the component are not linked. */
const cut: WiredImport = { kind: 'cut' };

/** Source of a value: an export of a core instance or a function of the host. */
type StandIn = () => void;

function refuseCall(): never {
  throw new Error('a stand-in was called');
}

class Recording {
  readonly #request: TranspileRequest;
  /** Generated files that are modules of the component, as they are there: their indices. */
  readonly #modules: ReadonlyMap<string, number>;
  readonly #meanings: Map<unknown, WiredImport> = new Map();
  readonly instances: WiredInstance[] = [];
  /** Exports that were read since the last instance was made. */
  #lastRead: Map<string, WiredPlace[]> = new Map();

  constructor(request: TranspileRequest, modules: ReadonlyMap<string, number>) {
    this.#request = request;
    this.#modules = modules;
  }

  /** In place of `new WebAssembly.Instance`. */
  instantiate(file: string, imports: CoreImports): { readonly exports: object } {
    this.#lastRead = new Map();
    const module = this.#modules.get(file);
    const wired: WiredInstance['imports'][number][] = [];
    for (const [from, names] of Object.entries(imports ?? {})) {
      for (const [name, value] of Object.entries(names)) {
        wired.push([from, name, this.#meanings.get(value) ?? cut]);
      }
    }
    const instance = module === undefined ? undefined : this.instances.length;
    if (module !== undefined) this.instances.push({ module, imports: wired });
    return { exports: this.#exports(instance) };
  }

  /** Makes each export as somebody reads it. */
  #exports(instance: number | undefined): object {
    const known = new Map<string, StandIn>();
    return new Proxy(Object.create(null), {
      get: (_, name) => {
        if (typeof name !== 'string') return undefined;
        const place = instance === undefined ? undefined : ([instance, name] as const);
        if (place !== undefined) this.#note(name, place);
        const before = known.get(name);
        if (before !== undefined) return before;
        const standIn = this.#standIn(place === undefined ? cut : { kind: 'export', place });
        known.set(name, standIn);
        return standIn;
      },
    });
  }

  #note(name: string, place: WiredPlace): void {
    this.#lastRead.set(name, [...(this.#lastRead.get(name) ?? []), place]);
  }

  #standIn(meaning: WiredImport): StandIn {
    const standIn: StandIn = refuseCall.bind(undefined);
    this.#meanings.set(standIn, meaning);
    return standIn;
  }

  /** The host's functions, under the names that jco gives them. */
  hostImports(): object {
    return Object.fromEntries(
      this.#request.interfaces.map(({ name, key, functions }) => [
        key,
        Object.fromEntries(functions.map((wit) => [camelCase(wit), this.#hostFunction(name, wit)])),
      ]),
    );
  }

  #hostFunction(interfaceName: string, name: string): object {
    return {
      [lowered]: ({ realloc, stringEncoding }: { realloc?: unknown; stringEncoding?: string }) => {
        const allocator = this.#meanings.get(realloc);
        return this.#standIn({
          kind: 'host',
          interface: interfaceName,
          name,
          ...(allocator?.kind === 'export' ? { allocator: allocator.place } : {}),
          ...(stringEncoding === undefined ? {} : { encoding: stringEncoding }),
        });
      },
    };
  }

  /** The core functions behind the component's exports: they are read last. */
  lifted(): Wiring['lifted'] {
    return this.#request.exports.flatMap((name) => {
      const places = new Map(
        (this.#lastRead.get(name) ?? []).map((place) => [place.join(' '), place] as const),
      );
      return [...places.values()].map((place) => ({ name, place }));
    });
  }
}

function camelCase(name: string): string {
  return name.replace(/-(.)/gu, (_, letter: string) => letter.toUpperCase());
}

function become(user: number): void {
  process.setgid?.(user);
  process.setuid?.(user);
}

/** Nothing of the component has been read before. */
function becomeOther(user: number): void {
  if (process.geteuid?.() !== 0) return;
  process.setgroups?.([]);
  try {
    become(user);
  } catch {
    become(nobody);
  }
}

/** Of generated modules those that the component has as well: jco adds some of its own. */
function modulesOf(
  component: Buffer,
  files: readonly GeneratedFile[],
  { modules }: TranspileRequest,
): ReadonlyMap<string, number> {
  const originals = modules.map(([offset, length]) => component.subarray(offset, offset + length));
  return new Map(
    files.flatMap(([file, content]) => {
      const index = originals.findIndex((original) => original.equals(content));
      return index < 0 ? [] : [[file, index] as const];
    }),
  );
}

async function wiringOf(
  component: Buffer,
  request: TranspileRequest,
  jco: Generator,
): Promise<Wiring> {
  const { files } = jco.generate(component, options);
  const source = files.find(([file]) => file.endsWith('.js'))?.[1];
  if (source === undefined) throw new Error('jco has written no JavaScript');
  const text = Buffer.from(source).toString('base64');
  const generated: Generated = await import(`data:text/javascript;base64,${text}`);
  const recording = new Recording(request, modulesOf(component, files, request));
  generated.instantiate(
    (file) => file,
    recording.hostImports(),
    (file, imports) => recording.instantiate(file, imports),
  );
  return { instances: recording.instances, lifted: recording.lifted() };
}

async function run(generator: string, request: TranspileRequest, user: number): Promise<void> {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier.startsWith(wasiPackage)
        ? { url: wasiUrl, shortCircuit: true }
        : next(specifier, context),
  });
  const jco: Generator = await import(pathToFileURL(generator).href);
  await jco.$init;
  becomeOther(user);
  // the object for it would make a pipe one that does not wait
  writeSync(stdoutFd, readyLine);
  const wiring = await wiringOf(await buffer(process.stdin), request, jco);
  process.stdout.write(JSON.stringify(wiring));
}

const [generator = '', request = '', user = ''] = process.argv.slice(2);
try {
  await run(generator, JSON.parse(request), Number(user));
} catch (thrown) {
  const [line = ''] = String(thrown instanceof Error ? thrown.message : thrown).split('\n');
  process.stderr.write(`transpiler: ${line}\n`);
  process.exitCode = 1;
}
