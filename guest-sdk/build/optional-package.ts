// SPDX-License-Identifier: Apache-2.0
// Packages of npm that building needs and running does not: they may have been left out.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { systemCodeOf } from '../../host/errors.ts';
import { packageRoot } from '../../host/package-root.ts';
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
    throw notInstalled(wanted, cause);
  }
}

/**
 * The folder of one whose programs are run, as the package in `folder` would find it. Throws BuildError
 * where it is not installed.
 */
export function optionalFolder(name: string, folder: string = packageRoot()): string {
  const file = join(folder, 'package.json');
  try {
    return dirname(createRequire(file).resolve(`${name}/package.json`));
  } catch (cause) {
    throw systemCodeOf(cause) === 'MODULE_NOT_FOUND' ? notInstalled(name, cause) : cause;
  }
}

function notInstalled(name: string, cause: unknown): BuildError {
  return new BuildError(
    `building needs the npm package ${name}, which was not installed: run ` +
      `"npm install ${name}" in the same folder as seccompagent`,
    { cause },
  );
}

function missingPackage(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  if (thrown.code !== 'ERR_MODULE_NOT_FOUND') return undefined;
  return /^Cannot find package '([^']+)'/u.exec(thrown.message)?.[1];
}
