// SPDX-License-Identifier: Apache-2.0
// Compiles a handler in AssemblyScript and its glue to a core module, in this process.

import { existsSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { packageRoot } from '../../host/package-root.ts';
import { BuildError } from './build-error.ts';
import { type CompiledHandler, type HandlerSources, MAXIMUM_PAGES } from './compiled-handler.ts';
import { loadCommandLine, loadCompiler } from './compiler.ts';
import { describeDiagnostic } from './diagnostic.ts';
import { GLUE_FILE, glue } from './glue.ts';
import { handlerExports } from './handler-exports.ts';
import { readOwnFile } from './own-files.ts';

interface Compilation extends HandlerSources {
  readonly glue: string;
}

type Compiled = Pick<CompiledHandler, 'core' | 'warnings'>;

const options = [
  '-Ospeed',
  // Authors have no use for addresses: load, store and changetype are the SDK's.
  '--noUnsafe',
  // Not the default: see ../assembly/abi/allocator.ts.
  '--runtime',
  'minimal',
  // A trap instead of an import that no host offers.
  '--use',
  'abort=',
  '--maximumMemory',
  String(MAXIMUM_PAGES),
  '--outFile',
  'core.wasm',
];

/** The compiler's own options, of which some run code of the folder and others leave assertions out. */
const CONFIG_FILE = 'asconfig.json';

const sdkPackage = join('node_modules', '@seccompagent', 'guest-sdk');
const sdkSource = realpathSync(join(packageRoot(), 'guest-sdk/assembly'));

/** Throws BuildError with the compiler's messages. */
export async function compileAssemblyScript(sources: HandlerSources): Promise<CompiledHandler> {
  const { directory, displayDirectory, root } = sources;
  const text = readText(join(directory, 'handler.ts'), root);
  if (text === null) throw new BuildError(`cannot read ${displayDirectory}/handler.ts`);
  const exports = await handlerExports({ text, directory: displayDirectory });
  const compiled = await compile({ ...sources, glue: glue(exports) });
  return { ...compiled, exports, stringEncoding: 'utf16' };
}

async function compile(compilation: Compilation): Promise<Compiled> {
  const texts = new Map<string, string>();
  const sources = { directory: compilation.displayDirectory, texts };
  const errors: string[] = [];
  const warnings = existsSync(join(compilation.directory, CONFIG_FILE))
    ? [`${compilation.displayDirectory}/${CONFIG_FILE} is not read: these options are fixed`]
    : [];
  let core: Uint8Array | null = null;
  const compiler = await loadCompiler();
  const commandLine = await loadCommandLine();
  const result = await commandLine.main(
    [GLUE_FILE, '--baseDir', compilation.directory, ...options],
    {
      readFile: async (file, baseDirectory) => {
        if (file === GLUE_FILE) return compilation.glue;
        if (file === CONFIG_FILE) return null;
        const text = readText(sourceFile(resolve(baseDirectory, file)), compilation.root);
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

function readText(path: string, root: string): string | null {
  try {
    return readOwnFile(path, [root, sdkSource]).toString();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
