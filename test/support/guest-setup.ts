// SPDX-License-Identifier: Apache-2.0
// Before the tests of handlers: the compilers of their languages, and the built bundles.
import { requirePackages } from './packages.ts';
import type { PackageNeed } from './packages.ts';
import { buildTestBundles } from './test-bundles.ts';

export const compilers: readonly PackageNeed[] = [
  { command: 'gcc', package: 'gcc' },
  { command: 'clang-19', package: 'clang-19' },
  { command: 'wasm-ld-19', package: 'lld-19' },
  // there may be another one of rustup, without the target
  { command: '/usr/bin/rustc', package: 'rustc' },
  { command: '/usr/lib/rustlib/wasm32-unknown-unknown', package: 'libstd-rust-dev-wasm32' },
];

export default async function setup(): Promise<void> {
  requirePackages(compilers);
  await buildTestBundles();
}
