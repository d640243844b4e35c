// SPDX-License-Identifier: Apache-2.0
// The manifests in deploy/, as objects and as their texts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import type { Document, Node, Pair } from 'yaml';

import { projectRoot } from './command.ts';

export const deployFolder: string = join(projectRoot, 'deploy');
export const kubernetesFolder: string = join(deployFolder, 'kubernetes');

/** Any value of a manifest. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export interface Manifest {
  /** Beside the folder that was asked for. */
  readonly file: string;
  readonly object: JsonObject;
  readonly document: Document;
}

/** Manifests of `kubectl apply -f FOLDER`, without the folders in it. */
export function manifestFiles(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => /\.(?:ya?ml|json)$/u.test(name));
}

export function manifestsOf(folder: string): readonly Manifest[] {
  return manifestFiles(folder).flatMap((file) =>
    manifestsIn(readFileSync(join(folder, file), 'utf8')).map((manifest) => ({
      ...manifest,
      file,
    })),
  );
}

/** All documents of a text. @throws Error where it is no YAML, or no object */
export function manifestsIn(text: string): readonly Omit<Manifest, 'file'>[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return { object: objectOf(document.toJS()), document };
  });
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): JsonObject {
  if (isJsonObject(value)) return value;
  throw new Error(`${JSON.stringify(value)} is no object`);
}

/** Value at a path of keys and places; `null` where there is none. */
export function at(value: Json | undefined, ...keys: readonly (string | number)[]): Json {
  const [key, ...rest] = keys;
  if (value === undefined) return null;
  if (key === undefined) return value;
  if (typeof key === 'number') return isList(value) ? at(value[key], ...rest) : null;
  return isJsonObject(value) ? at(value[key], ...rest) : null;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** The objects of a list; none where there is no list. */
export function listAt(value: Json, ...keys: readonly (string | number)[]): readonly JsonObject[] {
  const found = at(value, ...keys);
  return isList(found) ? found.map(objectOf) : [];
}

/** @throws Error where there is no text */
export function textAt(value: Json, ...keys: readonly (string | number)[]): string {
  const found = at(value, ...keys);
  if (typeof found === 'string') return found;
  throw new Error(`there is no text at ${keys.join('.')}`);
}

/** @throws Error where there is no number */
export function numberAt(value: Json, ...keys: readonly (string | number)[]): number {
  const found = at(value, ...keys);
  if (typeof found === 'number') return found;
  throw new Error(`there is no number at ${keys.join('.')}`);
}

/** The texts of a list; none where there is no list. */
export function textsAt(value: Json, ...keys: readonly (string | number)[]): readonly string[] {
  const found = at(value, ...keys);
  return isList(found) ? found.map((text) => textAt(text)) : [];
}

/** Every key of an object and all that is in it, with its value. */
export function entriesIn(value: Json): readonly (readonly [string, Json])[] {
  if (isList(value)) return value.flatMap(entriesIn);
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [key, inner] as const,
    ...entriesIn(inner),
  ]);
}

export function manifestOfKind(kind: string, folder: string = kubernetesFolder): Manifest {
  const found = manifestsOf(folder).find(({ object }) => object['kind'] === kind);
  if (found === undefined) throw new Error(`no ${kind} in ${folder}`);
  return found;
}

function commentBefore(node: Node | Pair): string {
  if (isMap(node) || isScalar(node) || isSeq(node)) return node.commentBefore ?? '';
  return '';
}

/**
 * What the comment says that the items of a list stand under, which is the one before each or before
 * the first of several; empty for those without.
 */
export function commentsOn(
  document: Document,
  keys: readonly (string | number)[],
): readonly string[] {
  const list = document.getIn(keys);
  if (!isSeq<Node>(list)) throw new Error(`there is no list at ${keys.join('.')}`);
  let last = list.commentBefore ?? '';
  return list.items.map((item) => {
    const own = commentBefore(item) || commentBeforeFirstKey(item);
    last = own || last;
    return last.trim();
  });
}

function commentBeforeFirstKey(item: Node): string {
  const first = isMap(item) ? item.items[0]?.key : undefined;
  return isScalar(first) ? (first.commentBefore ?? '') : '';
}
