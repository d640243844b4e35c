// SPDX-License-Identifier: Apache-2.0
// Compiles a handler in C: handler.c and whatever C there is beside it, without a C library.

import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { packageRoot } from '../../host/package-root.ts';
import { BuildError } from './build-error.ts';
import {
  type CompiledHandler,
  type HandlerSources,
  MAXIMUM_PAGES,
  coreExports,
  linesOf,
} from './compiled-handler.ts';
import { clang, findProgram, wasmLd } from './system-programs.ts';
import { type Compilation, runCompiler, sourceParameter } from './toolchain.ts';

export const compilerOptions: readonly string[] = [
  '--target=wasm32',
  '-std=c2x',
  '-ffreestanding',
  '-nostdlib',
  '-fno-ident',
  '-mbulk-memory',
  '-O2',
  '-Wall',
  '-Wextra',
  // a function that answers a call and is not exported answers nothing
  '-Werror=unused-function',
  '-Wmissing-prototypes',
  // a family has what one of its system calls has
  '-Wno-unused-parameter',
];

const stackBytes = 65_536;
const pageBytes = 65_536;

/** Throws BuildError with the compiler's messages. */
export async function compileC(sources: HandlerSources): Promise<CompiledHandler> {
  const compiler = await findProgram(clang);
  const linker = await findProgram(wasmLd);
  const sdk = join(packageRoot(), 'guest-sdk/c');
  const files = (await readdir(sources.directory)).filter((file) => file.endsWith('.c'));
  const scratch = await mkdtemp(join(tmpdir(), 'handler-c-'));
  const compilation = { root: sources.root, scratch, others: [sdk] };
  try {
    const warnings: string[] = [];
    const objects: string[] = [];
    for (const file of [
      ...files.toSorted().map((name) => sourceParameter(join(sources.displayDirectory, name))),
      join(sdk, 'seccompagent.c'),
    ]) {
      const object = join(scratch, `${objects.length}.o`);
      const parameters = [...compilerOptions, '-isystem', sdk, '-c', file, '-o', object];
      const compiled = await runCompiler(compiler, parameters, compilation);
      if (!compiled.hasSucceeded) throw new BuildError(compiled.stderr.trimEnd());
      warnings.push(...linesOf(compiled.stderr));
      objects.push(object);
    }
    const core = await link(linker, objects, compilation);
    const exports = coreExports(core, join(sources.displayDirectory, 'handler.c'));
    return { core, exports, stringEncoding: 'utf8', warnings: [...new Set(warnings)] };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function link(
  linker: string,
  objects: readonly string[],
  compilation: Compilation,
): Promise<Uint8Array> {
  const out = join(compilation.scratch, 'core.wasm');
  const parameters = [
    '--no-entry',
    '--gc-sections',
    '--strip-all',
    // an overflow of the stack traps, since it is below everything else
    '--stack-first',
    '-z',
    `stack-size=${stackBytes}`,
    `--max-memory=${MAXIMUM_PAGES * pageBytes}`,
    ...objects,
    '-o',
    out,
  ];
  const linked = await runCompiler(linker, parameters, compilation);
  if (!linked.hasSucceeded) throw new BuildError(linked.stderr.trimEnd());
  return readFile(out);
}
