// SPDX-License-Identifier: Apache-2.0
// Does what a page shows: writes its files, types its commands, and compares what they print.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { runCommand, seccompagent } from './command.ts';
import type { Page } from './pages.ts';
import { TemporaryFolder } from './temporary-folder.ts';

interface Typed {
  readonly command: string;
  readonly output: string;
}

/** Input behind prompts in a block, and its output. */
function typedIn(code: string, prompt: string): readonly Typed[] {
  const [, ...parts] = `\n${code}`.split(`\n${prompt}`);
  return parts.map((part) => {
    const [command = '', ...output] = part.trimEnd().split('\n');
    return { command, output: output.join('\n') };
  });
}

/** `…` in a line is any text, and a line of it alone any lines, or none. */
function patternOf(output: string): RegExp {
  const lines = (output === '' ? [] : output.split('\n')).map((line) =>
    line === '…'
      ? '(?:.*\\n)*?'
      : `${line.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, '\\$&').replaceAll('…', '.*')}\\n`,
  );
  return new RegExp(`^${lines.join('')}$`, 'u');
}

function plain(text: string): string {
  return text
    .replaceAll('\r', '')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n*$/u, '\n')
    .replace(/^\n$/u, '');
}

/** A reader with a folder of his own, and `seccompagent` in PATH. */
class Reader implements Disposable {
  readonly #folder = new TemporaryFolder();
  #directory = this.#folder.at('work');

  constructor() {
    for (const name of ['bin', 'work']) mkdirSync(this.#folder.at(name));
    symlinkSync(seccompagent, this.#folder.at('bin/seccompagent'));
  }

  write(file: string, code: string): void {
    writeFileSync(join(this.#directory, file), code);
  }

  async type({ command, output }: Typed): Promise<void> {
    const [, into] = /^cd (\S+)$/u.exec(command) ?? [];
    if (into !== undefined) {
      this.#directory = join(this.#directory, into);
      return;
    }
    const { stdout } = await runCommand(['sh', '-c', `exec 2>&1\n${command}`], {
      cwd: this.#directory,
      environment: {
        PATH: `${this.#folder.at('bin')}:${process.env['PATH'] ?? ''}`,
        LC_ALL: 'C',
      },
    });
    const printed = plain(stdout);
    if (patternOf(output).test(printed)) return;
    throw new Error(`"${command}" should print\n${output}\nand prints\n${printed}`);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

const block = /^```(?<language>\w+)(?: (?<file>\S+))?\n(?<code>.*?)^```$/gmsu;

/**
 * Follows a tutorial: a block with a file's name behind its language is written there, and in blocks of
 * the language console the lines that begin with `$ ` are typed.
 * @returns how many commands were typed
 * @throws Error when something else is printed than what is shown
 */
export async function follow({ text }: Page): Promise<number> {
  using reader = new Reader();
  let typed = 0;
  for (const { groups = {} } of text.matchAll(block)) {
    const { language, file, code = '' } = groups;
    if (file !== undefined) reader.write(file, code);
    if (language !== 'console') continue;
    for (const step of typedIn(code, '$ ')) {
      await reader.type(step);
      typed += 1;
    }
  }
  return typed;
}
