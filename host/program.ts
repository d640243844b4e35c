// SPDX-License-Identifier: Apache-2.0
// Runs other programs to their end. Node's own way copies all descriptors of this process for a
// moment, among which are files of containers, and to close a copy may take for ever.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

import { systemCodeOf } from './errors.ts';
import { errnoNameOf } from './syscalls/errno.ts';
import { loadNative, nativeIfThere } from './native.ts';
import type { Native, ProgramRequest, ProgramResult } from './native.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const usualOutputBytes = 2 ** 20;

export interface Program {
  /** Its name, which is looked for in the environment's PATH, or its path; and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly environment: Environment;
  /** Its working directory; absent: ours. */
  readonly folder?: string;
  /** Its standard input. */
  readonly input?: Uint8Array;
  readonly limitMs: number;
  /** Of each of its streams. */
  readonly maxOutputBytes?: number;
  /** All that it may open; absent: whatever we may. */
  readonly files?: OpenableFiles;
}

/** Files, and folders with all that is in them; no part of a path may be a link. */
export interface OpenableFiles {
  /** To be read and executed. */
  readonly readable: readonly string[];
  readonly writable: readonly string[];
}

export interface ProgramEnd {
  /** Its exit code; undefined: it did not end by itself. */
  readonly code: number | undefined;
  /** The name of the signal that has ended it. */
  readonly signal: string | undefined;
  /** It was ended for that. */
  readonly hasSaidTooMuch: boolean;
  /** For people: why there is no exit code; empty: there is one. */
  readonly why: string;
  /** Used processor time; 0: unknown. */
  readonly processorMs: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Paths for execve(2), as execvp(3) tries them. */
export function candidatesFor(name: string, environment: Environment): readonly string[] {
  if (name.includes('/')) return [name];
  return (environment['PATH'] ?? defaultPath)
    .split(':')
    .map((folder) => join(folder === '' ? '.' : folder, name));
}

function requestOf(program: Program): ProgramRequest {
  const { command, environment, folder = '', input = new Uint8Array(), limitMs } = program;
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const candidates = candidatesFor(command[0], environment);
  return {
    command,
    environment: variables,
    candidates,
    folder,
    input,
    maxOutputBytes: program.maxOutputBytes ?? usualOutputBytes,
    maxMs: limitMs,
    ...program.files,
  };
}

function signalName(signal: number): string {
  const found = Object.entries(constants.signals).find(([, number]) => number === signal);
  return found?.[0] ?? `signal ${signal}`;
}

/** Why there is no exit code; empty: there is one. */
function whyOf({ command, limitMs }: Program, { end, code, signal }: ProgramResult): string {
  if (end === 'took-too-long') return `it exceeded its time limit of ${limitMs / 1000} s`;
  if (end === 'said-too-much') return 'its output is too long';
  if (end === 'itself') return signal === 0 ? '' : `it was killed by ${signalName(signal)}`;
  const name = errnoNameOf(code) ?? `errno ${code}`;
  if (end === 'not-prepared') return `its working directory cannot be entered: ${name}`;
  if (name !== 'ENOENT') return `it cannot be executed: ${name}`;
  return command[0].includes('/') ? 'there is no such file' : 'it is not in PATH';
}

function endOf(program: Program, result: ProgramResult): ProgramEnd {
  const why = whyOf(program, result);
  return {
    code: why === '' ? result.code : undefined,
    signal: result.end === 'itself' && result.signal !== 0 ? signalName(result.signal) : undefined,
    hasSaidTooMuch: result.end === 'said-too-much',
    why,
    processorMs: result.processorMs,
    stdout: Buffer.from(result.stdout).toString(),
    stderr: Buffer.from(result.stderr).toString(),
  };
}

/** Without the addon there are no containers, whose files could be copied. */
function runByNode(program: Program): ProgramEnd {
  const [name, ...args] = program.command;
  if (program.folder !== undefined && !existsSync(program.folder)) {
    const nothing = {
      signal: 0,
      processorMs: 0,
      stdout: new Uint8Array(),
      stderr: new Uint8Array(),
    };
    return endOf(program, { ...nothing, end: 'not-prepared', code: constants.errno.ENOENT });
  }
  const { error, status, signal, stdout, stderr } = spawnSync(name, args, {
    env: { ...program.environment },
    ...(program.folder === undefined ? {} : { cwd: program.folder }),
    input: program.input ?? '',
    timeout: program.limitMs,
    killSignal: 'SIGKILL',
    maxBuffer: program.maxOutputBytes ?? usualOutputBytes,
  });
  const code = systemCodeOf(error);
  const ends = { ETIMEDOUT: 'took-too-long', ENOBUFS: 'said-too-much' } as const;
  const isAnswer = error === undefined || code === 'EPIPE';
  const end =
    code === 'ETIMEDOUT' || code === 'ENOBUFS' ? ends[code] : isAnswer ? 'itself' : 'not-executed';
  const errno = Object.entries(constants.errno).find(([each]) => each === code)?.[1] ?? 0;
  return endOf(program, {
    end,
    code: end === 'not-executed' ? errno : (status ?? 0),
    signal: signal === null ? 0 : constants.signals[signal],
    processorMs: 0,
    stdout: stdout ?? new Uint8Array(),
    stderr: stderr ?? new Uint8Array(),
  });
}

/** @throws AgentError AGENT_ADDON_MISSING: without the addon it could open more than it may */
function nativeFor({ files }: Program): Native | undefined {
  return files === undefined ? nativeIfThere() : loadNative();
}

/** @throws what the addon throws where nothing can be started, and what `nativeFor` throws */
export function runProgramSync(program: Program): ProgramEnd {
  const native = nativeFor(program);
  if (native === undefined) return runByNode(program);
  return endOf(program, native.runProgram(requestOf(program)));
}

let running = 0;

/** Whether Node would wait for one where this process ends. */
export function isProgramRunning(): boolean {
  return running > 0;
}

/** @throws as runProgramSync */
export async function runProgram(program: Program): Promise<ProgramEnd> {
  const native = nativeFor(program);
  if (native === undefined) return runByNode(program);
  return endOf(program, await asRunningProgram(native.startProgram(requestOf(program))));
}

/** Counts what waits for a program, also for one that another thread has started. */
export async function asRunningProgram<T>(work: Promise<T>): Promise<T> {
  running += 1;
  try {
    return await work;
  } finally {
    running -= 1;
  }
}
