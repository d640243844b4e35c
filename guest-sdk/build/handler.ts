// SPDX-License-Identifier: Apache-2.0
// Builds one handler: a folder with its source becomes a component.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { describeCoreModule } from '../../host/handler/core-module.ts';
import { BuildError } from './build-error.ts';
import { loadComponentTools } from './component-tools.ts';
import { type Language, requireLanguage } from './language.ts';
import { shortPath } from './short-path.ts';
import { type Contract, WORLD, interfaceModule, readContract, witDocument } from './wit.ts';

export interface HandlerBuild {
  /** The folder of its source: handler.ts, handler.c, handler.rs. */
  readonly directory: string;
  /** The component's file; the folders above it are made. */
  readonly outFile: string;
}

export interface BuiltHandler {
  readonly component: Uint8Array;
  readonly language: Language;
  /** What it answers: names of families, `any`, in the order of the syscall table. */
  readonly answers: readonly string[];
  /** Names of the host's interfaces that it uses, sorted. */
  readonly imports: readonly string[];
  /** What the compiler warned of, one per line. */
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
  const directory = resolve(build.directory);
  const displayDirectory = shortPath(directory);
  const language = requireLanguage(directory, displayDirectory);
  const { componentEmbed, componentNew } = await loadComponentTools();
  const { core, exports, stringEncoding, warnings } = await language.compile({
    directory,
    displayDirectory,
  });
  const contract = await readContract();
  const imports = usedInterfaces(core, contract, `${displayDirectory}/${language.sourceFile}`);
  const embedded = await componentEmbed({
    binary: core,
    witSource: witDocument(contract, { exports, imports }),
    world: WORLD,
    stringEncoding,
  });
  const component = await componentNew(embedded);
  await mkdir(dirname(build.outFile), { recursive: true });
  await writeFile(build.outFile, component);
  const answers = exports.map(({ name }) => name).filter((name) => name !== 'configure');
  return { component, language, answers, imports, warnings };
}

function usedInterfaces(core: Uint8Array, contract: Contract, place: string): readonly string[] {
  const names = new Map(contract.interfaces.map((name) => [interfaceModule(contract, name), name]));
  const used = describeCoreModule(core).imports.map(({ module, name }) => {
    const found = names.get(module);
    if (found !== undefined) return found;
    throw new BuildError(
      `${place} uses "${name}" of "${module}" (as Math.random, Date.now, console and trace do in ` +
        `AssemblyScript), which no host offers`,
    );
  });
  return [...new Set(used)].toSorted();
}
