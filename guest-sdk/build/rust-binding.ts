// SPDX-License-Identifier: Apache-2.0
// Writes ../rust/contract.rs: the contract for handlers in Rust. Its types lie in memory as the
// canonical ABI has it, so that nothing is converted; assertions in the module say so.

import {
  type Answer,
  type BindingContract,
  type BoundInterface,
  type DeclaredType,
  TYPES_INTERFACE,
  pascalCase,
  snakeCase,
} from './contract.ts';
import type { WitCase, WitField, WitFunction, WitType } from './wit-syntax.ts';

const keywords = ['continue', 'match', 'move', 'mut', 'ref', 'type', 'use', 'where'];

const numbers = {
  bool: 'bool',
  u8: 'u8',
  u16: 'u16',
  u32: 'u32',
  s32: 'i32',
  u64: 'u64',
  s64: 'i64',
  string: 'Text',
} as const;

const sdk = '$crate::';

function word(name: string): string {
  const snake = snakeCase(name);
  return keywords.includes(snake) ? `r#${snake}` : snake;
}

const lineLength = 100;

/** A list on one line, or each of its items on its own. */
function listed(before: string, items: readonly string[], after: string): readonly string[] {
  const line = `${before}${items.join(', ')}${after}`;
  if (line.length <= lineLength) return [line];
  const indent = ' '.repeat(before.length - before.trimStart().length);
  return [before, ...items.map((item) => `${indent}    ${item},`), `${indent}${after}`];
}

/** The parameters of an author's function, with their types. */
export function rustParameters(contract: BindingContract, answer: Answer): readonly string[] {
  return new RustBinding(contract).parameters(answer);
}

/** Text of the module. */
export function rustBinding(contract: BindingContract): string {
  return new RustBinding(contract).text();
}

class RustBinding {
  readonly #contract: BindingContract;
  readonly #lines: string[] = [];

  constructor(contract: BindingContract) {
    this.#contract = contract;
  }

  text(): string {
    this.#write(
      '// SPDX-License-Identifier: Apache-2.0',
      '// What handlers in Rust can answer and use: written from the WIT and the table of system calls by',
      '// `npm run generate`. It is a part of the crate `seccompagent`.',
      '',
      'use crate::abi::{Bytes, List, Text};',
      '',
      '/// Layouts of the canonical ABI are those of `repr(C)`, where addresses have 32 bits.',
      '#[allow(dead_code)]',
      'const fn is_canonical(found: usize, expected: usize) -> bool {',
      '    cfg!(not(target_arch = "wasm32")) || found == expected',
      '}',
    );
    this.#types(TYPES_INTERFACE, '');
    for (const each of this.#contract.interfaces) this.#module(each);
    this.#exports();
    return `${this.#lines.join('\n')}\n`;
  }

  #write(...lines: readonly string[]): void {
    this.#lines.push(...lines);
  }

  #document(lines: readonly string[], indent: string, mark = '///'): void {
    this.#write(...lines.map((line) => `${indent}${mark} ${line}`.trimEnd()));
  }

  #types(owner: string, indent: string): void {
    for (const type of this.#contract.types) {
      if (type.interface === owner) this.#declare(type, indent);
    }
  }

  /** How a type is called from inside of a module. */
  #type(type: WitType): string {
    switch (type.kind) {
      case 'primitive':
        return numbers[type.name];
      case 'named':
        return pascalCase(type.name);
      case 'list':
        return type.of.kind === 'primitive' && type.of.name === 'u8'
          ? 'Bytes'
          : `List<${this.#type(type.of)}>`;
      case 'option':
        return `Option<${this.#type(type.of)}>`;
      case 'result':
        return `Result<${type.ok === null ? '()' : this.#type(type.ok)}, Errno>`;
      case 'tuple':
        return this.#tuple(type.of);
    }
  }

  /** A tuple of Rust may lie anyhow. */
  #tuple(of: readonly WitType[]): string {
    const [first] = of;
    if (first === undefined) throw new Error('an empty tuple');
    const name = this.#type(first);
    return name === 'Text' ? 'TextPair' : `[${name}; ${of.length}]`;
  }

  /** What a function takes: nobody has to give anything away. */
  #borrowed(type: WitType): string {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string' ? '&str' : numbers[type.name];
      case 'list':
        return `&[${this.#type(type.of)}]`;
      case 'option':
        return `Option<${this.#borrowed(type.of)}>`;
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.#borrowed(shape.type);
        return this.#type(type);
      }
      case 'tuple':
      case 'result':
        throw new Error('no function takes it');
    }
  }

  #declare(type: DeclaredType, indent: string): void {
    const name = pascalCase(type.name);
    const { shape } = type;
    this.#write('');
    this.#document(type.documentation, indent);
    switch (shape.kind) {
      case 'alias':
        this.#write(`${indent}pub type ${name} = ${this.#type(shape.type)};`);
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
    this.#write(`${indent}const _: () = assert!(is_canonical(${found}, ${expected}));`);
  }

  #record(name: string, fields: readonly WitField[], indent: string): void {
    const isPlain = fields.every(({ type }) => this.#isPlain(type));
    this.#write(
      `${indent}#[repr(C)]`,
      `${indent}#[derive(${isPlain ? 'Clone, Copy, ' : ''}Debug)]`,
      `${indent}pub struct ${name} {`,
    );
    for (const { name: own, documentation, type } of fields) {
      this.#document(documentation, `${indent}    `);
      this.#write(`${indent}    pub ${word(own)}: ${this.#type(type)},`);
    }
    this.#write(`${indent}}`);
    const offsets = this.#contract.offsets(fields);
    fields.forEach((field, index) => {
      const found = `core::mem::offset_of!(${name}, ${word(field.name)})`;
      this.#assert(indent, found, offsets[index] ?? 0);
    });
  }

  /** Whether a value owns no memory. */
  #isPlain(type: WitType): boolean {
    switch (type.kind) {
      case 'primitive':
        return type.name !== 'string';
      case 'list':
        return false;
      case 'option':
        return this.#isPlain(type.of);
      case 'tuple':
        return type.of.every((each) => this.#isPlain(each));
      case 'result':
        return type.ok === null || this.#isPlain(type.ok);
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.#isPlain(shape.type);
        if (shape.kind === 'record')
          return shape.fields.every((field) => this.#isPlain(field.type));
        return shape.cases.every(({ payload }) => payload === null || this.#isPlain(payload));
      }
    }
  }

  #enum(
    type: DeclaredType,
    name: string,
    { cases, indent }: { readonly cases: readonly WitCase[]; readonly indent: string },
  ): void {
    // errnos have the names that everybody knows
    const isErrno = type.name === 'errno';
    if (isErrno) this.#write(`${indent}#[allow(clippy::upper_case_acronyms)]`);
    this.#write(
      `${indent}#[repr(u8)]`,
      `${indent}#[derive(Clone, Copy, Debug, PartialEq, Eq)]`,
      `${indent}pub enum ${name} {`,
    );
    for (const { name: own, documentation } of cases) {
      this.#document(documentation, `${indent}    `);
      this.#write(`${indent}    ${isErrno ? own.toUpperCase() : pascalCase(own)},`);
    }
    this.#write(`${indent}}`);
  }

  #variant(name: string, cases: readonly WitCase[], indent: string): void {
    const isPlain = cases.every(({ payload }) => payload === null || this.#isPlain(payload));
    this.#write(
      `${indent}#[repr(C, u8)]`,
      `${indent}#[derive(${isPlain ? 'Clone, Copy, ' : ''}Debug)]`,
      `${indent}pub enum ${name} {`,
    );
    for (const { name: own, documentation, payload } of cases) {
      this.#document(documentation, `${indent}    `);
      const held = payload === null ? '' : `(${this.#type(payload)})`;
      this.#write(`${indent}    ${pascalCase(own)}${held},`);
    }
    this.#write(`${indent}}`);
  }

  #module(each: BoundInterface): void {
    this.#write('');
    this.#document(each.documentation, '');
    this.#write(
      `pub mod ${word(each.name)} {`,
      '    #[allow(unused_imports)]',
      '    use super::*;',
    );
    this.#write(
      '    #[allow(unused_imports)]',
      '    use crate::abi::{RawOption, RawResult, TextPair, returned};',
    );
    this.#types(each.name, '    ');
    for (const declared of each.functions) this.#function(each, declared);
    this.#write('}');
  }

  #function({ module }: BoundInterface, declared: WitFunction): void {
    const { name, parameters, result } = declared;
    const core = parameters.flatMap((each) => this.#flat(each.type, word(each.name)));
    const taken = parameters.map((each) => `${word(each.name)}: ${this.#borrowed(each.type)}`);
    const given = parameters.flatMap((each) => this.#lowered(each.type, word(each.name)));
    const isCore = result === null || this.#contract.isCoreResult(result);
    const raw = result === null ? '' : this.#raw(result);
    const arrow = result === null ? '' : ` -> ${this.#type(result)}`;
    this.#write('');
    this.#document(declared.documentation, '    ');
    const imported = isCore ? core : [...core, `result: *mut ${raw}`];
    this.#write(
      ...listed(`    pub fn ${word(name)}(`, taken, `)${arrow} {`),
      `        #[link(wasm_import_module = "${module}")]`,
      '        extern "C" {',
      `            #[link_name = "${name}"]`,
      ...listed('            fn import(', imported, `)${isCore ? arrow : ''};`),
      '        }',
    );
    if (isCore) this.#write(`        unsafe { import(${given.join(', ')}) }`, '    }');
    else {
      const into = this.#type(result) === raw ? '' : '.into()';
      this.#write(
        '        let result = unsafe {',
        ...listed('            returned(|result| import(', [...given, 'result'], '))'),
        '        };',
        `        result${into}`,
        '    }',
      );
    }
  }

  /** The type that lies in memory as the canonical ABI has it. */
  #raw(type: WitType): string {
    if (type.kind === 'option') return `RawOption<${this.#type(type.of)}>`;
    if (type.kind !== 'result') return this.#type(type);
    return `RawResult<${type.ok === null ? '()' : this.#type(type.ok)}>`;
  }

  /** The core parameters of a function of the host. */
  #flat(type: WitType, name: string): readonly string[] {
    const own = name.replace('r#', '');
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string'
          ? [`${own}_data: *const u8`, `${own}_length: usize`]
          : [`${name}: ${numbers[type.name]}`];
      case 'list':
        return [`${own}_data: *const ${this.#type(type.of)}`, `${own}_length: usize`];
      case 'option':
        return [`${own}_is_some: u32`, ...this.#flat(type.of, name)];
      case 'tuple':
        return type.of.flatMap((each, index) => this.#flat(each, `${own}_${index}`));
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.#flat(shape.type, name);
        if (shape.kind !== 'record') return [`${name}: u32`];
        return shape.fields.flatMap((field) =>
          this.#flat(field.type, `${own}_${snakeCase(field.name)}`),
        );
      }
      case 'result':
        throw new Error('a result is no parameter');
    }
  }

  #lowered(type: WitType, expression: string): readonly string[] {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string'
          ? [`${expression}.as_ptr()`, `${expression}.len()`]
          : [expression];
      case 'list':
        return [`${expression}.as_ptr()`, `${expression}.len()`];
      case 'option': {
        const values = this.#lowered(type.of, `${expression}.unwrap_or_default()`);
        return [`${expression}.is_some() as u32`, ...values];
      }
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.#lowered(shape.type, expression);
        if (shape.kind !== 'record') return [`${expression} as u32`];
        return shape.fields.flatMap((field) =>
          this.#lowered(field.type, `${expression}.${word(field.name)}`),
        );
      }
      case 'tuple':
      case 'result':
        throw new Error('no function of the host takes it');
    }
  }

  /** Parameters of an export, whose lists are given to the handler. */
  #exported(type: WitType, name: string): readonly string[] {
    return this.#flat(type, name).map((each) => each.replace('*const ', '*mut '));
  }

  /** An expression that owns what came, and lends it. */
  #owned(type: WitType, name: string): string {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string'
          ? `${sdk}abi::Text::from_raw(${name}_data, ${name}_length)`
          : name;
      case 'list':
        return `${sdk}abi::List::from_raw(${name}_data, ${name}_length)`;
      case 'option':
        return `(${name}_is_some != 0).then(|| ${this.#owned(type.of, name)})`;
      case 'tuple':
        return `[${type.of.map((each, index) => this.#owned(each, `${name}_${index}`)).join(', ')}]`;
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.#owned(shape.type, name);
        if (shape.kind !== 'record') {
          return `core::mem::transmute::<u8, ${sdk}${pascalCase(type.name)}>(${name} as u8)`;
        }
        const fields = shape.fields.map((field) => {
          const own = `${name}_${snakeCase(field.name)}`;
          return `${word(field.name)}: ${this.#owned(field.type, own)}`;
        });
        return `${sdk}${pascalCase(type.name)} { ${fields.join(', ')} }`;
      }
      case 'result':
        throw new Error('a result is no parameter');
    }
  }

  /** What the author's function takes of what `#owned` has. */
  #lent(type: WitType, name: string): string {
    switch (type.kind) {
      case 'list':
        return `&${name}`;
      case 'option':
        return this.#isPlain(type.of) ? name : `${name}.as_deref()`;
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.#lent(shape.type, name);
        return this.#isPlain(type) ? name : `&${name}`;
      }
      case 'primitive':
      case 'tuple':
      case 'result':
        return name;
    }
  }

  #shown(type: WitType): string {
    const borrowed = this.#borrowed(type);
    return type.kind === 'named' && !this.#isPlain(type) && !borrowed.startsWith('&')
      ? `&${borrowed}`
      : borrowed;
  }

  #exports(): void {
    const names = this.#contract.answers.map(({ name }) => name);
    this.#write(
      '',
      '/// What `export!` makes of one name.',
      '#[doc(hidden)]',
      '#[macro_export]',
      'macro_rules! export_answer {',
    );
    for (const answer of this.#contract.answers) this.#export(answer);
    this.#write(
      '    ($other:ident) => {',
      '        compile_error!(concat!(',
      `            "a handler cannot answer \\"", stringify!($other), "\\"; it can answer ${names.join(', ')}"`,
      '        ));',
      '    };',
      '}',
    );
  }

  parameters({ parameters }: Answer): readonly string[] {
    return parameters.map((each) => `${word(each.name)}: ${this.#shown(each.type)}`);
  }

  #export(answer: Answer): void {
    const { name, parameters } = answer;
    const shown = this.parameters(answer);
    const core = parameters.flatMap((each) => this.#exported(each.type, word(each.name)));
    const owned = parameters
      .filter((each) => this.#owned(each.type, word(each.name)) !== word(each.name))
      .map((each) => `let ${word(each.name)} = ${this.#owned(each.type, word(each.name))};`);
    const lent = parameters.map((each) => this.#lent(each.type, word(each.name)));
    this.#write(
      ...listed(`    // fn ${name}(`, shown, ') -> Action').map((line) =>
        line.replace(/^ {4}(?!\/)/u, '    // '),
      ),
      `    (${name}) => {`,
      '        const _: () = {',
      `            #[export_name = "${name}"]`,
      ...listed('            unsafe extern "C" fn answer(', core, `) -> *const ${sdk}Action {`),
      ...owned.map((line) => `                ${line}`),
      `                ${sdk}abi::answered(crate::${name}(${lent.join(', ')}))`,
      '            }',
      '        };',
      '    };',
    );
  }
}
