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
  type Compilation,
  askProgram,
  findProgram,
  isProgram,
  linker,
  programsNamed,
  runCompiler,
  sourceParameter,
} from './toolchain.ts';

const target = 'wasm32-unknown-unknown';
const stackBytes = 65_536;
const pageBytes = 65_536;

const advice =
  'on Debian, apt-get install rustc libstd-rust-dev-wasm32 lld; ' +
  `with rustup, rustup target add ${target}`;

const options = ['--edition=2021', `--target=${target}`, '-Cpanic=abort', '-Copt-level=s'];

/** A compiler that has the target, and how it links for it. */
interface Compiler {
  readonly rustc: string;
  readonly linking: readonly string[];
  /** Where its libraries are. */
  readonly libraries: string;
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
 * The first in PATH that has the target: there may be one of rustup and one of the system. The
 * former runs whatever a rust-toolchain.toml of the working directory names, so it is asked
 * elsewhere, and what it chooses there is run without it.
 */
async function findCompiler(): Promise<Compiler> {
  const found = programsNamed('rustc');
  for (const rustc of found) {
    const questions = [`--target=${target}`, '--print=target-libdir', '--print=sysroot'];
    const printed = await askProgram(rustc, questions, '/');
    const [libraries = '', sysroot = ''] = linesOf(printed.stdout);
    if (printed.hasSucceeded && existsSync(libraries)) {
      const chosen = join(sysroot, 'bin/rustc');
      return { rustc: isProgram(chosen) ? chosen : rustc, linking: linkingIn(sysroot), libraries };
    }
  }
  const missing = found.length === 0 ? 'rustc is not in PATH' : `rustc has no target ${target}`;
  throw new BuildError(`${missing}: ${advice}`);
}

/** Debian's compiler comes without a linker, rustup's with one that knows its objects. */
function linkingIn(sysroot: string): readonly string[] {
  const host = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const own = join(sysroot, `lib/rustlib/${host}-unknown-linux-gnu/bin/rust-lld`);
  return existsSync(own) ? [] : [`-Clinker=${findProgram(linker)}`, '-Clinker-flavor=wasm-ld'];
}
