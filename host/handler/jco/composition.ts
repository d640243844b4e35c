// SPDX-License-Identifier: Apache-2.0
// Checks how a composed component would be linked. What says so is not believed: whatever it says,
// core modules get exports of each other, functions of the host that they may use, and nothing else.
import { checkCoreExports, expectedExports } from '../core-functions.ts';
import { refuse, shortName } from '../refusal.ts';
import { describeCoreModule } from '../core-module.ts';
import type { CoreImport, CoreModuleDescription, CoreSignature } from '../core-description.ts';
import type { StringEncoding } from '../component.ts';
import type { WiredImport, WiredPlace, Wiring } from './wiring.ts';

/** Of a JavaScript handler there are a dozen. */
const maxInstances = 64;

export interface LinkedImport {
  readonly module: string;
  readonly name: string;
  readonly what: WiredImport;
}

export interface LinkedInstance {
  /** The index of its module. */
  readonly module: number;
  readonly imports: readonly LinkedImport[];
}

/** The composition of a checked component. */
export interface Composition<Module> {
  readonly modules: readonly Module[];
  /** In the order in which they are made. */
  readonly instances: readonly LinkedInstance[];
  /** The one that answers. */
  readonly handler: number;
  /** The only memory. */
  readonly memory: WiredPlace;
}

export interface CompositionParts {
  readonly coreModules: readonly Uint8Array[];
  readonly wiring: Wiring;
  /** The component's own, without what is of no use to us. */
  readonly exports: readonly string[];
  readonly encoding: StringEncoding;
  /** The type of a function of an interface; undefined: the component may not have it. */
  readonly hostSignature: (interfaceName: string, name: string) => CoreSignature | undefined;
}

/** Its modules are indices of core modules. */
export interface CheckedComposition extends Composition<number> {
  /** The module of the instance that answers. */
  readonly core: CoreModuleDescription;
}

/** An instance, and what its module says of itself. */
interface Described extends LinkedInstance {
  readonly core: CoreModuleDescription;
}

const keyOf = (module: string, name: string): string => JSON.stringify([module, name]);

class Checker {
  readonly #parts: CompositionParts;
  readonly #cores: readonly CoreModuleDescription[];
  readonly instances: readonly Described[];
  readonly handler: number;

  constructor(parts: CompositionParts) {
    const { wiring, coreModules } = parts;
    this.#parts = parts;
    if (wiring.instances.length > maxInstances) {
      refuse(`component makes ${wiring.instances.length} core instances; ${maxInstances} may be`);
    }
    this.#cores = coreModules.map((bytes) => describeCoreModule(bytes));
    this.instances = this.#describeInstances();
    this.instances.forEach(({ imports, core }, index) => {
      imports.forEach(({ what }, place) => {
        const wanted = core.imports[place];
        if (wanted !== undefined) this.#checkImport(wanted, what, index);
      });
    });
    this.handler = this.#handlerInstance();
    this.#checkAllocators();
  }

  #describeInstances(): readonly Described[] {
    return this.#parts.wiring.instances.map(({ module, imports }) => {
      const core = this.#cores[module] ?? refuse('an instance has no core module');
      const wired = new Map(imports.map(([from, name, what]) => [keyOf(from, name), what]));
      const linked = core.imports.map(({ module: from, name }) => ({
        module: from,
        name,
        what:
          wired.get(keyOf(from, name)) ?? refuse(`core import "${from}" "${name}" is not linked`),
      }));
      return { module, imports: linked, core };
    });
  }

  #checkImport(wanted: CoreImport, what: WiredImport, user: number): void {
    const place = `core import "${wanted.module}" "${wanted.name}"`;
    switch (what.kind) {
      case 'cut':
        if (wanted.kind !== 'function') refuse(`${place} is a ${wanted.kind}, which nothing gives`);
        break;
      case 'host': {
        const expected = this.#parts.hostSignature(what.interface, what.name);
        if (expected === undefined) {
          refuse(`${place} is ${what.interface}.${what.name}, which the agent does not offer`);
        }
        if (wanted.kind !== 'function' || wanted.signature !== expected) {
          refuse(`${place} is used as (${wanted.signature}), it is (${expected})`);
        }
        break;
      }
      case 'export': {
        const [instance, name] = what.place;
        const exporter = instance < user ? this.instances[instance]?.core : undefined;
        const isSame =
          exporter?.exports.get(name) === wanted.kind &&
          (wanted.kind !== 'function' || exporter.functionExports.get(name) === wanted.signature);
        if (!isSame) refuse(`${place} is linked to what is no such ${wanted.kind}`);
      }
    }
  }

  /** All exports must be of one, as one memory and one allocator serve them. */
  #handlerInstance(): number {
    const { exports, wiring } = this.#parts;
    const places = exports.map((name) => {
      const found = wiring.lifted.filter((lifted) => lifted.name === name);
      if (found.length !== 1) refuse(`no single core function is behind the export "${name}"`);
      const [instance, coreName] = found[0]?.place ?? [-1, ''];
      if (coreName !== name) refuse(`behind the export "${name}" is "${shortName(coreName)}"`);
      return instance;
    });
    const [handler = -1] = places;
    const core = this.instances[handler]?.core ?? refuse('component answers no syscall');
    if (places.some((instance) => instance !== handler)) {
      refuse('component answers by several core instances');
    }
    checkCoreExports(core, exports);
    return handler;
  }

  #checkAllocators(): void {
    const { encoding } = this.#parts;
    const own = keyOf(String(this.handler), 'cabi_realloc');
    for (const { imports } of this.instances) {
      for (const { what } of imports) {
        if (what.kind !== 'host') continue;
        const { allocator, encoding: other = encoding } = what;
        const isOwn = allocator === undefined || keyOf(String(allocator[0]), allocator[1]) === own;
        if (!isOwn) refuse('component uses several allocators');
        if (other !== encoding) refuse('component mixes string encodings');
      }
    }
  }

  /** The instances that have to do with the one that answers. */
  kept(): ReadonlySet<number> {
    const neighbours = this.instances.map(() => new Set<number>());
    this.instances.forEach(({ imports }, user) => {
      for (const { what } of imports) {
        if (what.kind !== 'export') continue;
        neighbours[user]?.add(what.place[0]);
        neighbours[what.place[0]]?.add(user);
      }
    });
    const kept = new Set([this.handler]);
    for (const instance of kept) for (const other of neighbours[instance] ?? []) kept.add(other);
    return kept;
  }

  /** Export of the memory of the instance that answers. */
  memory(kept: ReadonlySet<number>): WiredPlace {
    const memories = [...kept].map((instance) => this.instances[instance]?.core.memories ?? 0);
    const count = memories.reduce((sum, each) => sum + each, 0);
    if (count !== 1) refuse(`component has ${count} memories; it must have one`);
    const handler = this.instances[this.handler];
    const imported = handler?.core.imports.findIndex(({ kind }) => kind === 'memory') ?? -1;
    const what = handler?.imports[imported]?.what;
    if (what?.kind === 'export') return what.place;
    const [exported] = handler?.core.memoryExports ?? [];
    if (exported === undefined) refuse('the core instance that answers has no memory');
    return [this.handler, exported];
  }
}

/** Characters that can neither end a string of JavaScript nor begin anything in it. */
const plainName = /^[\x20-\x7e]{0,256}$/u;
const quotes = /['"`\\]/u;

function isPlain(name: string): boolean {
  return plainName.test(name) && !quotes.test(name) && name !== '__proto__';
}

/**
 * jco writes the names of core modules into JavaScript, and not all of them as it should: so it
 * only gets names that can do no harm there.
 * @throws AgentError AGENT_COMPONENT_REFUSED, AGENT_COMPONENT_INVALID
 */
export function checkNames(coreModules: readonly Uint8Array[]): void {
  for (const bytes of coreModules) {
    const { imports, exports } = describeCoreModule(bytes);
    const names = [...imports.flatMap(({ module, name }) => [module, name]), ...exports.keys()];
    const odd = names.find((name) => !isPlain(name));
    if (odd !== undefined) refuse(`core module has a name that is not plain: ${shortName(odd)}`);
  }
}

/** The indices that are left, and their new ones. */
function renumbered(kept: Iterable<number>): ReadonlyMap<number, number> {
  return new Map([...new Set(kept)].toSorted((a, b) => a - b).map((old, index) => [old, index]));
}

/** @throws AgentError AGENT_COMPONENT_REFUSED, AGENT_COMPONENT_INVALID */
export function checkComposition(parts: CompositionParts): CheckedComposition {
  // so that it is refused by its name
  expectedExports(parts.exports);
  const checker = new Checker(parts);
  const kept = checker.kept();
  const instances = renumbered(kept);
  const memory = checker.memory(kept);
  const left = checker.instances.filter((_, index) => kept.has(index));
  const modules = renumbered(left.map(({ module }) => module));
  const at = ([instance, name]: WiredPlace): WiredPlace => [instances.get(instance) ?? -1, name];
  const core = checker.instances[checker.handler]?.core ?? refuse('component answers no syscall');
  return {
    modules: [...modules.keys()],
    instances: left.map(({ module, imports }) => ({
      module: modules.get(module) ?? -1,
      imports: imports.map(({ what, ...names }) => ({
        ...names,
        what: what.kind === 'export' ? { kind: 'export', place: at(what.place) } : what,
      })),
    })),
    handler: instances.get(checker.handler) ?? -1,
    memory: at(memory),
    core,
  };
}
