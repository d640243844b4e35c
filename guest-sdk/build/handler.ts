// SPDX-License-Identifier: Apache-2.0
// Builds one handler: a folder with handler.ts becomes a component.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { componentEmbed, componentNew } from '@bytecodealliance/jco';

import { describeCoreModule } from '../../host/handler/core-module.ts';
import { BuildError } from './build-error.ts';
import { compile } from './compile.ts';
import { glue } from './glue.ts';
import { handlerExports } from './handler-exports.ts';
import { shortPath } from './short-path.ts';
import { type Contract, WORLD, interfaceModule, readContract, witDocument } from './wit.ts';

export interface HandlerBuild {
  /** The folder of handler.ts. */
  readonly directory: string;
  /** The component's file; the folders above it are made. */
  readonly outFile: string;
}

export interface BuiltHandler {
  readonly component: Uint8Array;
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
  const text = await readFile(join(directory, 'handler.ts'), 'utf8').catch((cause: unknown) => {
    throw new BuildError(`cannot read ${displayDirectory}/handler.ts`, { cause });
  });
  const exports = await handlerExports({ text, directory: displayDirectory });
  const compiled = await compile({ directory, displayDirectory, glue: glue(exports) });
  const contract = await readContract();
  const imports = usedInterfaces(compiled.core, contract, displayDirectory);
  const embedded = await componentEmbed({
    binary: compiled.core,
    witSource: witDocument(contract, { exports, imports }),
    world: WORLD,
    stringEncoding: 'utf16',
  });
  const component = await componentNew(embedded);
  await mkdir(dirname(build.outFile), { recursive: true });
  await writeFile(build.outFile, component);
  const answers = exports.map(({ name }) => name).filter((name) => name !== 'configure');
  return { component, answers, imports, warnings: compiled.warnings };
}

function usedInterfaces(
  core: Uint8Array,
  contract: Contract,
  directory: string,
): readonly string[] {
  const names = new Map(contract.interfaces.map((name) => [interfaceModule(contract, name), name]));
  const used = describeCoreModule(core).imports.map(({ module, name }) => {
    const found = names.get(module);
    if (found !== undefined) return found;
    throw new BuildError(
      `${directory}/handler.ts uses "${name}" of "${module}" (as Math.random, Date.now, console and ` +
        `trace do), which no host offers`,
    );
  });
  return [...new Set(used)].toSorted();
}
