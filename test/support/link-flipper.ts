// SPDX-License-Identifier: Apache-2.0
// Runs link-flipper.c in a folder of its own, and looks at what came of it.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { runCommand } from './command.ts';
import { compiled } from './compile.ts';
import { makeFolder } from './folder-contents.ts';
import { TemporaryFolder } from './temporary-folder.ts';

export interface Flipped {
  /** How many calls got each answer, whichever call it was. */
  readonly answers: ReadonlyMap<string, number>;
  /** How often a file was where it may be. */
  readonly inside: number;
  /** How often it was in the root, but not where something is granted. */
  readonly beyond: number;
  /** Where files were that may not be there. */
  readonly outside: readonly string[];
}

export interface FlipOptions {
  readonly socket: string;
  readonly tries: number;
  /** The directory is moved out of the root; else it is exchanged for links. */
  readonly isMoved: boolean;
  /** The only folder of the root in which the handler may act. */
  readonly granted?: '/p' | '/p/c';
  readonly deadlineMs?: number;
}

export async function flipLinks(options: FlipOptions): Promise<Flipped> {
  using folder = new TemporaryFolder();
  const name = `seccompagent-flipped-${randomUUID()}`;
  const { code, signal, stdout, stderr } = await runCommand(
    [
      compiled('link-flipper'),
      '-s',
      options.socket,
      '-n',
      String(options.tries),
      ...(options.isMoved ? ['-m'] : []),
      ...(options.granted === undefined ? [] : ['-g', options.granted]),
      name,
      makeFolder(folder.path, 'top'),
    ],
    options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs },
  );
  if (code !== 0) throw new Error(`link-flipper: ${signal ?? code} ${stdout} ${stderr}`);
  const answers = new Map<string, number>();
  for (const [, answer = '', count] of stdout.matchAll(/^answer \S+ (\S+) (\d+)$/gmu)) {
    answers.set(answer, (answers.get(answer) ?? 0) + Number(count));
  }
  const ours = ['/', '/tmp', '/root', folder.path, process.cwd()];
  return {
    answers,
    inside: Number(/^inside (\d+)$/mu.exec(stdout)?.[1]),
    beyond: Number(/^beyond (\d+)$/mu.exec(stdout)?.[1]),
    outside: [
      ...[...stdout.matchAll(/^outside (.*)$/gmu)].map(([, where = '']) => where),
      ...ours.filter((where) => existsSync(join(where, name))),
    ],
  };
}
