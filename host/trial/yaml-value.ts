// SPDX-License-Identifier: Apache-2.0
// Values of a YAML file, which know where they stand: whoever reads them can say so.
import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Document, LineCounter } from 'yaml';

import { AgentError } from '../errors.ts';
import { parseBits } from '../syscalls/constants.ts';
import { isOfKind, shownKey } from '../text/shown-key.ts';
import { readYaml } from '../text/yaml-document.ts';

/** Any value, with whole numbers of any size. */
export type Plain =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly Plain[]
  | { readonly [key: string]: Plain };

interface Source {
  /** Name of the file in messages. */
  readonly name: string;
  readonly lines: LineCounter;
  readonly document: Document;
}

export class YamlValue {
  readonly #source: Source;
  readonly #node: unknown;
  /** Its place in the file, such as `cases[0].call`. */
  readonly path: string;

  constructor(source: Source, node: unknown, path: string) {
    this.#source = source;
    this.#node = isAlias(node) ? node.resolve(source.document) : node;
    this.path = path;
  }

  get line(): number {
    const node: { readonly range?: readonly number[] | null | undefined } =
      isScalar(this.#node) || isMap(this.#node) || isSeq(this.#node) ? this.#node : {};
    return this.#source.lines.linePos(node.range?.[0] ?? 0).line;
  }

  /** @throws AgentError AGENT_CASES_INVALID, always */
  fail(what: string): never {
    const place = this.path === '' ? '' : `${this.path} `;
    throw new AgentError(
      'AGENT_CASES_INVALID',
      `${this.#source.name}:${this.line}: ${place}${what}`,
    );
  }

  get isMap(): boolean {
    return isMap(this.#node);
  }

  get isList(): boolean {
    return isSeq(this.#node);
  }

  /** The values of a map. @param known its keys may only be these; absent: any */
  entries(known?: readonly string[]): ReadonlyMap<string, YamlValue> {
    const node = this.#node;
    if (!isMap(node)) return this.fail('must be a map');
    const names = node.items.map(({ key }) => String(isScalar(key) ? key.value : key));
    if (this.path === '' && known !== undefined && !isOfKind(names, known)) {
      this.fail(`has none of the keys ${known.join(', ')}`);
    }
    const entries = new Map<string, YamlValue>();
    for (const [index, { key, value }] of node.items.entries()) {
      const name = names[index] ?? '';
      const entry = this.#inner(value, this.path === '' ? name : `${this.path}.${name}`);
      if (known !== undefined && !known.includes(name)) {
        this.#inner(key, this.path).fail(
          `has the unknown key "${shownKey(name)}"; known are ${known.join(', ')}`,
        );
      }
      entries.set(name, entry);
    }
    return entries;
  }

  /** The one key of a map, and its value. */
  only(): readonly [key: string, value: YamlValue] {
    const [first, ...others] = this.entries();
    return first === undefined || others.length > 0 ? this.fail('must have one key') : first;
  }

  list(): readonly YamlValue[] {
    const node = this.#node;
    if (!isSeq(node)) return this.fail('must be a list');
    return node.items.map((item, index) => this.#inner(item, `${this.path}[${index}]`));
  }

  plain(): Plain {
    if (this.isMap) {
      return Object.fromEntries([...this.entries()].map(([key, value]) => [key, value.plain()]));
    }
    if (this.isList) return this.list().map((item) => item.plain());
    const value: unknown = isScalar(this.#node) ? this.#node.value : null;
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'bigint' || typeof value === 'number') return value;
    return this.fail('is nothing that can be compared');
  }

  text(): string {
    const value = this.plain();
    return typeof value === 'string' ? value : this.fail('must be a text');
  }

  integer(): bigint {
    const value = this.plain();
    return typeof value === 'bigint' ? value : this.fail('must be a whole number');
  }

  /** A whole number, or flags by their names: `O_CREAT|O_EXCL`. */
  bits(): bigint {
    const value = this.plain();
    if (typeof value === 'bigint') return value;
    const bits = typeof value === 'string' ? parseBits(value) : undefined;
    return bits ?? this.fail('must be a whole number, or names of flags such as O_CREAT|O_EXCL');
  }

  boolean(): boolean {
    const value = this.plain();
    return typeof value === 'boolean' ? value : this.fail('must be true or false');
  }

  #inner(node: unknown, path: string): YamlValue {
    return new YamlValue(this.#source, node, path);
  }
}

/** @throws AgentError AGENT_CASES_INVALID */
export function parseYaml(text: string, name: string): YamlValue {
  const { document, lines, error } = readYaml(text, true);
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.offset);
    throw new AgentError(
      'AGENT_CASES_INVALID',
      `${name}: ${error.what} at line ${line}, column ${col}`,
    );
  }
  return new YamlValue({ name, lines, document }, document.contents, '');
}
