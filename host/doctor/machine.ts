// SPDX-License-Identifier: Apache-2.0
// This machine, as the doctor looks at it.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';

import type { CommandOutput, Machine } from './check.ts';

const deadlineMs = 10_000;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function run(command: string, args: readonly string[]): CommandOutput | undefined {
  const { pid, status, stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // it was not started: of its output, versions of Node say different things then
  if (pid === 0) return undefined;
  return { code: status ?? -1, stdout };
}

export const thisMachine: Machine = {
  read,
  run,
  inode: (path) => {
    try {
      return statSync(path).ino;
    } catch {
      return undefined;
    }
  },
  environment: process.env,
};
