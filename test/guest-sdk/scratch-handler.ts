// SPDX-License-Identifier: Apache-2.0
// Builds a handler of a test from its text, in a folder that goes away.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type BuiltHandler, buildHandler } from '../../guest-sdk/build/handler.ts';

export async function buildText(text: string): Promise<BuiltHandler> {
  const directory = await mkdtemp(join(tmpdir(), 'handler-'));
  try {
    await writeFile(join(directory, 'handler.ts'), text);
    return await buildHandler({ directory, outFile: join(directory, 'out.wasm') });
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The messages of a build that must fail, with `DIR` for the folder's name. */
export async function buildErrors(text: string): Promise<string> {
  try {
    await buildText(text);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'BuildError') throw error;
    return error.message.replaceAll(/\S*\/handler-\w+/g, 'DIR');
  }
  throw new Error('the build did not fail');
}
