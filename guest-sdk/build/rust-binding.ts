// SPDX-License-Identifier: Apache-2.0
// Writes ../rust/contract.rs: the contract for handlers in Rust. Its types lie in memory as the
// canonical ABI has it, so that nothing is converted; assertions in the module say so.

import {
  type Answer,
  type BindingContract,
  type BoundInterface,
  TYPES_INTERFACE,
} from './contract.ts';
import { RustDeclarations } from './rust-declarations.ts';
import { RustPassing } from './rust-passing.ts';
import { RustLines, listed, sdk, word } from './rust-source.ts';
import { RustTypes } from './rust-types.ts';
import type { WitFunction, WitType } from './wit-syntax.ts';

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
  readonly #lines = new RustLines();
  readonly #types: RustTypes;
  readonly #passing: RustPassing;
  readonly #declarations: RustDeclarations;

  constructor(contract: BindingContract) {
    this.#contract = contract;
    this.#types = new RustTypes(contract);
    this.#passing = new RustPassing(contract, this.#types);
    this.#declarations = new RustDeclarations(this.#lines, contract, this.#types);
  }

  text(): string {
    this.#lines.write(
      '// SPDX-License-Identifier: Apache-2.0',
      '// The contract of handlers in Rust: written from the WIT and the table of system calls by',
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
    this.#declarations.types(TYPES_INTERFACE, '');
    for (const each of this.#contract.interfaces) this.#module(each);
    this.#exports();
    return `${this.#lines.all.join('\n')}\n`;
  }

  #module(each: BoundInterface): void {
    this.#lines.write('');
    this.#lines.document(each.documentation, '');
    this.#lines.write(
      `pub mod ${word(each.name)} {`,
      '    #[allow(unused_imports)]',
      '    use super::*;',
    );
    this.#lines.write(
      '    #[allow(unused_imports)]',
      '    use crate::abi::{RawOption, RawResult, TextPair, returned};',
    );
    this.#declarations.types(each.name, '    ');
    for (const declared of each.functions) this.#function(each, declared);
    this.#lines.write('}');
  }

  #function({ module }: BoundInterface, declared: WitFunction): void {
    const { name, parameters, result } = declared;
    const core = parameters.flatMap((each) => this.#passing.flat(each.type, word(each.name)));
    const taken = parameters.map(
      (each) => `${word(each.name)}: ${this.#types.borrowed(each.type)}`,
    );
    const given = parameters.flatMap((each) => this.#passing.lowered(each.type, word(each.name)));
    const isCore = result === null || this.#contract.isCoreResult(result);
    const raw = result === null ? '' : this.#types.raw(result);
    const arrow = result === null ? '' : ` -> ${this.#types.type(result)}`;
    this.#lines.write('');
    this.#lines.document(declared.documentation, '    ');
    const imported = isCore ? core : [...core, `result: *mut ${raw}`];
    this.#lines.write(
      ...listed(`    pub fn ${word(name)}(`, taken, `)${arrow} {`),
      `        #[link(wasm_import_module = "${module}")]`,
      '        extern "C" {',
      `            #[link_name = "${name}"]`,
      ...listed('            fn import(', imported, `)${isCore ? arrow : ''};`),
      '        }',
    );
    if (isCore) this.#lines.write(`        unsafe { import(${given.join(', ')}) }`, '    }');
    else {
      const into = this.#types.type(result) === raw ? '' : '.into()';
      this.#lines.write(
        '        let result = unsafe {',
        ...listed('            returned(|result| import(', [...given, 'result'], '))'),
        '        };',
        `        result${into}`,
        '    }',
      );
    }
  }

  #shown(type: WitType): string {
    const borrowed = this.#types.borrowed(type);
    return type.kind === 'named' && !this.#types.isPlain(type) && !borrowed.startsWith('&')
      ? `&${borrowed}`
      : borrowed;
  }

  #exports(): void {
    const names = this.#contract.answers.map(({ name }) => name);
    this.#lines.write(
      '',
      '/// The export of one name, made by `export!`.',
      '#[doc(hidden)]',
      '#[macro_export]',
      'macro_rules! export_answer {',
    );
    for (const answer of this.#contract.answers) this.#export(answer);
    this.#lines.write(
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
    const core = parameters.flatMap((each) => this.#passing.exported(each.type, word(each.name)));
    const owned = parameters
      .filter((each) => this.#passing.owned(each.type, word(each.name)) !== word(each.name))
      .map(
        (each) => `let ${word(each.name)} = ${this.#passing.owned(each.type, word(each.name))};`,
      );
    const lent = parameters.map((each) => this.#passing.lent(each.type, word(each.name)));
    this.#lines.write(
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
