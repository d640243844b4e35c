// SPDX-License-Identifier: Apache-2.0
// Builds a handler that is written in TypeScript or JavaScript: a component with QuickJS in it.

import { realpathSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { OutputChunk, Plugin } from 'rolldown';

import { describeComponent } from '../../host/handler/component.ts';
import { packageRoot } from '../../host/package-root.ts';
import { BuildError } from './build-error.ts';
import type { HandlerSources } from './compiled-handler.ts';
import type { HandlerComponent } from './handler-component.ts';
import { optionalModule } from './optional-package.ts';
import { readOwnFile } from './own-files.ts';
import { type Signature, signatures } from './signature.ts';
import { checkTypes } from './typescript-check.ts';
import { type Contract, WORLD, interfaceModule, readContract, witDocument } from './wit.ts';

export interface JavaScriptSources extends HandlerSources {
  /** In that folder. */
  readonly sourceFile: string;
  /** It is TypeScript. */
  readonly isTyped: boolean;
}

const sdkName = '@seccompagent/guest-sdk/typescript';
const sdk = realpathSync(join(packageRoot(), 'guest-sdk/typescript'));
const sdkFile = join(sdk, 'index.ts');
const hostModule = /^seccompagent:/u;
/** Of the bundler: a module that is no file. */
const entry = '\0handler';

/** Around the author's functions: `configure` is always there, and gets a map. */
function entryText(source: string): string {
  const from = JSON.stringify(source);
  return `import * as handler from ${from};
export * from ${from};
export function configure(settings) {
  try {
    handler.configure?.(new Map(settings));
  } catch (thrown) {
    throw thrown instanceof Error ? thrown.message : String(thrown);
  }
}
`;
}

interface Entry {
  /** The author's own module. */
  readonly source: string;
  /** Only what is in there becomes a part of the component. */
  readonly folders: readonly string[];
  /** Called when the author's own module has a default export, which `export *` leaves out. */
  readonly onDefault: () => void;
}

function entryPlugin({ source, folders, onDefault }: Entry): Plugin {
  return {
    name: 'handler-entry',
    resolveId: (id) => (id === entry ? id : null),
    load: (id) => {
      if (id === entry) return entryText(source);
      // of the bundler itself
      if (id.startsWith('\0')) return null;
      return readOwnFile(id, folders).toString();
    },
    moduleParsed: ({ id, exports }) => {
      if (id === source && exports.includes('default')) onDefault();
    },
  };
}

interface Bundled {
  readonly chunk: OutputChunk;
  readonly exports: readonly string[];
  readonly warnings: readonly string[];
}

/** Ours of a file; all others are mistakes in the source. */
function isRefusal(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !('errors' in thrown) || !Array.isArray(thrown.errors)) {
    return false;
  }
  return thrown.errors.some(
    (error: unknown) => error instanceof Error && 'code' in error && error.code === 'PLUGIN_ERROR',
  );
}

/**
 * One module, without types, and with imports of the host's interfaces only.
 * @param onMistake may have a better message for one in the source
 */
async function bundled(
  source: string,
  root: string,
  onMistake: () => Promise<unknown>,
): Promise<Bundled> {
  const { rolldown } = await optionalModule(async () => import('rolldown'));
  const warnings: string[] = [];
  const left: string[] = [];
  try {
    const bundle = await rolldown({
      input: entry,
      external: hostModule,
      platform: 'neutral',
      // of no use to it, and the folder may be a copy
      tsconfig: false,
      resolve: { alias: { [sdkName]: sdkFile } },
      treeshake: { moduleSideEffects: (id) => !hostModule.test(id) },
      plugins: [
        entryPlugin({ source, folders: [root, sdk], onDefault: () => left.push('default') }),
      ],
      onLog: (level, { code, message }) => {
        // that an author has no configure
        if (level === 'warn' && code !== 'IMPORT_IS_UNDEFINED') warnings.push(message);
      },
    });
    const { output } = await bundle.generate({ format: 'esm' });
    await bundle.close();
    const [chunk] = output;
    return { chunk, exports: [...left, ...chunk.exports], warnings };
  } catch (cause) {
    if (!isRefusal(cause)) await onMistake();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BuildError(reason, { cause });
  }
}

function handlerExports(names: readonly string[], place: string): readonly Signature[] {
  const known = signatures();
  const unknown = names.find((name) => !known.has(name));
  const answers = [...known.keys()].filter((name) => name !== 'configure');
  if (unknown !== undefined) {
    throw new BuildError(
      `${place}: a handler cannot export "${unknown}"; it can export ${[...known.keys()].join(', ')}`,
    );
  }
  const exports = [...known.values()].filter(({ name }) => names.includes(name));
  if (exports.every(({ name }) => name === 'configure')) {
    throw new BuildError(`${place} answers no call: export one or more of ${answers.join(', ')}`);
  }
  return exports;
}

function usedInterfaces(
  modules: readonly string[],
  contract: Contract,
  place: string,
): readonly string[] {
  const names = new Map(contract.interfaces.map((name) => [interfaceModule(contract, name), name]));
  const used = modules.map((module) => {
    const found = names.get(module);
    if (found !== undefined) return found;
    throw new BuildError(
      `${place} imports "${module}"; a handler can import ${[...names.keys()].join(', ')}`,
    );
  });
  return [...new Set(used)].toSorted();
}

/** QuickJS and the code, without anything of WASI. */
async function withQuickJs(code: string, wit: string, place: string): Promise<Uint8Array> {
  const { componentize } = await optionalModule(async () => import('componentize-qjs'));
  const scratch = await mkdtemp(join(tmpdir(), 'handler-world-'));
  try {
    const witPath = join(scratch, 'handler.wit');
    await writeFile(witPath, wit);
    const { component } = await componentize({
      witPath,
      jsSource: code,
      world: WORLD,
      sync: true,
      stubWasi: true,
    });
    return component;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BuildError(`${place}: QuickJS does not take it: ${reason}`, { cause });
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** Throws BuildError. */
export async function buildJavaScript(sources: JavaScriptSources): Promise<HandlerComponent> {
  const place = join(sources.displayDirectory, sources.sourceFile);
  const file = join(sources.directory, sources.sourceFile);
  const check = async (): Promise<readonly string[]> =>
    sources.isTyped ? checkTypes({ ...sources, file, sdk }) : [];
  const { chunk, exports: names, warnings } = await bundled(file, sources.root, check);
  const exports = handlerExports(names, place);
  const contract = await readContract();
  const imports = usedInterfaces(chunk.imports, contract, place);
  const typeWarnings = await check();
  const component = await withQuickJs(
    chunk.code,
    witDocument(contract, { exports, imports }),
    place,
  );
  const foreign = describeComponent(component).imports.filter((name) => !hostModule.test(name));
  if (foreign.length > 0) throw new BuildError(`${place} imports ${foreign.join(', ')}`);
  return { component, exports, imports, warnings: [...warnings, ...typeWarnings] };
}
