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

/** Texts of a node, in which `…` stands for what is put in. */
function textsIn(node: Node): readonly string[] {
  if (node.type === 'TemplateLiteral') return [nodesAt(node, 'quasis').map(cooked).join('…')];
  return typeof node['value'] === 'string' ? [node['value']] : [];
}

function textsOf(source: string): readonly string[] {
  const program: unknown = parseAst(source, { lang: 'ts' });
  const nodes = isNode(program) ? allNodes(program) : [];
  return nodes
    .filter(({ type }) => type === 'Literal' || type === 'TemplateLiteral')
    .flatMap((node) => textsIn(node));
}

function cooked(node: Node): string {
  const value = node['value'];
  return typeof value === 'object' && value !== null && 'cooked' in value
    ? String(value.cooked)
    : '';
}

function filesBelow(folder: string, endings: RegExp): readonly string[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => endings.test(path) && !/(?:^|\/)generate-/u.test(path))
    .map((path) => readFileSync(join(projectRoot, folder, path), 'utf8'));
}

const typescript = /(?<!\.d)\.ts$/u;

/** All texts of the agent, of the SDK's build and of the addon, with `…` for what is put in. */
export function sourceTexts(): ReadonlySet<string> {
  const files = ['host', 'guest-sdk/build'].flatMap((folder) => filesBelow(folder, typescript));
  const native = filesBelow('native', /\.(?:cc|h)$/u).flatMap((text) =>
    [...text.matchAll(/"(?<text>(?:[^"\\\n]|\\.)*)"/gu)].map(
      ({ groups }) => groups?.['text'] ?? '',
    ),
  );
  return new Set([...files.flatMap((text) => textsOf(text)), ...native]);
}
