// SPDX-License-Identifier: Apache-2.0
// Each clang of this machine that handlers can be built with: what one of them takes without a word,
// another one may warn of or refuse.
import { existsSync, realpathSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

import {
  candidates,
  clang,
  faultOf,
  findProgram,
  wasmLd,
} from '../../guest-sdk/build/system-programs.ts';
import { TemporaryFolder } from './temporary-folder.ts';

/** The path of each, whatever links lead there. */
export async function cCompilers(): Promise<readonly string[]> {
  const paths = [...new Set(candidates(clang).map((path) => realpathSync(path)))];
  const faults = await Promise.all(paths.map(async (path) => faultOf(path, clang)));
  return paths.filter((_, index) => faults[index] === undefined);
}

/** The one that came with a clang, else the usual one. */
async function linkerOf(compiler: string): Promise<string> {
  const own = join(dirname(compiler), wasmLd.name);
  const isUsable = existsSync(own) && (await faultOf(own, wasmLd)) === undefined;
  return isUsable ? own : findProgram(wasmLd);
}

/** Does work while this clang is the first in PATH; one work at a time. */
export async function withClang<Result>(
  compiler: string,
  work: () => Promise<Result>,
): Promise<Result> {
  using folder = new TemporaryFolder();
  symlinkSync(compiler, folder.at(clang.name));
  symlinkSync(await linkerOf(compiler), folder.at(wasmLd.name));
  const before = process.env['PATH'] ?? '';
  process.env['PATH'] = `${folder.path}:${before}`;
  try {
    return await work();
  } finally {
    process.env['PATH'] = before;
  }
}
