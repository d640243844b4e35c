// SPDX-License-Identifier: Apache-2.0
// Declares the types of the contract in C.
import { type BindingContract, type DeclaredType, snakeCase } from './contract.ts';
import { type CLines, word } from './c-source.ts';
import type { CTypes } from './c-types.ts';
import type { WitCase, WitField, WitType } from './wit-syntax.ts';

export class CDeclarations {
  readonly #lines: CLines;
  readonly #contract: BindingContract;
  readonly #types: CTypes;

  constructor(lines: CLines, contract: BindingContract, types: CTypes) {
    this.#lines = lines;
    this.#contract = contract;
    this.#types = types;
  }

  declare(type: DeclaredType): void {
    const name = this.#types.name(type);
    const own: WitType = { kind: 'named', name: type.name };
    const { shape } = type;
    switch (shape.kind) {
      case 'alias': {
        const aliased = this.#types.type(shape.type);
        this.#lines.write('');
        this.#lines.document(type.documentation);
        this.#lines.write(`typedef ${aliased} ${name};`);
        return;
      }
      case 'record':
        this.#record(type, name, shape.fields);
        break;
      case 'enum':
        this.#lines.write('');
        this.#lines.document(type.documentation);
        this.#enum(name, type.name, shape.cases);
        break;
      case 'variant':
        this.#variant(type, name, shape.cases);
    }
    this.#types.assertSize(name, own);
  }

  #enum(name: string, ownName: string, cases: readonly WitCase[]): void {
    // errnos have the names that C knows
    const prefix = ownName === 'errno' ? 'SCA_' : `${name.toUpperCase()}_`;
    this.#lines.write('typedef enum : uint8_t {');
    for (const { name: own, documentation } of cases) {
      this.#lines.document(documentation, '  ');
      this.#lines.write(`  ${prefix}${snakeCase(own).toUpperCase()},`);
    }
    this.#lines.write(`} ${name};`);
  }

  #record(type: DeclaredType, name: string, fields: readonly WitField[]): void {
    const written = fields.map((field) => this.#types.field(field.type, word(field.name)));
    this.#lines.write('');
    this.#lines.document(type.documentation);
    this.#lines.write('typedef struct {');
    fields.forEach(({ documentation }, index) => {
      this.#lines.document(documentation, '  ');
      this.#lines.write(`  ${written[index] ?? ''}`);
    });
    this.#lines.write(`} ${name};`);
    const offsets = this.#contract.offsets(fields);
    fields.forEach((field, index) => {
      this.#lines.write(
        `_Static_assert(offsetof(${name}, ${word(field.name)}) == ${offsets[index]}, "canonical ABI");`,
      );
    });
  }

  #variant(type: DeclaredType, name: string, cases: readonly WitCase[]): void {
    const written = cases.flatMap(({ name: own, payload }) =>
      payload === null ? [] : [`    ${this.#types.field(payload, word(own))}`],
    );
    this.#lines.write('', `/** The cases of ${name}. */`);
    this.#enum(`${name}_kind`, `${type.name}-kind`, cases);
    this.#lines.write('');
    this.#lines.document(type.documentation);
    this.#lines.write('typedef struct {', `  ${name}_kind kind;`);
    this.#lines.write('  union {', ...written, '  };', `} ${name};`);
  }
}
