// SPDX-License-Identifier: Apache-2.0
// The compiler's messages, with the names of the author's own files.

import { join } from 'node:path';

import type { Compiler, Diagnostic, Range } from './compiler.ts';

/** Sources that messages name places in. */
export interface Sources {
  /** The folder of handler.ts, as messages shall name it. */
  readonly directory: string;
  /** Files that were read, by their path in the folder. */
  readonly texts: ReadonlyMap<string, string>;
}

/** `handlers-wasm/example/handler.ts:3:10` */
export function describePlace(range: Range, sources: Sources): string {
  const file = range.source.normalizedPath;
  const path = file.startsWith('~lib/') ? file : join(sources.directory, file);
  const text = sources.texts.get(file);
  if (text === undefined) return path;
  const lines = text.slice(0, range.start).split('\n');
  return `${path}:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
}

export function describeDiagnostic(
  compiler: Compiler,
  diagnostic: Diagnostic,
  sources: Sources,
): string {
  const category = compiler.diagnosticCategoryToString(diagnostic.category);
  const text = `${category} ${diagnostic.code}: ${diagnostic.message}`;
  return diagnostic.range === null ? text : `${describePlace(diagnostic.range, sources)}: ${text}`;
}
