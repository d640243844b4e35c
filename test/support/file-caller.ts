// SPDX-License-Identifier: Apache-2.0
// Runs file-caller.c, whose lines say what calls on files come to.
import { RunningCommand } from './command.ts';
import { compiled } from './compile.ts';

const deadlineMs = 40_000;

/** Runs it in a folder, by a wrapper such as unshare(1); its lines. */
export async function linesOf(
  folder: string,
  words: readonly string[],
  options: readonly string[] = [],
  wrapper: readonly string[] = [],
): Promise<readonly string[]> {
  await using running = new RunningCommand(
    ['env', ...wrapper, compiled('file-caller'), ...options, folder, ...words],
    {
      deadlineMs,
    },
  );
  const { code, signal, stdout, stderr } = await running.ended;
  if (code !== 0) throw new Error(`file-caller: ${signal ?? code} ${stdout} ${stderr}`);
  return stdout.split('\n').slice(0, -1);
}
