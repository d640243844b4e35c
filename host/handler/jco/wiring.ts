// SPDX-License-Identifier: Apache-2.0
// Links between the core modules of a composed component, as plain data.
import { AgentError } from '../../errors.ts';

/** An export of a core instance: which instance, and the export's name. */
export type WiredPlace = readonly [instance: number, name: string];

/** Value for one import of a core module. */
export type WiredImport =
  | { readonly kind: 'export'; readonly place: WiredPlace }
  | {
      readonly kind: 'host';
      /** By its short name. */
      readonly interface: string;
      readonly name: string;
      /** Allocates for what it gives. */
      readonly allocator?: WiredPlace;
      readonly encoding?: string;
    }
  /** Its callers trap. */
  | { readonly kind: 'cut' };

export interface WiredInstance {
  /** The index of the core module. */
  readonly module: number;
  readonly imports: readonly (readonly [module: string, name: string, what: WiredImport])[];
}

export interface Wiring {
  /** Each links to earlier ones only. */
  readonly instances: readonly WiredInstance[];
  /** Core functions that may be behind the component's exports. */
  readonly lifted: readonly { readonly name: string; readonly place: WiredPlace }[];
}

/** Input of the transpiler besides the component. */
export interface TranspileRequest {
  /** Places of the core modules in the component. */
  readonly modules: readonly (readonly [offset: number, length: number])[];
  readonly interfaces: readonly {
    /** Its short name. */
    readonly name: string;
    /** Name that jco imports it by. */
    readonly key: string;
    readonly functions: readonly string[];
  }[];
  /** The names of the component's exports. */
  readonly exports: readonly string[];
}

/** Of what was written by somebody else. */
class Reader {
  fail(what: string): never {
    throw new AgentError('AGENT_COMPONENT_INVALID', `wiring of the component: ${what}`);
  }

  object(value: unknown): Readonly<Record<string, unknown>> {
    if (typeof value !== 'object' || value === null) this.fail('no object');
    return Object.fromEntries(Object.entries(value));
  }

  list<T>(value: unknown, item: (each: unknown) => T): readonly T[] {
    return Array.isArray(value) ? value.map((each) => item(each)) : this.fail('no list');
  }

  text(value: unknown): string {
    return typeof value === 'string' ? value : this.fail('no text');
  }

  index(value: unknown): number {
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
      ? value
      : this.fail('no index');
  }

  place(value: unknown): WiredPlace {
    const [instance, name, ...rest] = this.list(value, (each) => each);
    if (rest.length > 0) this.fail('no place');
    return [this.index(instance), this.text(name)];
  }

  what(value: unknown): WiredImport {
    const { kind, ...rest } = this.object(value);
    switch (kind) {
      case 'cut':
        return { kind };
      case 'export':
        return { kind, place: this.place(rest['place']) };
      case 'host': {
        const { interface: from, name, allocator, encoding } = rest;
        return {
          kind,
          interface: this.text(from),
          name: this.text(name),
          ...(allocator === undefined ? {} : { allocator: this.place(allocator) }),
          ...(encoding === undefined ? {} : { encoding: this.text(encoding) }),
        };
      }
      default:
        return this.fail('no kind of import');
    }
  }

  instance(value: unknown): WiredInstance {
    const { module, imports } = this.object(value);
    return {
      module: this.index(module),
      imports: this.list(imports, (each) => {
        const [from, name, what] = this.list(each, (part) => part);
        return [this.text(from), this.text(name), this.what(what)];
      }),
    };
  }
}

/** @throws AgentError AGENT_COMPONENT_INVALID */
export function parseWiring(text: string): Wiring {
  const reader = new Reader();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return reader.fail('no JSON');
  }
  const { instances, lifted } = reader.object(value);
  return {
    instances: reader.list(instances, (each) => reader.instance(each)),
    lifted: reader.list(lifted, (each) => {
      const { name, place } = reader.object(each);
      return { name: reader.text(name), place: reader.place(place) };
    }),
  };
}
