// SPDX-License-Identifier: Apache-2.0
// Compiles a handler in Rust: handler.rs is the root of a crate that has the SDK's crate and no other.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
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
import {
  type WantedProgram,
  askProgram,
  candidates,
  faultOf,
  findProgram,
  isProgram,
  wasmLd,
} from './system-programs.ts';
import { type Compilation, runCompiler, sourceParameter } from './toolchain.ts';

export const target = 'wasm32-unknown-unknown';
const stackBytes = 65_536;
const pageBytes = 65_536;

const wanted: WantedProgram = {
  name: 'rustc',
  // the oldest that has been tried; offset_of! is of 1.77
  least: [1, 78],
  advice:
    'on Debian 13, apt-get install rustc libstd-rust-dev-wasm32 lld; ' +
    `with rustup, rustup target add ${target}`,
  newer: `with rustup (https://rustup.rs), rustup update && rustup target add ${target}`,
};

const options = ['--edition=2021', `--target=${target}`, '-Cpanic=abort', '-Copt-level=s'];

/** A compiler that has the target, and how it links for it. */
interface Compiler {
  readonly rustc: string;
  readonly linking: readonly string[];
  /** Where its libraries are. */
  readonly libraries: string;
  readonly sysroot: string;
}

/** Throws BuildError with the compiler's messages. */
export async function compileRust(sources: HandlerSources): Promise<CompiledHandler> {
  const compiler = await findCompiler();
  const sdk = join(packageRoot(), 'guest-sdk/rust');
  const scratch = await mkdtemp(join(tmpdir(), 'handler-rust-'));
  const compilation = { root: sources.root, scratch, others: [sdk, compiler.libraries] };
  // where things are must not be a part of the module
  const remaps = [
    `--remap-path-prefix=${sdk}=seccompagent`,
    `--remap-path-prefix=${sources.displayDirectory}=handler`,
    `--remap-path-prefix=${scratch}=build`,
  ];
  try {
    const library = join(scratch, 'libseccompagent.rlib');
    const root = join(sdk, 'seccompagent.rs');
    const parameters = ['--crate-type=rlib', root, '-o', library, ...remaps.slice(0, 1)];
    await run(compiler, parameters, compilation);
    const out = join(scratch, 'handler.wasm');
    const linked = [
      '--crate-type=cdylib',
      '--crate-name=handler',
      '-Clto=fat',
      '-Cstrip=symbols',
      '-Ccodegen-units=1',
      `-Clink-arg=--max-memory=${MAXIMUM_PAGES * pageBytes}`,
      `-Clink-arg=-zstack-size=${stackBytes}`,
      ...compiler.linking,
      // a function that answers a call and is not exported answers nothing
      '-Ddead_code',
      '--extern',
      `seccompagent=${library}`,
      ...remaps,
      sourceParameter(join(sources.displayDirectory, 'handler.rs')),
      '-o',
      out,
    ];
    const warnings = await run(compiler, linked, compilation);
    const core = await readFile(out);
    const exports = coreExports(core, join(sources.displayDirectory, 'handler.rs'));
    return { core, exports, stringEncoding: 'utf8', warnings };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function run(
  { rustc }: Compiler,
  parameters: readonly string[],
  compilation: Compilation,
): Promise<readonly string[]> {
  const given = [...options, ...parameters];
  const { hasSucceeded, stderr } = await runCompiler(rustc, given, compilation);
  if (!hasSucceeded) throw new BuildError(stderr.trimEnd());
  return linesOf(stderr);
}

/**
 * The first that is new enough and has the target: there may be one of rustup and one of the system.
 * Throws BuildError with the advice.
 */
export async function findCompiler(): Promise<Compiler> {
  const faults: string[] = [];
  for (const path of candidates(wanted)) {
    const found = (await faultOf(path, wanted)) ?? (await compilerAt(path));
    if (typeof found !== 'string') return found;
    faults.push(found);
  }
  throw new BuildError(faults[0] ?? `rustc is not in PATH: ${wanted.advice}`);
}

/**
 * The one of rustup runs whatever a rust-toolchain.toml of the working directory names, so it is
 * asked elsewhere, and what it chooses there is run without it.
 *
 * @returns a text: why this one will not do
 */
async function compilerAt(path: string): Promise<Compiler | string> {
  const questions = [`--target=${target}`, '--print=target-libdir', '--print=sysroot'];
  const printed = await askProgram(path, questions, '/');
  const [libraries = '', sysroot = ''] = linesOf(printed.stdout);
  if (!printed.hasSucceeded || !existsSync(libraries)) {
    return `${path} has no target ${target}: ${wanted.advice}`;
  }
  const chosen = join(sysroot, 'bin/rustc');
  const linking = await linkingIn(sysroot);
  return { rustc: isProgram(chosen) ? chosen : path, linking, libraries, sysroot };
}

/** Debian's compiler comes without a linker, rustup's with one that knows its objects. */
async function linkingIn(sysroot: string): Promise<readonly string[]> {
  const host = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const own = join(sysroot, `lib/rustlib/${host}-unknown-linux-gnu/bin/rust-lld`);
  if (existsSync(own)) return [];
  return [`-Clinker=${await findProgram(wasmLd)}`, '-Clinker-flavor=wasm-ld'];
}
