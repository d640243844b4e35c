// SPDX-License-Identifier: Apache-2.0
// Runs test/bench/load.c, the containers of a measurement, and reads what it prints.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { compiled } from '../support/compile.ts';
import type { StartedAgent } from './agents.ts';

export type LoadSyscall = 'chmod' | 'getpgid';

export interface LoadSize {
  readonly containers: number;
  /** Calls of each container that are not timed. */
  readonly warmUpCalls: number;
  /** How long a run is: a number of calls of each container, or a time. */
  readonly length:
    | { readonly kind: 'calls'; readonly calls: number }
    | { readonly kind: 'time'; readonly durationMs: number };
}

export interface LoadRequest {
  readonly agent: StartedAgent;
  readonly syscall: LoadSyscall;
  /** The answer that is right, 0 for success: any other one fails the run. */
  readonly expectedErrno: number;
  readonly size: LoadSize;
}

/** What a run gave: latencies of one call, and the calls of the worst and the best served worker. */
export interface LoadResult {
  readonly calls: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
  readonly callsPerSecond: number;
  readonly least: number;
  readonly most: number;
  readonly durationSeconds: number;
}

/** One run of all containers against one agent. */
export async function runLoad(request: LoadRequest): Promise<LoadResult> {
  const { agent, size } = request;
  const options: readonly (readonly [option: string, value: string | number])[] = [
    ['-s', agent.socket],
    ['-c', request.syscall],
    ['-e', request.expectedErrno],
    ['-P', size.containers],
    ['-w', size.warmUpCalls],
    size.length.kind === 'calls' ? ['-n', size.length.calls] : ['-d', size.length.durationMs],
    ...(agent.metadata === undefined ? [] : [['-m', agent.metadata] as const]),
  ];
  const { stdout } = await promisify(execFile)(compiled('load'), options.flat().map(String));
  return parseResult(stdout);
}

function parseResult(text: string): LoadResult {
  const parsed: unknown = JSON.parse(text);
  const fields = new Map(
    Object.entries(typeof parsed === 'object' && parsed !== null ? parsed : {}),
  );
  const number = (key: keyof LoadResult): number => {
    const value: unknown = fields.get(key);
    if (typeof value !== 'number') throw new Error(`cannot read the load's result: no ${key}`);
    return value;
  };
  return {
    calls: number('calls'),
    p50Ns: number('p50Ns'),
    p90Ns: number('p90Ns'),
    p99Ns: number('p99Ns'),
    maxNs: number('maxNs'),
    callsPerSecond: number('callsPerSecond'),
    least: number('least'),
    most: number('most'),
    durationSeconds: number('durationSeconds'),
  };
}
