// SPDX-License-Identifier: Apache-2.0
// Builds one handler: a folder with its source becomes a component.

import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { componentEmbed, componentNew } from '@bytecodealliance/jco';

import { describeCoreModule } from '../../host/handler/core-module.ts';
import { BuildError } from './build-error.ts';
import { compile } from './compile.ts';
import { glue } from './glue.ts';
import { handlerExports } from './handler-exports.ts';
import { type HandlerComponent, type HandlerSource, buildJavaScript } from './javascript.ts';
import { shortPath } from './short-path.ts';
import { type Contract, WORLD, interfaceModule, readContract, witDocument } from './wit.ts';

export interface HandlerBuild {
  /** The folder of its source: one of `sourceFiles`. */
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

/** AssemblyScript, TypeScript, JavaScript. */
export const sourceFiles = ['handler.ts', 'handler.mts', 'handler.mjs'] as const;

/** The source of a handler's folder; undefined: there is none. Throws BuildError: there are several. */
export function findSourceFile(directory: string): string | undefined {
  const [first, second] = sourceFiles.filter((file) => existsSync(join(directory, file)));
  if (first === undefined || second === undefined) return first;
  throw new BuildError(`${shortPath(directory)} has ${first} and ${second}: one is enough`);
}

/**
 * Builds and writes a component. The same sources make the same bytes, but for TypeScript and
 * JavaScript: QuickJS draws random numbers as it starts, which the component keeps. Throws BuildError.
 *
 * ```ts
 * await buildHandler({ directory: 'handlers-wasm/mkdir-suffix', outFile: 'out/mkdir-suffix.wasm' });
 * ```
 */
export async function buildHandler(build: HandlerBuild): Promise<BuiltHandler> {
  const directory = resolve(build.directory);
  const displayDirectory = shortPath(directory);
  const sourceFile = findSourceFile(directory) ?? 'handler.ts';
  const sources = { directory, displayDirectory, sourceFile };
  const isAssembly = sourceFile === 'handler.ts';
  const built = await (isAssembly ? buildAssembly(sources) : buildJavaScript(sources));
  await mkdir(dirname(build.outFile), { recursive: true });
  await writeFile(build.outFile, built.component);
  const { exports, ...rest } = built;
  return {
    ...rest,
    answers: exports.map(({ name }) => name).filter((name) => name !== 'configure'),
  };
}

async function buildAssembly({
  directory,
  displayDirectory,
}: HandlerSource): Promise<HandlerComponent> {
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
  return { component, exports, imports, warnings: compiled.warnings };
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
