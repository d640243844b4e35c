// SPDX-License-Identifier: Apache-2.0
// The languages that handlers are written in: adding one is adding a row, and its compiler.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { compileAssemblyScript } from './assemblyscript.ts';
import { BuildError } from './build-error.ts';
import { compileC } from './c.ts';
import type { CompiledHandler, HandlerSources } from './compiled-handler.ts';
import { compileRust } from './rust.ts';

export interface Language {
  /** As `--language` has it. */
  readonly name: string;
  readonly title: string;
  /** The file that makes a folder one of a handler in this language. */
  readonly sourceFile: string;
  readonly compile: (sources: HandlerSources) => Promise<CompiledHandler>;
}

export const languages: readonly Language[] = [
  {
    name: 'as',
    title: 'AssemblyScript',
    sourceFile: 'handler.ts',
    compile: compileAssemblyScript,
  },
  { name: 'rust', title: 'Rust', sourceFile: 'handler.rs', compile: compileRust },
  { name: 'c', title: 'C', sourceFile: 'handler.c', compile: compileC },
];

/** The language of a handler's folder. Throws BuildError: there are several. */
export function findLanguage(directory: string, displayDirectory: string): Language | undefined {
  const found = languages.filter(({ sourceFile }) => existsSync(join(directory, sourceFile)));
  const [first, second] = found;
  if (first === undefined || second === undefined) return first;
  throw new BuildError(
    `${displayDirectory} has ${first.sourceFile} and ${second.sourceFile}: a handler is written in ` +
      'one language',
  );
}

/** Throws BuildError: there is none. */
export function requireLanguage(directory: string, displayDirectory: string): Language {
  const found = findLanguage(directory, displayDirectory);
  if (found !== undefined) return found;
  const files = languages.map(({ sourceFile }) => sourceFile).join(', ');
  throw new BuildError(`${displayDirectory} has none of ${files}`);
}
