// SPDX-License-Identifier: Apache-2.0
// Values of a bundle.json: each function says where a value stands and what it has to be.
import { AgentError } from '../errors.ts';
import { hasControlCharacters } from '../terminal-text.ts';
import { shownKey } from '../text/shown-key.ts';

/** @throws AgentError AGENT_BUNDLE_INVALID, always */
export function invalid(what: string, cause?: unknown): never {
  throw new AgentError('AGENT_BUNDLE_INVALID', what, cause === undefined ? {} : { cause });
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** An object with any keys; absent: without any. */
export function entriesOf(
  json: unknown,
  place: string,
): readonly (readonly [key: string, value: unknown])[] {
  if (json === undefined) return [];
  if (!isObject(json)) invalid(`${place} must be an object`);
  return Object.entries(json);
}

/** An object that has no other keys than these. */
export function objectOf(
  json: unknown,
  place: string,
  keys: readonly string[],
): Readonly<Record<string, unknown>> {
  if (!isObject(json)) invalid(`${place} must be an object`);
  const unknownKey = Object.keys(json).find((key) => !keys.includes(key));
  if (unknownKey !== undefined) {
    invalid(`${place}: unknown key "${shownKey(unknownKey)}". Keys: ${keys.join(', ')}`);
  }
  return json;
}

export function listOf(json: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(json)) invalid(`${place} must be a list`);
  return json;
}

export function textOf(json: unknown, place: string): string {
  if (typeof json !== 'string') invalid(`${place} must be a string`);
  return json;
}

/** A text for people: not empty, on one line. */
export function proseOf(json: unknown, place: string): string {
  const text = textOf(json, place);
  if (text.trim() === '') invalid(`${place} is empty`);
  if (hasControlCharacters(text)) invalid(`${place} has control characters`);
  return text;
}

export function matching(json: unknown, place: string, pattern: RegExp): string {
  const text = textOf(json, place);
  if (!pattern.test(text)) invalid(`${place}: "${text}" does not match ${pattern}`);
  return text;
}

/** Absent: false. */
export function flagOf(json: unknown, place: string): boolean {
  if (json === undefined) return false;
  if (typeof json !== 'boolean') invalid(`${place} must be true or false`);
  return json;
}

/** A list that is not empty, of texts that differ. */
export function uniqueTexts(json: unknown, place: string): readonly string[] {
  const texts = listOf(json, place).map((item, index) => textOf(item, `${place}[${index}]`));
  if (texts.length === 0) invalid(`${place} is empty`);
  const seen = new Set<string>();
  for (const text of texts) {
    if (seen.has(text)) invalid(`${place} names "${text}" twice`);
    seen.add(text);
  }
  return texts;
}
