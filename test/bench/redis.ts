// SPDX-License-Identifier: Apache-2.0
// A Redis server, and its own benchmark.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { until } from '../support/polling.ts';

const requests = 20_000;
const clients = 10;
const startMs = 20_000;
/** Ends with its parent. */
const mortal = ['setpriv', '--pdeathsig=KILL'];

function socketIn(folder: string): string {
  return join(folder, 'redis.socket');
}

function answers(folder: string): boolean {
  return spawnSync('redis-cli', ['-s', socketIn(folder), 'ping']).status === 0;
}

/** Starts a server that keeps everything in memory, with the words before its command. */
export async function startRedis(
  wrapper: readonly string[],
  folder: string,
): Promise<AsyncDisposable> {
  const place = ['--port', '0', '--unixsocket', socketIn(folder), '--dir', folder];
  const memoryOnly = ['--save', '', '--appendonly', 'no'];
  const server = ['redis-server', ...place, ...memoryOnly];
  // twice: what a tracer starts is the tracer's child
  const [command = '', ...rest] = [...mortal, ...wrapper, ...mortal, ...server];
  const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    kill();
    await ended;
  };
  try {
    await until(
      'redis-server',
      () => {
        const hasEnded = child.exitCode !== null || child.signalCode !== null;
        if (hasEnded) throw new Error('redis-server ended before it was ready');
        return answers(folder) || undefined;
      },
      startMs,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { [Symbol.asyncDispose]: stop };
}

/** The benchmark of the server in that folder. */
export function redisBenchmark(folder: string): readonly string[] {
  const options = ['-t', 'set,get', '-n', String(requests), '-c', String(clients), '-q'];
  return ['redis-benchmark', '-s', socketIn(folder), ...options];
}
