// SPDX-License-Identifier: Apache-2.0
// An agent in a process of its own, with handlers as a test wants them, whose descriptors, threads,
// processor time and log can be looked at.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import type { ListenerLimits } from '../../host/containers/listener-counts.ts';
import { compilerFlags } from '../../host/handler/compiling/compiler-flags.ts';
import type { RegistryPolicy } from '../../host/bundles/oci/open-bundle.ts';
import { RunningCommand } from './command.ts';
import { patient } from './patience.ts';
import { until } from './polling.ts';
import { TemporaryFolder } from './temporary-folder.ts';

export interface AgentEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** From asking it to end until it had. */
  readonly tookMs: number;
}

export interface WatchedAgent extends AsyncDisposable {
  readonly socket: string;
  readonly pid: number;
  /** The lines of its log so far. */
  log(): readonly string[];
  /** Resolves with the first line, of those after the first `from`, that has all of the texts. */
  untilLogged(texts: readonly string[], from?: number): Promise<string>;
  /** Ends it by SIGTERM. */
  stop(): Promise<AgentEnd>;
}

export interface WatchedAgentOptions {
  /** One of the agent's own resolvers. */
  readonly resolver?: string;
  /** Where that one looks for bundles before the shipped ones. */
  readonly bundleFolders?: readonly string[];
  /** As the option -bundle. */
  readonly selection?: readonly string[];
  /** Registries that are allowed. */
  readonly registries?: RegistryPolicy;
  /** The folder of a bundle that answers for every container, instead of a resolver. */
  readonly bundle?: string;
  /** `KEY=VALUE`, as metadata sets them. */
  readonly settings?: readonly string[];
  /** What an operator allows the bundle; absent: what it asks for. */
  readonly allowed?: Readonly<Record<string, unknown>>;
  readonly allowedUids?: readonly number[];
  readonly listenerLimits?: Partial<ListenerLimits>;
  /** A command that executes it: its last arguments. */
  readonly wrapper?: readonly string[];
  /** As the agent's option -log. */
  readonly log?: string;
  /** Signals that it handles, by doing nothing. */
  readonly signals?: readonly ('SIGURG' | 'SIGPROF')[];
}

/** It serves all tests of a file, also on a busy machine. */
const lifeMs = patient(600_000);
const stopMs = patient(10_000);

/** With SECCOMPAGENT_ASAN=1 the agent loads the sanitizer build of the addon. */
function sanitizerEnvironment(): Readonly<Record<string, string>> {
  if (process.env['SECCOMPAGENT_ASAN'] !== '1') return {};
  const library = spawnSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' });
  return { LD_PRELOAD: library.stdout.trim(), ASAN_OPTIONS: 'detect_leaks=0' };
}

function programOptions(options: WatchedAgentOptions, socket: string): readonly string[] {
  const { resolver, bundle, registries, settings, allowed, allowedUids, log, signals } = options;
  return [
    `--socket=${socket}`,
    ...(resolver === undefined ? [] : [`--resolver=${resolver}`]),
    ...(options.bundleFolders ?? []).map((folder) => `--bundle-folder=${folder}`),
    ...(options.selection ?? []).map((reference) => `--select=${reference}`),
    ...(registries === undefined ? [] : [`--registries=${JSON.stringify({ registries })}`]),
    ...(bundle === undefined ? [] : [`--bundle=${bundle}`]),
    ...(settings ?? []).map((text) => `--setting=${text}`),
    ...(allowed === undefined ? [] : [`--allowed=${JSON.stringify(allowed)}`]),
    ...(allowedUids ?? []).map((uid) => `--uid=${uid}`),
    ...(options.listenerLimits === undefined
      ? []
      : [`--listener-limits=${JSON.stringify(options.listenerLimits)}`]),
    ...(log === undefined ? [] : [`--log=${log}`]),
    ...(signals ?? []).map((signal) => `--signal=${signal}`),
  ];
}

/**
 * Starts one and waits until runtimes can connect.
 * @example await using agent = await startWatchedAgent({ resolver: 'demo-basic' });
 */
export async function startWatchedAgent(options: WatchedAgentOptions): Promise<WatchedAgent> {
  using folders = new DisposableStack();
  const socket = folders.use(new TemporaryFolder()).at('agent.socket');
  const program = join(import.meta.dirname, 'configured-agent.ts');
  const node = [process.execPath, ...compilerFlags] as const;
  const [command, ...rest] = [...(options.wrapper ?? []), ...node] as const;
  const running = new RunningCommand(
    [command, ...rest, program, ...programOptions(options, socket)],
    { environment: sanitizerEnvironment(), deadlineMs: lifeMs },
  );
  await running.printed(/^ready$/mu);
  const kept = folders.move();

  const log = (): readonly string[] => running.stderr.split('\n').slice(0, -1);
  const stop = async (): Promise<AgentEnd> => {
    const began = performance.now();
    running.kill('SIGTERM');
    const last = setTimeout(() => {
      running.kill('SIGKILL');
    }, stopMs);
    const { code, signal } = await running.ended;
    clearTimeout(last);
    kept.dispose();
    return { code, signal, tookMs: performance.now() - began };
  };
  return {
    socket,
    pid: running.pid,
    log,
    untilLogged: async (texts, from = 0) =>
      until(`a line with ${texts.join(' and ')} in the log`, () =>
        log()
          .slice(from)
          .find((line) => texts.every((text) => line.includes(text))),
      ).catch((cause: unknown) => {
        throw new Error(`this was logged:\n${log().slice(from).join('\n')}`, { cause });
      }),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      const report = /^.*(?:Sanitizer|runtime error:).*$/mu.exec(running.stderr);
      if (report !== null) throw new Error(`sanitizer report:\n${running.stderr}`);
    },
  };
}
