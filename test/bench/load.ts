// SPDX-License-Identifier: Apache-2.0
// Runs test/bench/load.c, the containers of a measurement, and reads what it prints.
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

import { compiled } from '../support/compile.ts';
import type { Figures } from './figures.ts';

export type LoadSyscall = 'chmod' | 'getpgid' | 'mkdir' | 'mount' | 'open';

export interface LoadRequest {
  readonly socket: string;
  readonly cpus: string;
  readonly syscall: LoadSyscall;
  /** The answer that is right, 0 for success: any other one fails the run. */
  readonly expectedErrno: number;
  readonly containers: number;
  /** In each container; absent: one. */
  readonly threads?: number;
  /** One container more, which pauses before each call. */
  readonly quietPauseUs?: number;
  /** The path of one call before those that are timed, which may be answered by anything. */
  readonly firstPath?: string;
  /** Each container has a file system of its own, and each call makes a directory there. */
  readonly hasOwnRoot?: boolean;
  /** listenerMetadata. */
  readonly metadata?: string;
  /** Only what kills ends a call that was received, and the agent knows that. */
  readonly waitsKillable?: boolean;
  /** Calls of each thread that are not timed. */
  readonly warmUpCalls: number;
  /** How long a run is: a number of calls of each thread, or a time. */
  readonly length:
    | { readonly kind: 'calls'; readonly calls: number }
    | { readonly kind: 'time'; readonly durationMs: number };
  readonly deadlineMs?: number;
}

/** Figures of a run; undefined where no call was timed. */
export interface LoadResult {
  /** Of the containers that call without a pause. */
  readonly loops: Figures | undefined;
  readonly quiet: Figures | undefined;
  /** The longest that a call with `firstPath` took. */
  readonly firstMs: number;
}

export const EBADMSG: number = constants.errno.EBADMSG;
export const EDOM: number = constants.errno.EDOM;
const usualDeadlineMs = 60_000;

/** An OCI bundle whose profile has the flag, which is what agents look for. */
export function killableBundle(): string {
  const folder = join(import.meta.dirname, '../../build/bench-bundle');
  const flags = ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'];
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ linux: { seccomp: { flags } } }));
  return folder;
}

type LoadProcess = ChildProcessByStdio<Writable, Readable, Readable>;

function start(request: LoadRequest, flags: readonly string[]): LoadProcess {
  const { length, threads, quietPauseUs, firstPath, metadata } = request;
  const options: readonly (readonly [letter: string, value: string | number | undefined])[] = [
    ['-s', request.socket],
    ['-c', request.syscall],
    ['-e', request.expectedErrno],
    ['-P', request.containers],
    ['-T', threads],
    ['-q', quietPauseUs],
    ['-x', firstPath],
    ['-m', metadata],
    ['-w', request.warmUpCalls],
    length.kind === 'calls' ? ['-n', length.calls] : ['-d', length.durationMs],
  ];
  const words = options.flatMap(([letter, value]) =>
    value === undefined ? [] : [letter, String(value)],
  );
  if (request.hasOwnRoot === true) words.push('-r');
  if (request.waitsKillable === true) words.push('-k', '-b', killableBundle());
  return spawn('taskset', ['-c', request.cpus, compiled('load'), ...words, ...flags], {
    stdio: 'pipe',
    timeout: request.deadlineMs ?? usualDeadlineMs,
    killSignal: 'SIGKILL',
  });
}

/** Resolves with what it printed, once it has ended as it should. */
async function ended(load: LoadProcess): Promise<string> {
  let output = '';
  let errors = '';
  load.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  load.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  await once(load, 'close');
  if (load.exitCode === 0) return output;
  const how = load.signalCode === 'SIGKILL' ? 'it took too long' : errors.trim();
  throw new Error(`the containers failed: ${how}`);
}

/** One run of all containers against one agent. */
export async function runLoad(request: LoadRequest): Promise<LoadResult> {
  return parseResult(await ended(start(request, [])));
}

/** Containers that stay, without calling, until they are disposed of. */
export async function holdLoad(request: LoadRequest): Promise<AsyncDisposable> {
  const load = start(request, ['-i']);
  const end = ended(load);
  const isHeld = await Promise.race([
    once(load.stdout, 'data').then(() => true),
    end.then(() => false),
  ]);
  if (!isHeld) throw new Error('the containers ended before they were held');
  return {
    [Symbol.asyncDispose]: async () => {
      load.stdin.end();
      await end;
    },
  };
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(typeof value === 'object' && value !== null ? value : {}));
}

function numberOf(fields: ReadonlyMap<string, unknown>, key: string): number {
  const value = fields.get(key);
  if (typeof value !== 'number') throw new Error(`cannot read the containers' result: no ${key}`);
  return value;
}

function figuresOf(fields: ReadonlyMap<string, unknown>): Figures {
  const [least, most] = [numberOf(fields, 'least'), numberOf(fields, 'most')];
  return {
    p50Ns: numberOf(fields, 'p50Ns'),
    p90Ns: numberOf(fields, 'p90Ns'),
    p99Ns: numberOf(fields, 'p99Ns'),
    maxNs: numberOf(fields, 'maxNs'),
    callsPerSecond: numberOf(fields, 'callsPerSecond'),
    least,
    most,
    // a thread that was never served has one call, which is answered at the very end
    mostToLeast: most / Math.max(1, least),
  };
}

function parseResult(text: string): LoadResult {
  const parsed = fieldsOf(JSON.parse(text));
  const part = (key: string): ReadonlyMap<string, unknown> | undefined =>
    parsed.get(key) === null ? undefined : fieldsOf(parsed.get(key));
  const [loops, quiet] = [part('loops'), part('quiet')];
  return {
    loops: loops === undefined ? undefined : figuresOf(loops),
    quiet: quiet === undefined ? undefined : figuresOf(quiet),
    firstMs: loops === undefined ? 0 : numberOf(loops, 'firstNs') / 1e6,
  };
}
