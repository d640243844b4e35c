// SPDX-License-Identifier: Apache-2.0
// Starts what is measured: the bare agent in C, and Seccomp Agent with handlers that do as much.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { compiled } from '../support/compile.ts';
import { testBundle } from '../support/test-bundles.ts';

/** A running agent of its own, which answers every trapped call in one way. */
export interface StartedAgent {
  readonly socket: string;
  readonly pid: number;
  /** The listenerMetadata that makes it answer so, in JSON's escapes. */
  readonly metadata?: string;
  stop(): Promise<void>;
}

export type BareMode = 'errno' | 'read' | 'continue';
export type AgentKind = 'errno' | 'errno-after-read';

/** The bundles that answer as the bare agent of the same name does. */
const bundles: Readonly<Record<AgentKind, string>> = {
  errno: 'errno-getpgid',
  'errno-after-read': 'errno-after-read',
};

/** Starts a program that prints `ready` once runtimes can connect. */
async function start(
  command: string,
  args: (socket: string) => readonly string[],
): Promise<StartedAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'seccompagent-bench-'));
  const socket = join(folder, 'agent.socket');
  const child = spawn(command, args(socket), { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true });
  };
  const isReady = await Promise.race([
    once(child.stdout, 'data').then(() => true),
    ended.then(() => false),
  ]);
  if (!isReady || child.pid === undefined) {
    await stop();
    throw new Error(`cannot start ${command}: it ended before it was ready`);
  }
  return { socket, pid: child.pid, stop };
}

/** Starts test/bench/bare.c. */
export async function startBare(mode: BareMode): Promise<StartedAgent> {
  return start(compiled('bare'), (socket) => ['-s', socket, '-m', mode]);
}

/** Starts Seccomp Agent so that it answers with EBADMSG: at once, or after the path was read. */
export async function startAgent(kind: AgentKind): Promise<StartedAgent> {
  const main = join(import.meta.dirname, '../support/bundle-agent.ts');
  return start(process.execPath, (socket) => [main, testBundle(bundles[kind]), socket]);
}
