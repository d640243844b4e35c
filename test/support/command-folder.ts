// SPDX-License-Identifier: Apache-2.0
// The command as people have it: `seccompagent` in PATH, wherever they are.
import { symlinkSync } from 'node:fs';

import { seccompagent } from './command.ts';
import type { TemporaryFolder } from './temporary-folder.ts';

/** An environment in which the command's name is enough. */
export function withCommand(folder: TemporaryFolder): Readonly<Record<string, string>> {
  symlinkSync(seccompagent, folder.at('seccompagent'));
  return { PATH: `${folder.path}:${process.env['PATH'] ?? ''}` };
}
