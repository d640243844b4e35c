// SPDX-License-Identifier: Apache-2.0
// Makes a component of a core module: the WIT is embedded, and the module is wrapped.

import { optionalPackage } from './optional-package.ts';

export interface ComponentTools {
  componentEmbed(
    this: void,
    embedding: {
      readonly binary: Uint8Array;
      readonly witSource: string;
      readonly world: string;
      readonly stringEncoding: string;
    },
  ): Promise<Uint8Array>;
  componentNew(this: void, core: Uint8Array): Promise<Uint8Array>;
}

/** Throws BuildError where jco is not installed. */
export async function loadComponentTools(): Promise<ComponentTools> {
  const tools: ComponentTools = await optionalPackage('@bytecodealliance/jco-transpile/wasm-tools');
  return tools;
}
