// SPDX-License-Identifier: Apache-2.0
// The contract as what bindings are written from: its types, how they lie in memory, and its functions.

import { BuildError } from './build-error.ts';
import { signatures } from './signature.ts';
import { type Contract, declaredTypes, interfaceModule, readContract } from './wit.ts';
import {
  type WitDeclaration,
  type WitFunction,
  type WitInterface,
  type WitShape,
  type WitType,
  parseType,
  readInterfaces,
} from './wit-syntax.ts';

/** The interface whose types have no interface's name before them. */
export const TYPES_INTERFACE = 'types';

export interface DeclaredType extends WitDeclaration {
  /** The interface that declares it. */
  readonly interface: string;
}

export interface BoundInterface {
  readonly name: string;
  readonly documentation: readonly string[];
  /** Module name of its imports in core modules. */
  readonly module: string;
  readonly functions: readonly WitFunction[];
}

/** Export of a handler that answers a family, or `any`. */
export interface Answer {
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly type: WitType }[];
}

export interface Layout {
  readonly size: number;
  readonly alignment: number;
}

/** Types refer to each other by their bare names: no two interfaces may declare the same. */
export class BindingContract {
  /** In an order in which each stands behind those that it is made of. */
  readonly types: readonly DeclaredType[];
  readonly interfaces: readonly BoundInterface[];
  readonly answers: readonly Answer[];
  readonly #byName: ReadonlyMap<string, DeclaredType>;

  constructor(contract: Contract, interfaces: readonly WitInterface[]) {
    const declared = interfaces.flatMap(({ name, declarations }) =>
      declarations.map((declaration) => ({ ...declaration, interface: name })),
    );
    this.#byName = new Map(declared.map((type) => [type.name, type]));
    if (this.#byName.size < declared.length) {
      throw new BuildError('two interfaces declare a type of the same name');
    }
    this.types = inOrder(declared);
    this.interfaces = interfaces
      .filter(({ functions }) => functions.length > 0)
      .map(({ name, documentation, functions }) => ({
        name,
        documentation,
        functions,
        module: interfaceModule(contract, name),
      }));
    this.answers = [...signatures().values()]
      .filter(({ name }) => name !== 'configure')
      .map(({ name, parameters }) => ({
        name,
        parameters: parameters.map(({ name: own, form }) => ({
          name: own,
          type: parseType(form.wit),
        })),
      }));
  }

  declaration(name: string): DeclaredType {
    const found = this.#byName.get(name);
    if (found === undefined) throw new BuildError(`the contract has no type "${name}"`);
    return found;
  }

  shape(name: string): WitShape {
    return this.declaration(name).shape;
  }

  /** How a value lies in memory: section "Alignment" and "Element Size" of the canonical ABI. */
  layout(type: WitType): Layout {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string' ? { size: 8, alignment: 4 } : numberLayout(type.name);
      case 'list':
        return { size: 8, alignment: 4 };
      case 'tuple':
        return this.#sequence(type.of);
      case 'option':
        return this.#tagged([null, type.of]);
      case 'result':
        return this.#tagged([type.ok, { kind: 'named', name: 'errno' }]);
      case 'named':
        return this.#shapeLayout(this.shape(type.name));
    }
  }

  /** Where the fields of a record are. */
  offsets(fields: readonly { readonly type: WitType }[]): readonly number[] {
    let end = 0;
    return fields.map(({ type }) => {
      const { size, alignment } = this.layout(type);
      const offset = aligned(end, alignment);
      end = offset + size;
      return offset;
    });
  }

  /** Whether a function returns it as a core value, and not where its last parameter points. */
  isCoreResult(type: WitType): boolean {
    return type.kind === 'primitive' && type.name !== 'string';
  }

  #shapeLayout(shape: WitShape): Layout {
    switch (shape.kind) {
      case 'alias':
        return this.layout(shape.type);
      case 'record':
        return this.#sequence(shape.fields.map(({ type }) => type));
      case 'enum':
      case 'variant':
        if (shape.cases.length > 256) throw new BuildError('a tag of more than one byte');
        return this.#tagged(shape.cases.map(({ payload }) => payload));
    }
  }

  #sequence(types: readonly WitType[]): Layout {
    const layouts = types.map((type) => this.layout(type));
    const offsets = this.offsets(types.map((type) => ({ type })));
    const alignment = Math.max(1, ...layouts.map((layout) => layout.alignment));
    const end = (offsets.at(-1) ?? 0) + (layouts.at(-1)?.size ?? 0);
    return { size: aligned(end, alignment), alignment };
  }

  #tagged(payloads: readonly (WitType | null)[]): Layout {
    const layouts = payloads.flatMap((payload) => (payload === null ? [] : [this.layout(payload)]));
    const alignment = Math.max(1, ...layouts.map((layout) => layout.alignment));
    const size = Math.max(0, ...layouts.map((layout) => layout.size));
    return { size: aligned(aligned(1, alignment) + size, alignment), alignment };
  }
}

function numberLayout(name: 'bool' | 'u8' | 'u16' | 'u32' | 's32' | 'u64' | 's64'): Layout {
  const size = { bool: 1, u8: 1, u16: 2, u32: 4, s32: 4, u64: 8, s64: 8 }[name];
  return { size, alignment: size };
}

function aligned(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function namesIn(type: WitType): readonly string[] {
  switch (type.kind) {
    case 'primitive':
      return [];
    case 'named':
      return [type.name];
    case 'list':
    case 'option':
      return namesIn(type.of);
    case 'tuple':
      return type.of.flatMap((each) => namesIn(each));
    case 'result':
      return type.ok === null ? [] : namesIn(type.ok);
  }
}

function namesInShape(shape: WitShape): readonly string[] {
  switch (shape.kind) {
    case 'alias':
      return namesIn(shape.type);
    case 'record':
      return shape.fields.flatMap(({ type }) => namesIn(type));
    case 'enum':
    case 'variant':
      return shape.cases.flatMap(({ payload }) => (payload === null ? [] : namesIn(payload)));
  }
}

/** The types of `types` first, as others are made of them. */
function inOrder(declared: readonly DeclaredType[]): readonly DeclaredType[] {
  const rest = declared.toSorted(
    (left, right) =>
      Number(right.interface === TYPES_INTERFACE) - Number(left.interface === TYPES_INTERFACE),
  );
  const ordered: DeclaredType[] = [];
  while (rest.length > 0) {
    const known = new Set(ordered.map(({ name }) => name));
    const index = rest.findIndex(({ shape }) =>
      namesInShape(shape).every((name) => known.has(name)),
    );
    const [type] = rest.splice(index, index < 0 ? 0 : 1);
    if (type === undefined) throw new BuildError('the types of the contract are recursive');
    ordered.push(type);
  }
  return ordered;
}

/** The types that the source of a handler may have to import, as authors write them. */
export function authorTypes(): readonly string[] {
  const written = [...signatures().values()].flatMap(({ parameters }) =>
    parameters.map(({ form }) => form.wit),
  );
  return ['action', ...declaredTypes(written)].map((name) => pascalCase(name)).toSorted();
}

export async function readBindingContract(): Promise<BindingContract> {
  const contract = await readContract();
  return new BindingContract(contract, readInterfaces(contract.text));
}

/** `mount-operation` → `mount_operation`. */
export function snakeCase(name: string): string {
  return name.replaceAll('-', '_');
}

/** `mount-operation` → `MountOperation`. */
export function pascalCase(name: string): string {
  return name
    .split('-')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');
}
