// SPDX-License-Identifier: Apache-2.0
// Starts what is measured: the bare agent in C, and Seccomp Agent with handlers that do as much.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { compiled } from '../support/compile.ts';

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

/** Starts test/bench/bare.c. */
export async function startBare(mode: BareMode): Promise<StartedAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'seccompagent-bench-'));
  const socket = join(folder, 'agent.socket');
  const child = spawn(compiled('bare'), ['-s', socket, '-m', mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
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
    throw new Error('cannot start bare: it ended before it was ready');
  }
  return { socket, pid: child.pid, stop };
}

/** Starts Seccomp Agent so that it answers with EBADMSG: at once, or after the path was read. */
export function startAgent(kind: AgentKind): Promise<StartedAgent> {
  return Promise.reject(
    new Error(`cannot start the agent for ${kind}: no way to start it is given`),
  );
}
