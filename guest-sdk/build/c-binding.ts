// SPDX-License-Identifier: Apache-2.0
// Writes ../c/contract.h: the contract for handlers in C. Its structs lie in memory as the canonical
// ABI has it, so that nothing is converted; assertions in the header say so.

import {
  type Answer,
  type BindingContract,
  type BoundInterface,
  type DeclaredType,
  TYPES_INTERFACE,
  snakeCase,
} from './contract.ts';
import type { WitCase, WitField, WitFunction, WitType } from './wit-syntax.ts';

/** Words that no field and no parameter may be called. */
const keywords = ['continue', 'default', 'register', 'short', 'signed', 'switch', 'union'];

const numbers = {
  bool: 'bool',
  u8: 'uint8_t',
  u16: 'uint16_t',
  u32: 'uint32_t',
  s32: 'int32_t',
  u64: 'uint64_t',
  s64: 'int64_t',
  string: 'sca_text',
} as const;

function word(name: string): string {
  const snake = snakeCase(name);
  return keywords.includes(snake) ? `${snake}_` : snake;
}

const lineLength = 100;

/** A list on one line, or each of its items on its own. */
function listed(before: string, items: readonly string[], after: string): readonly string[] {
  const line = `${before}${items.join(', ')}${after}`;
  if (line.length <= lineLength) return [line];
  const indent = ' '.repeat(before.length - before.trimStart().length + 4);
  const lines = items.map((item, index) =>
    index === items.length - 1 ? `${indent}${item}${after}` : `${indent}${item},`,
  );
  return [before, ...lines];
}

/** The parameters of an author's function, with their types. */
export function cParameters(contract: BindingContract, answer: Answer): readonly string[] {
  return new CBinding(contract).parameters(answer);
}

/** Text of the header. */
export function cBinding(contract: BindingContract): string {
  return new CBinding(contract).text();
}

/** The lines of a macro. */
function continued(lines: readonly string[]): readonly string[] {
  return lines.map((line, index) => (index === lines.length - 1 ? line : `${line} \\`));
}

function orVoid(parameters: readonly string[]): readonly string[] {
  return parameters.length === 0 ? ['void'] : parameters;
}

class CBinding {
  readonly #contract: BindingContract;
  readonly #lines: string[] = [];
  /** Types that C has no generic way for, which are declared when they are first used. */
  readonly #declared: Set<string> = new Set(['sca_bytes', 'sca_text']);

  constructor(contract: BindingContract) {
    this.#contract = contract;
  }

  text(): string {
    this.#write(
      '// SPDX-License-Identifier: Apache-2.0',
      '// What handlers in C can answer and use: written from the WIT and the table of system calls by',
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
    for (const type of this.#contract.types) this.#declare(type);
    for (const each of this.#contract.interfaces) this.#interface(each);
    this.#write('', '// What a handler answers: one line of these for each function of yours.');
    for (const answer of this.#contract.answers) this.#export(answer);
    return `${this.#lines.join('\n')}\n`;
  }

  #write(...lines: readonly string[]): void {
    this.#lines.push(...lines);
  }

  #document(lines: readonly string[], indent = ''): void {
    if (lines.length === 1) this.#write(`${indent}/** ${lines[0] ?? ''} */`);
    else if (lines.length > 1) {
      this.#write(`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`.trimEnd()));
      this.#write(`${indent} */`);
    }
  }

  /** The C name of a declared type, which says whose it is. */
  #name(type: DeclaredType): string {
    const own = snakeCase(type.name);
    return type.interface === TYPES_INTERFACE
      ? `sca_${own}`
      : `sca_${snakeCase(type.interface)}_${own}`;
  }

  /** The C type; declares it before whatever is being written, where C has no name for it. */
  #type(type: WitType): string {
    switch (type.kind) {
      case 'primitive':
        return numbers[type.name];
      case 'named':
        return this.#name(this.#contract.declaration(type.name));
      case 'list':
        return this.#listType(type.of);
      case 'option':
        return this.#optionType(type.of);
      case 'result':
        return this.#resultType(type.ok);
      case 'tuple':
        return this.#tupleType(type.of);
    }
  }

  #stem(type: WitType): string {
    return this.#type(type).replace(/^sca_/u, '').replace(/_t$/u, '');
  }

  #declareOnce(name: string, type: WitType, lines: readonly string[]): string {
    if (this.#declared.has(name)) return name;
    this.#declared.add(name);
    this.#write('', 'typedef struct {', ...lines, `} ${name};`);
    this.#assertSize(name, type);
    return name;
  }

  #listType(of: WitType): string {
    if (of.kind === 'primitive' && of.name === 'u8') return 'sca_bytes';
    const element = this.#type(of);
    return this.#declareOnce(`sca_${this.#stem(of)}_list`, { kind: 'list', of }, [
      `  const ${element} *data;`,
      '  size_t length;',
    ]);
  }

  #optionType(of: WitType): string {
    const value = this.#type(of);
    return this.#declareOnce(`sca_optional_${this.#stem(of)}`, { kind: 'option', of }, [
      '  bool is_some;',
      '  /** Says something only where there is one. */',
      `  ${value} value;`,
    ]);
  }

  #resultType(ok: WitType | null): string {
    const type: WitType = { kind: 'result', ok };
    if (ok === null) {
      return this.#declareOnce('sca_result', type, [
        '  bool is_error;',
        '  /** Says something only where there is one. */',
        '  sca_errno error;',
      ]);
    }
    const value = this.#type(ok);
    return this.#declareOnce(`sca_${this.#stem(ok)}_result`, type, [
      '  bool is_error;',
      '  union {',
      `    ${value} value;`,
      '    sca_errno error;',
      '  };',
    ]);
  }

  #tupleType(of: readonly WitType[]): string {
    const [first, second] = of;
    if (first === undefined || second === undefined) throw new Error('a tuple of less than two');
    const name = `sca_${this.#stem(first)}_pair`;
    return this.#declareOnce(name, { kind: 'tuple', of }, [
      `  ${this.#type(first)} first;`,
      `  ${this.#type(second)} second;`,
    ]);
  }

  /** Tuples in records are of one type only: arrays. */
  #field(type: WitType, name: string): string {
    if (type.kind !== 'tuple') return `${this.#type(type)} ${name};`;
    const [first] = type.of;
    if (first === undefined) throw new Error('an empty tuple');
    return `${this.#type(first)} ${name}[${type.of.length}];`;
  }

  #assertSize(name: string, type: WitType): void {
    const { size, alignment } = this.#contract.layout(type);
    this.#write(
      `_Static_assert(sizeof(${name}) == ${size}, "canonical ABI");`,
      `_Static_assert(_Alignof(${name}) == ${alignment}, "canonical ABI");`,
    );
  }

  #declare(type: DeclaredType): void {
    const name = this.#name(type);
    const own: WitType = { kind: 'named', name: type.name };
    const { shape } = type;
    switch (shape.kind) {
      case 'alias': {
        const aliased = this.#type(shape.type);
        this.#write('');
        this.#document(type.documentation);
        this.#write(`typedef ${aliased} ${name};`);
        return;
      }
      case 'record':
        this.#record(type, name, shape.fields);
        break;
      case 'enum':
        this.#write('');
        this.#document(type.documentation);
        this.#enum(name, type.name, shape.cases);
        break;
      case 'variant':
        this.#variant(type, name, shape.cases);
    }
    this.#assertSize(name, own);
  }

  #enum(name: string, ownName: string, cases: readonly WitCase[]): void {
    // errnos have the names that C knows
    const prefix = ownName === 'errno' ? 'SCA_' : `${name.toUpperCase()}_`;
    this.#write('typedef enum : uint8_t {');
    for (const { name: own, documentation } of cases) {
      this.#document(documentation, '  ');
      this.#write(`  ${prefix}${snakeCase(own).toUpperCase()},`);
    }
    this.#write(`} ${name};`);
  }

  #record(type: DeclaredType, name: string, fields: readonly WitField[]): void {
    const written = fields.map((field) => this.#field(field.type, word(field.name)));
    this.#write('');
    this.#document(type.documentation);
    this.#write('typedef struct {');
    fields.forEach(({ documentation }, index) => {
      this.#document(documentation, '  ');
      this.#write(`  ${written[index] ?? ''}`);
    });
    this.#write(`} ${name};`);
    const offsets = this.#contract.offsets(fields);
    fields.forEach((field, index) => {
      this.#write(
        `_Static_assert(offsetof(${name}, ${word(field.name)}) == ${offsets[index]}, "canonical ABI");`,
      );
    });
  }

  #variant(type: DeclaredType, name: string, cases: readonly WitCase[]): void {
    const written = cases.flatMap(({ name: own, payload }) =>
      payload === null ? [] : [`    ${this.#field(payload, word(own))}`],
    );
    this.#write('', `/** The cases of ${name}. */`);
    this.#enum(`${name}_kind`, `${type.name}-kind`, cases);
    this.#write('');
    this.#document(type.documentation);
    this.#write('typedef struct {', `  ${name}_kind kind;`);
    this.#write('  union {', ...written, '  };', `} ${name};`);
  }

  #interface(each: BoundInterface): void {
    this.#write('', `// ${each.documentation.join('\n// ')}`.replaceAll(/ +$/gmu, ''));
    for (const declared of each.functions) this.#function(each, declared);
  }

  #function({ name: owner, module }: BoundInterface, declared: WitFunction): void {
    const { name, parameters, result } = declared;
    const own = `${snakeCase(owner)}_${snakeCase(name)}`;
    const core = parameters.flatMap((each) => this.#flat(each.type, word(each.name)));
    const taken = parameters.map((each) => `${this.#type(each.type)} ${word(each.name)}`);
    const given = parameters.flatMap((each) => this.#lowered(each.type, word(each.name)));
    const returned = result === null ? 'void' : this.#type(result);
    const isCore = result === null || this.#contract.isCoreResult(result);
    const coreParameters = isCore ? core : [...core, `${returned} *result`];
    this.#write(
      '',
      `__attribute__((import_module("${module}"), import_name("${name}")))`,
      ...listed(`${isCore ? returned : 'void'} sca_import_${own}(`, orVoid(coreParameters), ');'),
    );
    this.#document(declared.documentation);
    this.#write(...listed(`static inline ${returned} sca_${own}(`, orVoid(taken), ') {'));
    if (isCore) {
      const call = `sca_import_${own}(${given.join(', ')})`;
      this.#write(result === null ? `  ${call};` : `  return ${call};`, '}');
      return;
    }
    this.#write(
      `  ${returned} result;`,
      ...listed(`  sca_import_${own}(`, [...given, '&result'], ');'),
      '  return result;',
      '}',
    );
  }

  /** The core parameters that a value is given as. */
  #flat(type: WitType, name: string): readonly string[] {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string'
          ? [`const char *${name}_data`, `size_t ${name}_length`]
          : [`${numbers[type.name]} ${name}`];
      case 'list':
        return [`const ${this.#type(type.of)} *${name}_data`, `size_t ${name}_length`];
      case 'option':
        return [`uint32_t ${name}_is_some`, ...this.#flat(type.of, name)];
      case 'tuple':
        return type.of.flatMap((each, index) => this.#flat(each, `${name}_${index}`));
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
        return this.#flat(shape.type, name);
      case 'enum':
        return [`uint32_t ${name}`];
      case 'record':
        return shape.fields.flatMap((field) =>
          this.#flat(field.type, `${name}_${word(field.name)}`),
        );
      case 'variant':
        throw new Error('a variant is no parameter');
    }
  }

  /** The core values of an expression, in the order of `#flat`. */
  #lowered(type: WitType, expression: string): readonly string[] {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string'
          ? [`${expression}.data`, `${expression}.length`]
          : [expression];
      case 'list':
        return [`${expression}.data`, `${expression}.length`];
      case 'option':
        return [`${expression}.is_some`, ...this.#lowered(type.of, `${expression}.value`)];
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.#lowered(shape.type, expression);
        if (shape.kind !== 'record') return [expression];
        return shape.fields.flatMap((field) =>
          this.#lowered(field.type, `${expression}.${word(field.name)}`),
        );
      }
      case 'tuple':
      case 'result':
        throw new Error('no function of the host takes it');
    }
  }

  /** An expression for what the parameters of `#flat` hold. */
  #lifted(type: WitType, name: string): string {
    switch (type.kind) {
      case 'primitive':
        return type.name === 'string' ? `(sca_text){${name}_data, ${name}_length}` : name;
      case 'list':
        return `(${this.#type(type)}){${name}_data, ${name}_length}`;
      case 'option':
        return `(${this.#type(type)}){${name}_is_some != 0, ${this.#lifted(type.of, name)}}`;
      case 'tuple':
        return `{${type.of.map((each, index) => this.#lifted(each, `${name}_${index}`)).join(', ')}}`;
      case 'named': {
        const shape = this.#contract.shape(type.name);
        if (shape.kind === 'alias') return this.#lifted(shape.type, name);
        if (shape.kind !== 'record') return `(${this.#type(type)})${name}`;
        const fields = shape.fields.map((field) =>
          this.#lifted(field.type, `${name}_${word(field.name)}`),
        );
        return `(${this.#type(type)}){${fields.join(', ')}}`;
      }
      case 'result':
        throw new Error('a result is no parameter');
    }
  }

  parameters({ parameters }: Answer): readonly string[] {
    return parameters.map((each) => `${this.#type(each.type)} ${word(each.name)}`);
  }

  #export(answer: Answer): void {
    const { name, parameters } = answer;
    const shown = this.parameters(answer);
    const core = parameters.flatMap((each) => this.#flat(each.type, word(each.name)));
    const given = parameters.map((each) => this.#lifted(each.type, word(each.name)));
    this.#write(
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
