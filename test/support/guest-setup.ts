// SPDX-License-Identifier: Apache-2.0
// Before the tests of handlers: the compilers of their languages, and the built bundles.
import { findCompiler } from '../../guest-sdk/build/rust.ts';
import { clang, findProgram, wasmLd } from '../../guest-sdk/build/system-programs.ts';
import { requirePackages } from './packages.ts';
import type { PackageNeed } from './packages.ts';
import { buildTestBundles } from './test-bundles.ts';

interface HandlerCompiler {
  /** Throws BuildError: there is none that handlers can be built with. */
  readonly find: () => Promise<unknown>;
  /** What brings one. */
  readonly needs: readonly PackageNeed[];
}

const compilers: readonly HandlerCompiler[] = [
  { find: async () => findProgram(clang), needs: [{ command: 'clang', package: 'clang' }] },
  { find: async () => findProgram(wasmLd), needs: [{ command: 'wasm-ld', package: 'lld' }] },
  {
    find: findCompiler,
    needs: [
      // there may be another one of rustup, without the target
      { command: '/usr/bin/rustc', package: 'rustc' },
      { command: '/usr/lib/rustlib/wasm32-unknown-unknown', package: 'libstd-rust-dev-wasm32' },
    ],
  },
];

async function isMissing({ find }: HandlerCompiler): Promise<boolean> {
  return find().then(
    () => false,
    () => true,
  );
}

/** Whatever versions there are will do, if handlers can be built with them. */
export async function requireTools(others: readonly PackageNeed[] = []): Promise<void> {
  const areMissing = await Promise.all(compilers.map(isMissing));
  const missing = compilers.filter((_, index) => areMissing[index]);
  requirePackages([
    { command: 'gcc', package: 'gcc' },
    ...missing.flatMap(({ needs }) => needs),
    ...others,
  ]);
  // those of the system may be too old, and the error says what to do
  for (const { find } of missing) await find();
}

/** Language servers, and the sources of Rust's library, which one of them reads. */
const editorNeeds: readonly PackageNeed[] = [
  { command: 'clangd', package: 'clangd' },
  { command: '/usr/bin/rust-analyzer', package: 'rust-analyzer' },
  { command: '/usr/lib/rustlib/src/rust/library', package: 'rust-src' },
];

export default async function setup(): Promise<void> {
  await requireTools(editorNeeds);
  await buildTestBundles();
}
