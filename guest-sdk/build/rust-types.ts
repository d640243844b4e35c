// SPDX-License-Identifier: Apache-2.0
// Types of the contract as Rust has them.
import { type BindingContract, pascalCase } from './contract.ts';
import type { WitType } from './wit-syntax.ts';

export const numbers = {
  bool: 'bool',
  u8: 'u8',
  u16: 'u16',
  u32: 'u32',
  s32: 'i32',
  u64: 'u64',
  s64: 'i64',
  string: 'Text',
} as const;

export class RustTypes {
  readonly #contract: BindingContract;

  constructor(contract: BindingContract) {
    this.#contract = contract;
  }

  /** How a type is called from inside of a module. */
  type(type: WitType): string {
    switch (type.kind) {
      case 'primitive':
        return numbers[type.name];
      case 'named':
        return pascalCase(type.name);
      case 'list':
        return type.of.kind === 'primitive' && type.of.name === 'u8'
          ? 'Bytes'
          : `List<${this.type(type.of)}>`;
      case 'option':
        return `Option<${this.type(type.of)}>`;
      case 'result':
        return `Result<${type.ok === null ? '()' : this.type(type.ok)}, Errno>`;
      case 'tuple':
        return this.#tuple(type.of);
    }
  }

  /** A tuple of Rust may lie anyhow. */
  #tuple(of: readonly WitType[]): string {
    const [first] = of;
    if (first === undefined) throw new Error('an empty tuple');
    const name = this.type(first);
    return name === 'Text' ? 'TextPair' : `[${name}; ${of.length}]`;
  }

  /** Type of a function's parameter: it only borrows. */
  borrowed(type: WitType): string {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string' ? '&str' : numbers[type.name];
      case 'list':
        return `&[${this.type(type.of)}]`;
      case 'option':
        return `Option<${this.borrowed(type.of)}>`;
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.borrowed(shape.type);
        return this.type(type);
      }
      case 'tuple':
      case 'result':
        throw new Error('no function takes it');
    }
  }

  /** Whether a value owns no memory. */
  isPlain(type: WitType): boolean {
    switch (type.kind) {
      case 'primitive':
        return type.name !== 'string';
      case 'list':
        return false;
      case 'option':
        return this.isPlain(type.of);
      case 'tuple':
        return type.of.every((each) => this.isPlain(each));
      case 'result':
        return type.ok === null || this.isPlain(type.ok);
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.isPlain(shape.type);
        if (shape.kind === 'record') return shape.fields.every((field) => this.isPlain(field.type));
        return shape.cases.every(({ payload }) => payload === null || this.isPlain(payload));
      }
    }
  }

  /** The type that lies in memory as the canonical ABI has it. */
  raw(type: WitType): string {
    if (type.kind === 'option') return `RawOption<${this.type(type.of)}>`;
    if (type.kind !== 'result') return this.type(type);
    return `RawResult<${type.ok === null ? '()' : this.type(type.ok)}>`;
  }
}
