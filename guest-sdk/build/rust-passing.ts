// SPDX-License-Identifier: Apache-2.0
// Passes values between Rust and the core functions of the canonical ABI.
import { type BindingContract, pascalCase, snakeCase } from './contract.ts';
import { sdk, word } from './rust-source.ts';
import { type RustTypes, numbers } from './rust-types.ts';
import type { WitType } from './wit-syntax.ts';

export class RustPassing {
  readonly #contract: BindingContract;
  readonly #types: RustTypes;

  constructor(contract: BindingContract, types: RustTypes) {
    this.#contract = contract;
    this.#types = types;
  }

  /** The core parameters of a function of the host. */
  flat(type: WitType, name: string): readonly string[] {
    const own = name.replace('r#', '');
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string'
          ? [`${own}_data: *const u8`, `${own}_length: usize`]
          : [`${name}: ${numbers[type.name]}`];
      case 'list':
        return [`${own}_data: *const ${this.#types.type(type.of)}`, `${own}_length: usize`];
      case 'option':
        return [`${own}_is_some: u32`, ...this.flat(type.of, name)];
      case 'tuple':
        return type.of.flatMap((each, index) => this.flat(each, `${own}_${index}`));
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.flat(shape.type, name);
        if (shape.kind !== 'record') return [`${name}: u32`];
        return shape.fields.flatMap((field) =>
          this.flat(field.type, `${own}_${snakeCase(field.name)}`),
        );
      }
      case 'result':
        throw new Error('a result is no parameter');
    }
  }

  lowered(type: WitType, expression: string): readonly string[] {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string'
          ? [`${expression}.as_ptr()`, `${expression}.len()`]
          : [expression];
      case 'list':
        return [`${expression}.as_ptr()`, `${expression}.len()`];
      case 'option': {
        const values = this.lowered(type.of, `${expression}.unwrap_or_default()`);
        return [`${expression}.is_some() as u32`, ...values];
      }
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.lowered(shape.type, expression);
        if (shape.kind !== 'record') return [`${expression} as u32`];
        return shape.fields.flatMap((field) =>
          this.lowered(field.type, `${expression}.${word(field.name)}`),
        );
      }
      case 'tuple':
      case 'result':
        throw new Error('no function of the host takes it');
    }
  }

  /** Parameters of an export, whose lists are given to the handler. */
  exported(type: WitType, name: string): readonly string[] {
    return this.flat(type, name).map((each) => each.replace('*const ', '*mut '));
  }

  /** An expression that owns what came, and lends it. */
  owned(type: WitType, name: string): string {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string'
          ? `${sdk}abi::Text::from_raw(${name}_data, ${name}_length)`
          : name;
      case 'list':
        return `${sdk}abi::List::from_raw(${name}_data, ${name}_length)`;
      case 'option':
        return `(${name}_is_some != 0).then(|| ${this.owned(type.of, name)})`;
      case 'tuple':
        return `[${type.of.map((each, index) => this.owned(each, `${name}_${index}`)).join(', ')}]`;
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.owned(shape.type, name);
        if (shape.kind !== 'record') {
          return `core::mem::transmute::<u8, ${sdk}${pascalCase(type.name)}>(${name} as u8)`;
        }
        const fields = shape.fields.map((field) => {
          const own = `${name}_${snakeCase(field.name)}`;
          return `${word(field.name)}: ${this.owned(field.type, own)}`;
        });
        return `${sdk}${pascalCase(type.name)} { ${fields.join(', ')} }`;
      }
      case 'result':
        throw new Error('a result is no parameter');
    }
  }

  /** Argument of the author's function, from the value of `#owned`. */
  lent(type: WitType, name: string): string {
    switch (type.kind) {
      case 'list':
        return `&${name}`;
      case 'option':
        return this.#types.isPlain(type.of) ? name : `${name}.as_deref()`;
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.lent(shape.type, name);
        return this.#types.isPlain(type) ? name : `&${name}`;
      }
      case 'primitive':
      case 'tuple':
      case 'result':
        return name;
    }
  }
}
