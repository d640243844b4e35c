// SPDX-License-Identifier: Apache-2.0
// Compiles a handler and its glue to a core module, in this process.

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { BuildError } from './build-error.ts';
import { loadCommandLine, loadCompiler } from './compiler.ts';
import { describeDiagnostic } from './diagnostic.ts';
import { GLUE_FILE } from './glue.ts';

export interface Compilation {
  /** The folder of handler.ts. */
  readonly directory: string;
  /** The same, as messages shall name it. */
  readonly displayDirectory: string;
  readonly glue: string;
}

export interface Compiled {
  readonly core: Uint8Array;
  /** What the compiler warned of, one per line. */
  readonly warnings: readonly string[];
}

/** Pages of 64 KB; the host may set a lower maximum. */
const MAXIMUM_MEMORY = 256;

const options = [
  '-Ospeed',
  '--noAssert',
  // Authors have no use for addresses: load, store and changetype are the SDK's.
  '--noUnsafe',
  // Not the default: see ../assembly/abi/allocator.ts.
  '--runtime',
  'minimal',
  // A trap instead of an import that no host offers.
  '--use',
  'abort=',
  '--maximumMemory',
  String(MAXIMUM_MEMORY),
  '--outFile',
  'core.wasm',
];

const sdkPackage = join('node_modules', '@seccompagent', 'guest-sdk');
const sdkSource = fileURLToPath(new URL('../assembly', import.meta.url));

/** Throws BuildError with the compiler's messages. */
export async function compile(compilation: Compilation): Promise<Compiled> {
  const texts = new Map<string, string>();
  const sources = { directory: compilation.displayDirectory, texts };
  const errors: string[] = [];
  const warnings: string[] = [];
  let core: Uint8Array | null = null;
  const compiler = await loadCompiler();
  const commandLine = await loadCommandLine();
  const result = await commandLine.main(
    [GLUE_FILE, '--baseDir', compilation.directory, ...options],
    {
      readFile: async (file, baseDirectory) => {
        if (file === GLUE_FILE) return compilation.glue;
        const text = await readText(sourceFile(resolve(baseDirectory, file)));
        if (text !== null) texts.set(file, text);
        return text;
      },
      writeFile: (_, contents) => {
        if (typeof contents !== 'string') core = contents;
      },
      listFiles: () => null,
      reportDiagnostic: (diagnostic) => {
        const line = describeDiagnostic(compiler, diagnostic, sources);
        (compiler.isError(diagnostic) ? errors : warnings).push(line);
      },
    },
  );
  if (result.error !== null || core === null) {
    const cause = result.error?.message ?? 'the compiler wrote nothing';
    throw new BuildError(errors.length > 0 ? errors.join('\n') : cause);
  }
  return { core, warnings };
}

/** Where the compiler looks for the SDK as an installed package, there is this one. */
function sourceFile(path: string): string {
  const start = path.indexOf(sdkPackage);
  return start < 0 ? path : join(sdkSource, path.slice(start + sdkPackage.length));
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
