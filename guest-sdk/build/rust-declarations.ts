// SPDX-License-Identifier: Apache-2.0
// Declares the types of the contract in Rust.
import { type BindingContract, type DeclaredType, pascalCase } from './contract.ts';
import { type RustLines, word } from './rust-source.ts';
import type { RustTypes } from './rust-types.ts';
import type { WitCase, WitField } from './wit-syntax.ts';

export class RustDeclarations {
  readonly #lines: RustLines;
  readonly #contract: BindingContract;
  readonly #types: RustTypes;

  constructor(lines: RustLines, contract: BindingContract, types: RustTypes) {
    this.#lines = lines;
    this.#contract = contract;
    this.#types = types;
  }

  types(owner: string, indent: string): void {
    for (const type of this.#contract.types) {
      if (type.interface === owner) this.#declare(type, indent);
    }
  }

  #declare(type: DeclaredType, indent: string): void {
    const name = pascalCase(type.name);
    const { shape } = type;
    this.#lines.write('');
    this.#lines.document(type.documentation, indent);
    switch (shape.kind) {
      case 'alias':
        this.#lines.write(`${indent}pub type ${name} = ${this.#types.type(shape.type)};`);
        return;
      case 'record':
        this.#record(name, shape.fields, indent);
        break;
      case 'enum':
        this.#enum(type, name, { cases: shape.cases, indent });
        break;
      case 'variant':
        this.#variant(name, shape.cases, indent);
    }
    const { size, alignment } = this.#contract.layout({ kind: 'named', name: type.name });
    this.#assert(indent, `core::mem::size_of::<${name}>()`, size);
    this.#assert(indent, `core::mem::align_of::<${name}>()`, alignment);
  }

  #assert(indent: string, found: string, expected: number): void {
    this.#lines.write(`${indent}const _: () = assert!(is_canonical(${found}, ${expected}));`);
  }

  #record(name: string, fields: readonly WitField[], indent: string): void {
    const isPlain = fields.every(({ type }) => this.#types.isPlain(type));
    this.#lines.write(
      `${indent}#[repr(C)]`,
      `${indent}#[derive(${isPlain ? 'Clone, Copy, ' : ''}Debug)]`,
      `${indent}pub struct ${name} {`,
    );
    for (const { name: own, documentation, type } of fields) {
      this.#lines.document(documentation, `${indent}    `);
      this.#lines.write(`${indent}    pub ${word(own)}: ${this.#types.type(type)},`);
    }
    this.#lines.write(`${indent}}`);
    const offsets = this.#contract.offsets(fields);
    fields.forEach((field, index) => {
      const found = `core::mem::offset_of!(${name}, ${word(field.name)})`;
      this.#assert(indent, found, offsets[index] ?? 0);
    });
  }

  #enum(
    type: DeclaredType,
    name: string,
    { cases, indent }: { readonly cases: readonly WitCase[]; readonly indent: string },
  ): void {
    // errnos have the names that everybody knows
    const isErrno = type.name === 'errno';
    if (isErrno) this.#lines.write(`${indent}#[allow(clippy::upper_case_acronyms)]`);
    this.#lines.write(
      `${indent}#[repr(u8)]`,
      `${indent}#[derive(Clone, Copy, Debug, PartialEq, Eq)]`,
      `${indent}pub enum ${name} {`,
    );
    for (const { name: own, documentation } of cases) {
      this.#lines.document(documentation, `${indent}    `);
      this.#lines.write(`${indent}    ${isErrno ? own.toUpperCase() : pascalCase(own)},`);
    }
    this.#lines.write(`${indent}}`);
  }

  #variant(name: string, cases: readonly WitCase[], indent: string): void {
    const isPlain = cases.every(({ payload }) => payload === null || this.#types.isPlain(payload));
    this.#lines.write(
      `${indent}#[repr(C, u8)]`,
      `${indent}#[derive(${isPlain ? 'Clone, Copy, ' : ''}Debug)]`,
      `${indent}pub enum ${name} {`,
    );
    for (const { name: own, documentation, payload } of cases) {
      this.#lines.document(documentation, `${indent}    `);
      const held = payload === null ? '' : `(${this.#types.type(payload)})`;
      this.#lines.write(`${indent}    ${pascalCase(own)}${held},`);
    }
    this.#lines.write(`${indent}}`);
  }
}
