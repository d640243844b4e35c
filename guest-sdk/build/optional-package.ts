// SPDX-License-Identifier: Apache-2.0
// Packages of npm that building needs and running does not: they may have been left out.

import { BuildError } from './build-error.ts';

/** Imports one. Throws BuildError where it is not installed. */
export async function optionalPackage(name: string): Promise<any> {
  try {
    return await import(name);
  } catch (cause) {
    const isMissing =
      cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND';
    if (!isMissing) throw cause;
    const [scope = name, own] = name.split('/');
    const wanted = scope.startsWith('@') && own !== undefined ? `${scope}/${own}` : scope;
    throw new BuildError(
      `building needs the npm package ${wanted}, which was left out when this was installed: ` +
        `npm install ${wanted} beside it`,
      { cause },
    );
  }
}
