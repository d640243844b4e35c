// SPDX-License-Identifier: Apache-2.0
// Writes ../c/contract.h: the contract for handlers in C. Its structs lie in memory as the canonical
// ABI has it, so that nothing is converted; assertions in the header say so.

import { type Answer, type BindingContract, type BoundInterface, snakeCase } from './contract.ts';
import { CDeclarations } from './c-declarations.ts';
import { CPassing } from './c-passing.ts';
import { CLines, continued, listed, orVoid, word } from './c-source.ts';
import { CTypes } from './c-types.ts';
import type { WitFunction } from './wit-syntax.ts';

/** The parameters of an author's function, with their types. */
export function cParameters(contract: BindingContract, answer: Answer): readonly string[] {
  return new CBinding(contract).parameters(answer);
}

/** Text of the header. */
export function cBinding(contract: BindingContract): string {
  return new CBinding(contract).text();
}

class CBinding {
  readonly #contract: BindingContract;
  readonly #lines = new CLines();
  readonly #types: CTypes;
  readonly #passing: CPassing;
  readonly #declarations: CDeclarations;

  constructor(contract: BindingContract) {
    this.#contract = contract;
    this.#types = new CTypes(this.#lines, contract);
    this.#passing = new CPassing(contract, this.#types);
    this.#declarations = new CDeclarations(this.#lines, contract, this.#types);
  }

  text(): string {
    this.#lines.write(
      '// SPDX-License-Identifier: Apache-2.0',
      '// The contract of handlers in C: written from the WIT and the table of system calls by',
      '// `npm run generate`. Include <seccompagent.h> instead of it.',
      '#pragma once',
      '',
      '#include <stdbool.h>',
      '#include <stddef.h>',
      '#include <stdint.h>',
      '',
      '/** Bytes that belong to somebody else. */',
      'typedef struct {',
      '  const uint8_t *data;',
      '  size_t length;',
      '} sca_bytes;',
      '',
      '/** UTF-8 without a NUL at its end. */',
      'typedef struct {',
      '  const char *data;',
      '  size_t length;',
      '} sca_text;',
    );
    for (const type of this.#contract.types) this.#declarations.declare(type);
    for (const each of this.#contract.interfaces) this.#interface(each);
    this.#lines.write('', '// Answers of a handler: one line of these for each function of yours.');
    for (const answer of this.#contract.answers) this.#export(answer);
    return `${this.#lines.all.join('\n')}\n`;
  }

  #interface(each: BoundInterface): void {
    this.#lines.write('', `// ${each.documentation.join('\n// ')}`.replaceAll(/ +$/gmu, ''));
    for (const declared of each.functions) this.#function(each, declared);
  }

  #function({ name: owner, module }: BoundInterface, declared: WitFunction): void {
    const { name, parameters, result } = declared;
    const own = `${snakeCase(owner)}_${snakeCase(name)}`;
    const core = parameters.flatMap((each) => this.#passing.flat(each.type, word(each.name)));
    const taken = parameters.map((each) => `${this.#types.type(each.type)} ${word(each.name)}`);
    const given = parameters.flatMap((each) => this.#passing.lowered(each.type, word(each.name)));
    const returned = result === null ? 'void' : this.#types.type(result);
    const isCore = result === null || this.#contract.isCoreResult(result);
    const coreParameters = isCore ? core : [...core, `${returned} *result`];
    this.#lines.write(
      '',
      `__attribute__((import_module("${module}"), import_name("${name}")))`,
      ...listed(`${isCore ? returned : 'void'} sca_import_${own}(`, orVoid(coreParameters), ');'),
    );
    this.#lines.document(declared.documentation);
    this.#lines.write(...listed(`static inline ${returned} sca_${own}(`, orVoid(taken), ') {'));
    if (isCore) {
      const call = `sca_import_${own}(${given.join(', ')})`;
      this.#lines.write(result === null ? `  ${call};` : `  return ${call};`, '}');
      return;
    }
    this.#lines.write(
      `  ${returned} result;`,
      ...listed(`  sca_import_${own}(`, [...given, '&result'], ');'),
      '  return result;',
      '}',
    );
  }

  parameters({ parameters }: Answer): readonly string[] {
    return parameters.map((each) => `${this.#types.type(each.type)} ${word(each.name)}`);
  }

  #export(answer: Answer): void {
    const { name, parameters } = answer;
    const shown = this.parameters(answer);
    const core = parameters.flatMap((each) => this.#passing.flat(each.type, word(each.name)));
    const given = parameters.map((each) => this.#passing.lifted(each.type, word(each.name)));
    this.#lines.write(
      '',
      ...listed('// Of: static sca_action FUNCTION(', orVoid(shown), ')').map((line) =>
        line.replace(/^ /u, '// '),
      ),
      ...continued([
        `#define SCA_EXPORT_${name.toUpperCase()}(function)`,
        ...listed(`  SCA_EXPORT_ANSWER(${name}, (`, orVoid(core), '),'),
        ...listed('    function(', given, '))'),
      ]),
    );
  }
}
