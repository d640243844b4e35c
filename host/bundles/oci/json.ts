// SPDX-License-Identifier: Apache-2.0
// Looks into JSON that came from elsewhere.

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(json: unknown): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** Values that are no objects have no members. */
export function memberOf(json: unknown, ...path: readonly string[]): unknown {
  let value = json;
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

export function elementsOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : [];
}

/** Undefined: it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const printedLength = 200;

/** Text of a stranger for a message on one line. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  const line = text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/gu, ' ').trim();
  return line.length > printedLength ? `${line.slice(0, printedLength)}…` : line;
}
