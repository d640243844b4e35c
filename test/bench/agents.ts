// SPDX-License-Identifier: Apache-2.0
// Builds and starts what is measured: the bare agent in C, and Seccomp Agent with a bundle.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { compilerFlags } from '../../host/handler/compiling/compiler-flags.ts';
import { compiled } from '../support/compile.ts';
import { threadCount } from '../support/process-resources.ts';
import { testBundle } from '../support/test-bundles.ts';

const root = join(import.meta.dirname, '../..');

/** A running agent of its own, which answers every trapped call in one way. */
export interface StartedAgent extends AsyncDisposable {
  readonly socket: string;
  readonly pid: number;
  /** How many threads it has once runtimes can connect. */
  readonly threads: number;
}

export type BareMode = 'errno' | 'read' | 'success' | 'continue' | 'mkdir' | 'inside' | 'open';

export interface AgentOptions {
  /** One of the test bundles. */
  readonly bundle?: string;
  /** Another bundle. */
  readonly folder?: string;
  readonly cpus: string;
  /** Absent: as many as the agent wants. */
  readonly workers?: number;
}

/** Where a module of ours is once it is compiled. */
export function compiledModule(path: string): string {
  return join(root, 'build/bench', path.replace(/\.ts$/u, '.js'));
}

/** Compiles the agent and the other programs that tsconfig.json names. */
export function buildAgent(): void {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(
    process.execPath,
    [compiler, '-p', join(import.meta.dirname, 'tsconfig.json')],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`cannot compile the agent:\n${stdout}`);
  execFileSync(process.execPath, [join(root, 'host/bundle-worker.mjs'), 'build/bench']);
}

/** Starts a program that prints `ready` once runtimes can connect. */
async function start(
  cpus: string,
  command: (socket: string) => readonly string[],
): Promise<StartedAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'seccompagent-bench-'));
  const socket = join(folder, 'agent.socket');
  // taskset executes the program: it has the process id of what we start
  const child = spawn('taskset', ['-c', cpus, ...command(socket)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  // an agent that is left behind would be in the way of the next run
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    kill();
    await ended;
    await rm(folder, { recursive: true });
  };
  const isReady = await Promise.race([
    once(child.stdout, 'data').then(() => true),
    ended.then(() => false),
  ]);
  if (!isReady || child.pid === undefined) {
    await stop();
    throw new Error(`cannot start ${command('SOCKET').join(' ')}: it ended before it was ready`);
  }
  return {
    socket,
    pid: child.pid,
    threads: threadCount(child.pid),
    [Symbol.asyncDispose]: stop,
  };
}

/** Starts test/bench/bare.c. */
export async function startBare(mode: BareMode, cpus: string): Promise<StartedAgent> {
  return start(cpus, (socket) => [compiled('bare'), '-s', socket, '-m', mode]);
}

/** Starts Seccomp Agent, as compiled by `buildAgent`. */
export async function startAgent({
  bundle = '',
  folder,
  cpus,
  workers,
}: AgentOptions): Promise<StartedAgent> {
  const main = compiledModule('test/support/bundle-agent.ts');
  return start(cpus, (socket) => [
    process.execPath,
    ...compilerFlags,
    main,
    folder ?? testBundle(bundle),
    socket,
    ...(workers === undefined ? [] : [String(workers)]),
  ]);
}

/**
 * Starts Seccomp Agent with a single worker.
 * @throws Error when it has no fewer threads than one that was not told so
 */
export async function startAgentOfOneWorker(
  options: Readonly<Omit<AgentOptions, 'workers'>>,
): Promise<StartedAgent> {
  let usualThreads: number;
  {
    await using usual = await startAgent(options);
    usualThreads = usual.threads;
  }
  const agent = await startAgent({ ...options, workers: 1 });
  if (agent.threads < usualThreads) return agent;
  await agent[Symbol.asyncDispose]();
  throw new Error(
    `an agent that was told to have 1 worker has ${agent.threads} threads, ` +
      `one that was not has ${usualThreads}`,
  );
}
