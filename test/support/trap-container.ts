// SPDX-License-Identifier: Apache-2.0
// Starts test/support/trap.c, a container runtime and its container in one, and reads its results.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { compiled } from './compile.ts';
import { patient } from './patience.ts';
import { until } from './polling.ts';

export interface TrapOptions {
  /** The agent socket; absent: nothing is trapped, and the kernel alone answers. */
  readonly socket?: string;
  /** The syscalls to trap. */
  readonly trapped?: readonly string[];
  /** Other options of trap.c. */
  readonly options?: readonly string[];
  /** The OPs, see trap.c. */
  readonly operations: readonly string[];
  /** A command that executes trap: its last arguments. */
  readonly wrapper?: readonly string[];
  /** Where it starts. */
  readonly folder?: string;
  /** Another copy of the program, for users who can't reach ours. */
  readonly program?: string;
}

export interface TrapResult {
  readonly status: number | null;
  readonly signal: string | null;
  /** `OP RESULT ERRNONAME` for each OP, and what executed programs said. */
  readonly lines: readonly string[];
  readonly errors: string;
}

export interface StartedTrap extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<TrapResult>;
  lines(): readonly string[];
  /** Resolves once so many lines have come. */
  untilLines(count: number): Promise<void>;
  /** Lets the OP `hold` go on. */
  release(): void;
}

const deadlineMs = patient(40_000);

function commandOf(options: TrapOptions): readonly string[] {
  const { socket, trapped = [], wrapper = [], program = compiled('trap') } = options;
  const connection = socket === undefined ? [] : ['-s', socket, '-n', trapped.join(',')];
  return [
    ...wrapper,
    program,
    ...connection,
    ...(options.options ?? []),
    '--',
    ...options.operations,
  ];
}

/** Starts one; it is killed after a deadline, and when it is disposed of. */
export function startTrap(options: TrapOptions): StartedTrap {
  const [command = '', ...args] = commandOf(options);
  // a process group of its own, so that what a wrapper has started is killed with it
  const child = spawn(command, args, { cwd: options.folder, detached: true });
  let output = '';
  let errors = '';
  let hasClosed = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  // it may end before it has read what we say
  child.stdin.on('error', () => undefined);
  const lines = (): readonly string[] => output.split('\n').slice(0, -1);
  const kill = (): void => {
    if (child.pid === undefined || hasClosed) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // the whole group has ended
    }
  };
  const deadline = setTimeout(kill, deadlineMs);
  const ended = once(child, 'close').then(() => {
    hasClosed = true;
    clearTimeout(deadline);
    return { status: child.exitCode, signal: child.signalCode, lines: lines(), errors };
  });
  return {
    pid: child.pid ?? 0,
    ended,
    lines,
    untilLines: async (count) => {
      await until(`${count} lines of trap`, () => {
        if (hasClosed) throw new Error(`trap has ended: ${output}${errors}`);
        return lines().length >= count || undefined;
      });
    },
    release: () => {
      child.stdin.end();
    },
    [Symbol.asyncDispose]: async () => {
      kill();
      await ended;
    },
  };
}

/** Runs one to its end. */
export async function runTrap(options: TrapOptions): Promise<TrapResult> {
  await using trap = startTrap(options);
  return await trap.ended;
}

/**
 * The lines of a run that has to end well.
 * @throws Error when trap could not run all OPs
 */
export async function trapLines(options: TrapOptions): Promise<readonly string[]> {
  const { status, signal, lines, errors } = await runTrap(options);
  if (status !== 0) {
    throw new Error(`trap ended with ${signal ?? status}: ${lines.join('; ')} ${errors}`);
  }
  return lines;
}
