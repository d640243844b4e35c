// SPDX-License-Identifier: Apache-2.0
// Packages of npm that building needs and running does not: they may have been left out.

import { BuildError } from './build-error.ts';

/** Imports one. Throws BuildError where it is not installed. */
export async function optionalPackage(name: string): Promise<any> {
  return optionalModule(async () => import(name));
}

/** Loads a module that needs some. Throws BuildError where one of them is not installed. */
export async function optionalModule<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const wanted = missingPackage(cause);
    if (wanted === undefined) throw cause;
    throw new BuildError(
      `building needs the npm package ${wanted}, which was not installed: run ` +
        `"npm install ${wanted}" in the same folder as seccompagent`,
      { cause },
    );
  }
}

function missingPackage(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  if (thrown.code !== 'ERR_MODULE_NOT_FOUND') return undefined;
  return /^Cannot find package '([^']+)'/u.exec(thrown.message)?.[1];
}
