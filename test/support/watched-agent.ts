// SPDX-License-Identifier: Apache-2.0
// An agent in a process of its own, with handlers as a test wants them, whose descriptors, threads,
// processor time and log can be looked at.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import type { ListenerLimits } from '../../host/containers/listener-counts.ts';
import { compilerFlags } from '../../host/handler/compiling/compiler-flags.ts';
import type { RegistryPolicy } from '../../host/bundles/oci/open-bundle.ts';
import { RunningCommand } from './command.ts';
import { recordsOf } from './log-records.ts';
import type { AnyEvent, LogRecord, WantedFields } from './log-records.ts';
import { patient } from './patience.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { WatchedLog } from './watched-log.ts';

export interface AgentEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** From asking it to end until it had. */
  readonly tookMs: number;
}

/**
 * Its disposal throws where the agent has ended by itself, where a sanitizer has reported something, and
 * where a warning or an error was logged at which no test has looked.
 */
export interface WatchedAgent extends AsyncDisposable {
  readonly socket: string;
  /** Of the agent, or of the wrapper. */
  readonly pid: number;
  /** The lines of its log so far, which have been looked at then. */
  log(): readonly string[];
  /** The same, as records. */
  records(): readonly LogRecord[];
  /** Resolves with the first such record, of those after the first `from` lines. */
  untilLogged(event: AnyEvent, fields?: WantedFields, from?: number): Promise<LogRecord>;
  /** Sends a signal that ends it, which is no failure then. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): void;
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
  /** A folder with the bundles that the metadata of containers names, instead of a resolver. */
  readonly byMetadata?: string;
  /** `KEY=VALUE`, as metadata sets them. */
  readonly settings?: readonly string[];
  /** Grants of the operator; absent: all requests of the bundle. */
  readonly allowed?: Readonly<Record<string, unknown>>;
  readonly allowedUids?: readonly number[];
  readonly listenerLimits?: Partial<ListenerLimits>;
  /** A command that runs it: its last arguments. */
  readonly wrapper?: readonly string[];
  /** As the agent's option -log. */
  readonly log?: string;
  /** Signals that it handles, by doing nothing. */
  readonly signals?: readonly ('SIGURG' | 'SIGPROF')[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether warnings and errors may be logged at which no test looks. */
  readonly mayWarn?: boolean;
}

/** It serves all tests of a file, also on a busy machine. */
const lifeMs = patient(600_000);
const stopMs = patient(10_000);
const lastLines = 30;

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
    ...(options.byMetadata === undefined ? [] : [`--by-metadata=${options.byMetadata}`]),
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

function startProgram(options: WatchedAgentOptions, socket: string): RunningCommand {
  const program = join(import.meta.dirname, 'configured-agent.ts');
  const node = [process.execPath, ...compilerFlags] as const;
  const [command, ...rest] = [...(options.wrapper ?? []), ...node] as const;
  return new RunningCommand([command, ...rest, program, ...programOptions(options, socket)], {
    environment: { ...sanitizerEnvironment(), ...options.environment },
    deadlineMs: lifeMs,
  });
}

async function stopProgram(running: RunningCommand): Promise<AgentEnd> {
  const began = performance.now();
  running.kill('SIGTERM');
  // a wrapper may keep the signal to itself
  running.endInput();
  const last = setTimeout(() => {
    running.kill('SIGKILL');
  }, stopMs);
  const { code, signal } = await running.ended;
  clearTimeout(last);
  return { code, signal, tookMs: performance.now() - began };
}

/** @throws Error with a sanitizer's report */
function expectNoReport(running: RunningCommand): void {
  if (/^.*(?:Sanitizer|runtime error:).*$/mu.test(running.stderr)) {
    throw new Error(`sanitizer report:\n${running.stderr}`);
  }
}

/**
 * Starts one and waits until runtimes can connect.
 * @example await using agent = await startWatchedAgent({ resolver: 'demo-basic' });
 */
export async function startWatchedAgent(options: WatchedAgentOptions): Promise<WatchedAgent> {
  using folders = new DisposableStack();
  const socket = folders.use(new TemporaryFolder()).at('agent.socket');
  const running = startProgram(options, socket);
  await running.printed(/^ready$/mu);
  const kept = folders.move();

  const log = new WatchedLog(running);
  let isOver = false;
  const stop = async (): Promise<AgentEnd> => {
    isOver = true;
    using _folder = kept;
    const end = await stopProgram(running);
    return end;
  };
  return {
    socket,
    pid: running.pid,
    log: () => log.read(),
    records: () => recordsOf(`${log.read().join('\n')}\n`),
    untilLogged: async (event, fields = {}, from = 0) => log.until({ event, fields, from }),
    kill: (signal) => {
      isOver = true;
      running.kill(signal);
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      const hasFailed = running.hasEnded && !isOver;
      const { code, signal } = await stop();
      if (hasFailed) {
        const last = running.stderr.split('\n').slice(-lastLines).join('\n');
        throw new Error(`the agent ended with ${signal ?? `code ${code}`}:\n${last}`);
      }
      expectNoReport(running);
      if (options.mayWarn !== true) log.expectAllRead();
    },
  };
}
