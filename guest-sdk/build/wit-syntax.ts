// SPDX-License-Identifier: Apache-2.0
// Reads as much of WIT as the contract in ../wit is written in: interfaces with types and functions.

import { BuildError } from './build-error.ts';

export type WitType =
  | { readonly kind: 'primitive'; readonly name: Primitive }
  /** A type that an interface declares. */
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'list' | 'option'; readonly of: WitType }
  | { readonly kind: 'tuple'; readonly of: readonly WitType[] }
  /** Its error is always an errno. */
  | { readonly kind: 'result'; readonly ok: WitType | null };

const primitives = ['bool', 'u8', 'u16', 'u32', 's32', 'u64', 's64', 'string'] as const;
export type Primitive = (typeof primitives)[number];

export interface WitField {
  readonly name: string;
  readonly documentation: readonly string[];
  readonly type: WitType;
}

export interface WitCase {
  readonly name: string;
  readonly documentation: readonly string[];
  readonly payload: WitType | null;
}

/** Shape of a declared type. */
export type WitShape =
  | { readonly kind: 'alias'; readonly type: WitType }
  | { readonly kind: 'record'; readonly fields: readonly WitField[] }
  /** Of a variant or an enum: its cases have no payload then. */
  | { readonly kind: 'enum' | 'variant'; readonly cases: readonly WitCase[] };

export interface WitDeclaration {
  readonly name: string;
  readonly documentation: readonly string[];
  readonly shape: WitShape;
}

export interface WitFunction {
  readonly name: string;
  readonly documentation: readonly string[];
  readonly parameters: readonly { readonly name: string; readonly type: WitType }[];
  readonly result: WitType | null;
}

export interface WitInterface {
  readonly name: string;
  readonly documentation: readonly string[];
  readonly declarations: readonly WitDeclaration[];
  readonly functions: readonly WitFunction[];
}

/** Documentation, names, and everything else that stands for itself; other comments are left out. */
const tokenPattern = /\/\/\/[^\n]*|\/\/[^\n]*|@\w+\([^)]*\)|%?[a-z_][a-z0-9-]*|->|[{}()<>:;,.=]/gy;

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  let place = 0;
  while (place < text.length) {
    const blank = /\s+/y;
    blank.lastIndex = place;
    if (blank.test(text)) {
      place = blank.lastIndex;
      continue;
    }
    tokenPattern.lastIndex = place;
    const [token] = tokenPattern.exec(text) ?? [];
    if (token === undefined) throw new BuildError(`cannot read "${text.slice(place, place + 20)}"`);
    place += token.length;
    const isComment = token.startsWith('//') && !token.startsWith('///');
    if (!isComment && !token.startsWith('@')) tokens.push(token);
  }
  return tokens;
}

class Reader {
  readonly #tokens: readonly string[];
  #place = 0;

  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  get isAtEnd(): boolean {
    return this.#place === this.#tokens.length;
  }

  next(): string {
    const token = this.#tokens[this.#place];
    if (token === undefined) throw new BuildError('the WIT ends too early');
    this.#place += 1;
    return token;
  }

  accept(token: string): boolean {
    if (this.#tokens[this.#place] !== token) return false;
    this.#place += 1;
    return true;
  }

  expect(token: string): void {
    const found = this.next();
    if (found !== token) throw new BuildError(`the WIT has "${found}" where "${token}" belongs`);
  }

  /** A name without the mark that says that it is no word of WIT. */
  name(): string {
    return this.next().replace('%', '');
  }

  documentation(): readonly string[] {
    const lines: string[] = [];
    while (this.#tokens[this.#place]?.startsWith('///') === true) {
      lines.push(this.next().slice('///'.length).trim());
    }
    return lines;
  }

  /** Items between two tokens, with commas in between. */
  items<T>(close: string, read: () => T): readonly T[] {
    const items: T[] = [];
    while (!this.accept(close)) {
      items.push(read());
      if (!this.accept(',')) {
        this.expect(close);
        break;
      }
    }
    return items;
  }
}

function readType(reader: Reader): WitType {
  const name = reader.name();
  switch (name) {
    case 'list':
    case 'option': {
      reader.expect('<');
      const of = readType(reader);
      reader.expect('>');
      return { kind: name, of };
    }
    case 'tuple':
      reader.expect('<');
      return { kind: 'tuple', of: reader.items('>', () => readType(reader)) };
    case 'result':
      return readResult(reader);
    default: {
      const primitive = primitives.find((known) => known === name);
      return primitive === undefined
        ? { kind: 'named', name }
        : { kind: 'primitive', name: primitive };
    }
  }
}

function readResult(reader: Reader): WitType {
  reader.expect('<');
  const ok = reader.accept('_') ? null : readType(reader);
  reader.expect(',');
  reader.expect('errno');
  reader.expect('>');
  return { kind: 'result', ok };
}

function readCase(reader: Reader): WitCase {
  const documentation = reader.documentation();
  const name = reader.name();
  if (!reader.accept('(')) return { name, documentation, payload: null };
  const payload = readType(reader);
  reader.expect(')');
  return { name, documentation, payload };
}

function readShape(reader: Reader, keyword: 'record' | 'enum' | 'variant'): WitShape {
  reader.expect('{');
  if (keyword !== 'record') {
    return { kind: keyword, cases: reader.items('}', () => readCase(reader)) };
  }
  const fields = reader.items('}', () => {
    const documentation = reader.documentation();
    const name = reader.name();
    reader.expect(':');
    return { name, documentation, type: readType(reader) };
  });
  return { kind: keyword, fields };
}

function readFunction(reader: Reader): Pick<WitFunction, 'parameters' | 'result'> {
  reader.expect(':');
  reader.expect('func');
  reader.expect('(');
  const parameters = reader.items(')', () => {
    const name = reader.name();
    reader.expect(':');
    return { name, type: readType(reader) };
  });
  const result = reader.accept('->') ? readType(reader) : null;
  reader.expect(';');
  return { parameters, result };
}

function readInterface(reader: Reader): WitInterface {
  const documentation = reader.documentation();
  reader.expect('interface');
  const name = reader.name();
  const declarations: WitDeclaration[] = [];
  const functions: WitFunction[] = [];
  reader.expect('{');
  while (!reader.accept('}')) readItem(reader, declarations, functions);
  return { name, documentation, declarations, functions };
}

function readItem(reader: Reader, declarations: WitDeclaration[], functions: WitFunction[]): void {
  const documentation = reader.documentation();
  const word = reader.name();
  switch (word) {
    case 'use':
      while (!reader.accept(';')) reader.next();
      return;
    case 'type': {
      const name = reader.name();
      reader.expect('=');
      const type = readType(reader);
      reader.expect(';');
      declarations.push({ name, documentation, shape: { kind: 'alias', type } });
      return;
    }
    case 'record':
    case 'enum':
    case 'variant':
      declarations.push({ name: reader.name(), documentation, shape: readShape(reader, word) });
      return;
    default:
      functions.push({ name: word, documentation, ...readFunction(reader) });
  }
}

/** The interfaces of a document without package lines. Throws BuildError. */
export function readInterfaces(text: string): readonly WitInterface[] {
  const reader = new Reader(text);
  const interfaces: WitInterface[] = [];
  while (!reader.isAtEnd) interfaces.push(readInterface(reader));
  return interfaces;
}

/** A type as it is written in WIT: `option<list<u8>>`. */
export function parseType(text: string): WitType {
  return readType(new Reader(text));
}
