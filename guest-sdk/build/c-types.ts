// SPDX-License-Identifier: Apache-2.0
// Types of the contract as C has them.
import { type BindingContract, type DeclaredType, TYPES_INTERFACE, snakeCase } from './contract.ts';
import type { CLines } from './c-source.ts';
import type { WitType } from './wit-syntax.ts';

export const numbers = {
  bool: 'bool',
  u8: 'uint8_t',
  u16: 'uint16_t',
  u32: 'uint32_t',
  s32: 'int32_t',
  u64: 'uint64_t',
  s64: 'int64_t',
  string: 'sca_text',
} as const;

export class CTypes {
  readonly #lines: CLines;
  readonly #contract: BindingContract;
  /** Types that C has no generic way for, which are declared at their first use. */
  readonly #declared: Set<string> = new Set(['sca_bytes', 'sca_text']);

  constructor(lines: CLines, contract: BindingContract) {
    this.#lines = lines;
    this.#contract = contract;
  }

  /** The C name of a declared type, which says whose it is. */
  name(type: DeclaredType): string {
    const own = snakeCase(type.name);
    return type.interface === TYPES_INTERFACE
      ? `sca_${own}`
      : `sca_${snakeCase(type.interface)}_${own}`;
  }

  /** The C type; declares it before whatever is being written, where C has no name for it. */
  type(type: WitType): string {
    switch (type.kind) {
      case 'primitive':
        return numbers[type.name];
      case 'named':
        return this.name(this.#contract.declaration(type.name));
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
    return this.type(type).replace(/^sca_/u, '').replace(/_t$/u, '');
  }

  #declareOnce(name: string, type: WitType, lines: readonly string[]): string {
    if (this.#declared.has(name)) return name;
    this.#declared.add(name);
    this.#lines.write('', 'typedef struct {', ...lines, `} ${name};`);
    this.assertSize(name, type);
    return name;
  }

  #listType(of: WitType): string {
    if (of.kind === 'primitive' && of.name === 'u8') return 'sca_bytes';
    const element = this.type(of);
    return this.#declareOnce(`sca_${this.#stem(of)}_list`, { kind: 'list', of }, [
      `  const ${element} *data;`,
      '  size_t length;',
    ]);
  }

  #optionType(of: WitType): string {
    const value = this.type(of);
    return this.#declareOnce(`sca_optional_${this.#stem(of)}`, { kind: 'option', of }, [
      '  bool is_some;',
      '  /** Valid only where there is one. */',
      `  ${value} value;`,
    ]);
  }

  #resultType(ok: WitType | null): string {
    const type: WitType = { kind: 'result', ok };
    if (ok === null) {
      return this.#declareOnce('sca_result', type, [
        '  bool is_error;',
        '  /** Valid only where there is one. */',
        '  sca_errno error;',
      ]);
    }
    const value = this.type(ok);
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
      `  ${this.type(first)} first;`,
      `  ${this.type(second)} second;`,
    ]);
  }

  /** Tuples in records are of one type only: arrays. */
  field(type: WitType, name: string): string {
    if (type.kind !== 'tuple') return `${this.type(type)} ${name};`;
    const [first] = type.of;
    if (first === undefined) throw new Error('an empty tuple');
    return `${this.type(first)} ${name}[${type.of.length}];`;
  }

  assertSize(name: string, type: WitType): void {
    const { size, alignment } = this.#contract.layout(type);
    this.#lines.write(
      `_Static_assert(sizeof(${name}) == ${size}, "canonical ABI");`,
      `_Static_assert(_Alignof(${name}) == ${alignment}, "canonical ABI");`,
    );
  }
}
