// SPDX-License-Identifier: Apache-2.0
// Writes ../assembly/parameters.ts and ../assembly/abi/parameters.ts: the enums and structs that
// handlers in AssemblyScript get as parameters, and the functions that make structs of core values.

import { BuildError } from './build-error.ts';
import { type BindingContract, type DeclaredType, pascalCase } from './contract.ts';
import { camelCase } from './signature.ts';
import type { WitCase, WitField, WitType } from './wit-syntax.ts';

const numbers = {
  bool: 'bool',
  u8: 'u8',
  u16: 'u16',
  u32: 'u32',
  s32: 'i32',
  u64: 'u64',
  s64: 'i64',
} as const;

const license = '// SPDX-License-Identifier: Apache-2.0';

/** Sentences of WIT begin with a small letter where they document a field. */
function comment(documentation: readonly string[], indent: string): readonly string[] {
  const lines = documentation.map((line, index) =>
    index === 0 ? line.charAt(0).toUpperCase() + line.slice(1) : line,
  );
  if (lines.length === 0) return [];
  if (lines.length > 1) {
    return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`), `${indent} */`];
  }
  const [line = ''] = lines;
  const last = /[.:]$/u.test(line) ? '' : '.';
  return [`${indent}/** ${line}${last} */`];
}

interface Value {
  readonly core: readonly string[];
  readonly value: string;
}

class AssemblyScriptBinding {
  readonly #contract: BindingContract;
  /** Types of parameters: enums, and structs that a pointer leads to, unless it is NULL. */
  readonly #parameters: readonly DeclaredType[];
  /** Types of parameters and of their fields, in the order of the WIT. */
  readonly #types: readonly DeclaredType[];

  constructor(contract: BindingContract) {
    this.#contract = contract;
    const own = contract.answers.flatMap(({ parameters }) =>
      parameters.flatMap(({ type }) =>
        type.kind === 'option' ? this.#named(type.of, 'record') : this.#named(type, 'enum'),
      ),
    );
    this.#parameters = [...new Set(own)];
    const used = new Set(own.flatMap((type) => this.#withFields(type)));
    this.#types = contract.types.filter((type) => used.has(type));
  }

  /** The types, for authors. */
  types(): string {
    return [
      license,
      '// Enums and structs of parameters. Written from the WIT by `npm run generate`.',
      ...this.#types.flatMap((type) => ['', ...this.#declaration(type)]),
      '',
    ].join('\n');
  }

  /** The functions, for the exports of a component. */
  lifts(): string {
    const names = this.#types.map(({ name }) => pascalCase(name));
    return [
      license,
      '// Enums and structs of parameters from their core values. Written from the WIT by `npm run generate`.',
      '',
      `import { ${names.join(', ')} } from '../parameters';`,
      ...this.#parameters.flatMap((type) => ['', ...this.#lift(type)]),
      '',
    ].join('\n');
  }

  #named(type: WitType, kind: 'record' | 'enum'): readonly DeclaredType[] {
    if (type.kind !== 'named') return [];
    const declared = this.#contract.declaration(type.name);
    return declared.shape.kind === kind ? [declared] : [];
  }

  #withFields(type: DeclaredType): readonly DeclaredType[] {
    if (type.shape.kind !== 'record') return [type];
    const fields = type.shape.fields.flatMap((field) =>
      field.type.kind === 'named' ? [this.#contract.declaration(field.type.name)] : [],
    );
    return [...fields.flatMap((field) => this.#withFields(field)), type];
  }

  #declaration(type: DeclaredType): readonly string[] {
    const { name, documentation, shape } = type;
    const head = comment(documentation, '');
    switch (shape.kind) {
      case 'enum':
        return [...head, `export enum ${pascalCase(name)} {`, ...this.#cases(shape.cases), '}'];
      case 'record':
        return [...head, `export class ${pascalCase(name)} {`, ...this.#fields(shape.fields), '}'];
      case 'alias':
      case 'variant':
        throw new BuildError(`a field of a parameter cannot be the ${shape.kind} "${name}"`);
    }
  }

  #cases(cases: readonly WitCase[]): readonly string[] {
    return cases.flatMap(({ name, documentation }) => [
      ...comment(documentation, '  '),
      `  ${pascalCase(name)},`,
    ]);
  }

  #fields(fields: readonly WitField[]): readonly string[] {
    const written = fields.flatMap(({ name, documentation, type }) => [
      ...comment(documentation, '    '),
      `    readonly ${camelCase(name)}: ${this.#type(type)},`,
    ]);
    return ['  constructor(', ...written, '  ) {}'];
  }

  #type(type: WitType): string {
    if (type.kind === 'named') return pascalCase(type.name);
    if (type.kind === 'primitive' && type.name !== 'string') return numbers[type.name];
    throw new BuildError(`a field of a parameter cannot be of the kind "${type.kind}"`);
  }

  /** Core parameters of a value, and the expression that makes it of them. */
  #value(type: WitType, name: string): Value {
    if (type.kind !== 'named') return { core: [`${name}: ${this.#type(type)}`], value: name };
    const { shape } = this.#contract.declaration(type.name);
    if (shape.kind !== 'record') {
      return { core: [`${name}: i32`], value: `<${pascalCase(type.name)}>${name}` };
    }
    const fields = this.#fieldValues(shape.fields, `${name}-`);
    return {
      core: fields.flatMap(({ core }) => core),
      value: `new ${pascalCase(type.name)}(${fields.map(({ value }) => value).join(', ')})`,
    };
  }

  #fieldValues(fields: readonly WitField[], before: string): readonly Value[] {
    return fields.map(({ name, type }) => this.#value(type, camelCase(`${before}${name}`)));
  }

  #lift({ name, shape }: DeclaredType): readonly string[] {
    const own = pascalCase(name);
    if (shape.kind !== 'record') {
      return [`export function lift${own}(value: i32): ${own} {`, `  return <${own}>value;`, '}'];
    }
    const fields = this.#fieldValues(shape.fields, '');
    return [
      '/** The struct behind a pointer. */',
      `export function lift${own}(`,
      '  isThere: i32,',
      ...fields.flatMap(({ core }) => core.map((parameter) => `  ${parameter},`)),
      `): ${own} | null {`,
      '  if (isThere == 0) return null;',
      `  return new ${own}(`,
      ...fields.map(({ value }) => `    ${value},`),
      '  );',
      '}',
    ];
  }
}

/** Text of the module for authors, and of that for the exports. */
export function assemblyScriptBinding(contract: BindingContract): {
  readonly types: string;
  readonly lifts: string;
} {
  const binding = new AssemblyScriptBinding(contract);
  return { types: binding.types(), lifts: binding.lifts() };
}
