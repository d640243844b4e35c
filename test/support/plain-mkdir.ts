// SPDX-License-Identifier: Apache-2.0
// A handler that does each mkdir as it is asked for, as the caller.
import { testBundle } from './test-bundles.ts';

/** The bundle and the settings of a process's agent that does so. */
export const plainMkdir: { readonly bundle: string; readonly settings: readonly string[] } = {
  bundle: testBundle('mkdir-suffix'),
  settings: ['MKDIR_SUFFIX='],
};
