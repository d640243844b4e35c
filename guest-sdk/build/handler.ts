// SPDX-License-Identifier: Apache-2.0
// Builds one handler: a folder with its source becomes a component.

import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { type Language, requireLanguage } from './language.ts';
import { shortPath } from './short-path.ts';

export interface HandlerBuild {
  /** The folder of its source: handler.ts, handler.c, handler.rs. */
  readonly directory: string;
  /** The component's file; the folders above it are made. */
  readonly outFile: string;
  /** The folder of its bundle, of which its source may have other files; absent: `directory`. */
  readonly root?: string;
}

export interface BuiltHandler {
  readonly component: Uint8Array;
  readonly language: Language;
  /** Its answers: names of families, `any`, in the order of the syscall table. */
  readonly answers: readonly string[];
  /** Names of the host's interfaces that it uses, sorted. */
  readonly imports: readonly string[];
  /** Warnings of the compiler, one per line. */
  readonly warnings: readonly string[];
}

/**
 * Builds and writes a component. The same sources make the same bytes. Throws BuildError.
 *
 * ```ts
 * await buildHandler({ directory: 'handlers-wasm/mkdir-suffix', outFile: 'out/mkdir-suffix.wasm' });
 * ```
 */
export async function buildHandler(build: HandlerBuild): Promise<BuiltHandler> {
  const given = resolve(build.directory);
  const displayDirectory = shortPath(given);
  // whatever comes to lie there meanwhile is outside
  const directory = await realpath(given);
  const root = build.root === undefined ? directory : await realpath(build.root);
  const language = requireLanguage(directory);
  const { component, exports, imports, warnings } = await language.build({
    directory,
    displayDirectory,
    root,
  });
  await mkdir(dirname(build.outFile), { recursive: true });
  await writeFile(build.outFile, component);
  const answers = exports.map(({ name }) => name).filter((name) => name !== 'configure');
  return { component, language, answers, imports, warnings };
}
