// SPDX-License-Identifier: Apache-2.0
// The messages of the agent and of its commands, read from the sources.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseAst } from 'rolldown/parseAst';

import { projectRoot } from './command.ts';

/** Of the syntax tree: what is looked at here. */
interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

const levels: readonly string[] = ['warn', 'error', 'fatal'];
/** Methods that take a text for the log, and its place among their arguments. */
const tellers: ReadonlyMap<string, number> = new Map([['tell', 1]]);

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

function childrenOf(node: Node): readonly Node[] {
  return Object.values(node)
    .flatMap((value): readonly unknown[] => (Array.isArray(value) ? value : [value]))
    .filter(isNode);
}

function allNodes(node: Node): readonly Node[] {
  return [node, ...childrenOf(node).flatMap(allNodes)];
}

function nodesAt(node: Node, key: string): readonly Node[] {
  const value = node[key];
  return (Array.isArray(value) ? value : [value]).filter(isNode);
}

function nameOf(node: Node | undefined): string {
  return typeof node?.['name'] === 'string' ? node['name'] : '';
}

/** Texts in which `…` stands for what is put in; and names that stand for texts. */
interface Found {
  readonly texts: readonly string[];
  readonly names: readonly string[];
}

function together(found: readonly Found[]): Found {
  return {
    texts: found.flatMap(({ texts }) => texts),
    names: [...new Set(found.flatMap(({ names }) => names))],
  };
}

function textsIn(node: Node): Found {
  const texts: string[] = [];
  const names: string[] = [];
  const look = (each: Node): void => {
    if (each.type === 'Literal' && typeof each['value'] === 'string') texts.push(each['value']);
    if (each.type === 'TemplateLiteral') texts.push(nodesAt(each, 'quasis').map(cooked).join('…'));
    if (each.type === 'Identifier') names.push(nameOf(each));
    if (each.type === 'CallExpression') names.push(nameOf(nodesAt(each, 'callee')[0]));
    if (each.type !== 'ConditionalExpression') return;
    for (const key of ['consequent', 'alternate']) nodesAt(each, key).forEach(look);
  };
  look(node);
  return { texts, names };
}

/** One file: its messages, the names that stand for messages, and what names stand for in it. */
class Source {
  readonly #nodes: readonly Node[];

  constructor(text: string) {
    const program: unknown = parseAst(text, { lang: 'ts' });
    this.#nodes = isNode(program) ? allNodes(program) : [];
  }

  messages(): Found {
    const calls = this.#nodes.filter(({ type }) => type === 'CallExpression');
    return together(calls.flatMap((call) => loggedBy(call)).map((node) => textsIn(node)));
  }

  texts(): readonly string[] {
    return this.#nodes.flatMap((node) =>
      node.type === 'Literal' || node.type === 'TemplateLiteral' ? textsIn(node).texts : [],
    );
  }

  /** Texts of constants, properties, functions and arguments of this name. */
  named(name: string): Found {
    const found = [...constantsNamed(name, this.#nodes), ...argumentsNamed(name, this.#nodes)];
    return together(found.map((node) => textsIn(node)));
  }
}

function cooked(node: Node): string {
  const value = node['value'];
  return typeof value === 'object' && value !== null && 'cooked' in value
    ? String(value.cooked)
    : '';
}

/** The arguments of a call that may be texts for the log. */
function loggedBy(call: Node): readonly Node[] {
  const [callee] = nodesAt(call, 'callee');
  const [property] = callee === undefined ? [] : nodesAt(callee, 'property');
  const own = nodesAt(call, 'arguments');
  const isLeveled = own.some(
    ({ type, value }) => type === 'Literal' && levels.includes(String(value)),
  );
  if (isLeveled) return own;
  if (callee?.type !== 'MemberExpression') return [];
  const isChosen = callee['computed'] === true && nameOf(nodesAt(callee, 'object')[0]) === 'log';
  if (isChosen || levels.includes(nameOf(property))) return own;
  // a private method of this name tells somebody else
  const place = property?.type === 'Identifier' ? tellers.get(nameOf(property)) : undefined;
  return place === undefined ? [] : own.slice(place, place + 1);
}

/** Values of constants and properties of this name, and what functions of this name return. */
function constantsNamed(name: string, file: readonly Node[]): readonly Node[] {
  return file.flatMap((node) => {
    const isConstant =
      node.type === 'VariableDeclarator' && nameOf(nodesAt(node, 'id')[0]) === name;
    if (isConstant) return nodesAt(node, 'init');
    if (node.type === 'FunctionDeclaration' && nameOf(nodesAt(node, 'id')[0]) === name) {
      const returns = allNodes(node).filter(({ type }) => type === 'ReturnStatement');
      return returns.flatMap((each) => nodesAt(each, 'argument'));
    }
    const isProperty = node.type === 'Property' && nameOf(nodesAt(node, 'key')[0]) === name;
    return isProperty ? nodesAt(node, 'value').filter(({ type }) => type !== 'Identifier') : [];
  });
}

/** Where a name is a parameter, what the function is called with in its file. */
function argumentsNamed(name: string, file: readonly Node[]): readonly Node[] {
  return file.flatMap((node) => {
    const [key] = [...nodesAt(node, 'id'), ...nodesAt(node, 'key')];
    const [body] = [...nodesAt(node, 'init'), ...nodesAt(node, 'value')];
    const called = node.type === 'FunctionDeclaration' ? node : body;
    const place =
      called === undefined
        ? -1
        : nodesAt(called, 'params').findIndex((each) => nameOf(each) === name);
    if (place < 0 || nameOf(key) === '') return [];
    return file
      .filter(({ type }) => type === 'CallExpression')
      .filter((call) => calleeName(call) === nameOf(key))
      .flatMap((call) => nodesAt(call, 'arguments').slice(place, place + 1));
  });
}

function calleeName(call: Node): string {
  const [callee] = nodesAt(call, 'callee');
  if (callee === undefined) return '';
  return nameOf(callee) || nameOf(nodesAt(callee, 'property')[0]);
}

const parsed: Map<string, Source> = new Map();

/** Parsed once. */
function sourceOf(text: string): Source {
  const source = parsed.get(text) ?? new Source(text);
  parsed.set(text, source);
  return source;
}

function filesBelow(folder: string, endings: RegExp): readonly string[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => endings.test(path) && !/(?:^|\/)generate-/u.test(path))
    .map((path) => readFileSync(join(projectRoot, folder, path), 'utf8'));
}

const typescript = /(?<!\.d)\.ts$/u;

/** Of warnings and errors of the log, with `…` for what is put in. */
export function logMessages(): ReadonlySet<string> {
  // findings in profiles have levels, too
  const files = filesBelow('host', /^(?!profile\/).*(?<!\.d)\.ts$/u).map((text) => sourceOf(text));
  const found = files.flatMap((file) => {
    const said = file.messages();
    const named = together(said.names.map((name) => file.named(name)));
    const behind = together(named.names.map((name) => file.named(name)));
    return [...said.texts, ...named.texts, ...behind.texts];
  });
  return new Set(found.filter((text) => text.includes(' ')));
}

/** All texts of the agent, of the SDK's build and of the addon, with `…` for what is put in. */
export function sourceTexts(): ReadonlySet<string> {
  const files = ['host', 'guest-sdk/build'].flatMap((folder) => filesBelow(folder, typescript));
  const native = filesBelow('native', /\.(?:cc|h)$/u).flatMap((text) =>
    [...text.matchAll(/"(?<text>(?:[^"\\\n]|\\.)*)"/gu)].map(
      ({ groups }) => groups?.['text'] ?? '',
    ),
  );
  return new Set([...files.flatMap((text) => sourceOf(text).texts()), ...native]);
}
