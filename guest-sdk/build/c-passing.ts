// SPDX-License-Identifier: Apache-2.0
// Passes values between C and the core functions of the canonical ABI.
import type { BindingContract } from './contract.ts';
import { word } from './c-source.ts';
import { type CTypes, numbers } from './c-types.ts';
import type { WitType } from './wit-syntax.ts';

export class CPassing {
  readonly #contract: BindingContract;
  readonly #types: CTypes;

  constructor(contract: BindingContract, types: CTypes) {
    this.#contract = contract;
    this.#types = types;
  }

  /** The core parameters that a value is given as. */
  flat(type: WitType, name: string): readonly string[] {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string'
          ? [`const char *${name}_data`, `size_t ${name}_length`]
          : [`${numbers[type.name]} ${name}`];
      case 'list':
        return [`const ${this.#types.type(type.of)} *${name}_data`, `size_t ${name}_length`];
      case 'option':
        return [`uint32_t ${name}_is_some`, ...this.flat(type.of, name)];
      case 'tuple':
        return type.of.flatMap((each, index) => this.flat(each, `${name}_${index}`));
      case 'named':
        return this.#flatNamed(type.name, name);
      case 'result':
        throw new Error('a result is no parameter');
    }
  }

  #flatNamed(typeName: string, name: string): readonly string[] {
    const shape = this.#contract.shape(typeName);
    switch (shape.kind) {
      case 'alias':
        return this.flat(shape.type, name);
      case 'enum':
        return [`uint32_t ${name}`];
      case 'record':
        return shape.fields.flatMap((field) =>
          this.flat(field.type, `${name}_${word(field.name)}`),
        );
      case 'variant':
        throw new Error('a variant is no parameter');
    }
  }

  /** The core values of an expression, in the order of `#flat`. */
  lowered(type: WitType, expression: string): readonly string[] {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string'
          ? [`${expression}.data`, `${expression}.length`]
          : [expression];
      case 'list':
        return [`${expression}.data`, `${expression}.length`];
      case 'option':
        return [`${expression}.is_some`, ...this.lowered(type.of, `${expression}.value`)];
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.lowered(shape.type, expression);
        if (shape.kind !== 'record') return [expression];
        return shape.fields.flatMap((field) =>
          this.lowered(field.type, `${expression}.${word(field.name)}`),
        );
      }
      case 'tuple':
      case 'result':
        throw new Error('no function of the host takes it');
    }
  }

  /** An expression for what the parameters of `#flat` hold. */
  lifted(type: WitType, name: string): string {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string' ? `(sca_text){${name}_data, ${name}_length}` : name;
      case 'list':
        return `(${this.#types.type(type)}){${name}_data, ${name}_length}`;
      case 'option':
        return `(${this.#types.type(type)}){${name}_is_some != 0, ${this.lifted(type.of, name)}}`;
      case 'tuple':
        return `{${type.of.map((each, index) => this.lifted(each, `${name}_${index}`)).join(', ')}}`;
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.lifted(shape.type, name);
        if (shape.kind !== 'record') return `(${this.#types.type(type)})${name}`;
        const fields = shape.fields.map((field) =>
          this.lifted(field.type, `${name}_${word(field.name)}`),
        );
        return `(${this.#types.type(type)}){${fields.join(', ')}}`;
      }
      case 'result':
        throw new Error('a result is no parameter');
    }
  }
}
