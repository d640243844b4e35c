// SPDX-License-Identifier: Apache-2.0
// `seccompagent run`: a command under a notify filter, without any container runtime.
import { constants } from 'node:os';
import { isatty } from 'node:tty';

import { Agent } from '../agent.ts';
import { AgentError, missingRightsAdvice, systemCodeOf } from '../errors.ts';
import { errnoNameOf } from '../syscalls/errno.ts';
import { createLog } from '../log/log.ts';
import type { LaunchHandle, Native } from '../native.ts';
import { trappedCalls } from '../syscalls/trapped-calls.ts';
import type { RunCommand } from './options.ts';
import { candidatesFor } from '../program.ts';
import { answeredSyscalls } from '../registry/registry.ts';
import type { ContainerIdentity, Resolver } from '../resolvers/resolver.ts';
import { makeAnswering } from './agent.ts';
import { checkStaleComponents } from './stale-components.ts';
import { endingByUncaught } from './uncaught.ts';

const stdinFd = 0;
/** Signals that the command gets instead of us: those that are sent from outside. */
const passedOn = [
  'SIGALRM',
  'SIGCONT',
  'SIGHUP',
  'SIGIO',
  'SIGPWR',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
] as const;
/** Those that a terminal sends to the command as well, since it is in our process group. */
const fromTerminal = ['SIGINT', 'SIGQUIT'] as const;

/**
 * Starts the command and passes signals on to it. They are ours to handle before it can run: one
 * that comes in between would end us and leave the command alone.
 */
function startPassingSignals(native: Native, begin: () => LaunchHandle): LaunchHandle {
  let launch: LaunchHandle | undefined;
  const pass = (signal: NodeJS.Signals): void => {
    // handlers run when this function has returned
    if (launch !== undefined) native.launchKill(launch, constants.signals[signal]);
  };
  for (const signal of passedOn) process.on(signal, pass);
  for (const signal of fromTerminal) {
    process.on(signal, (name: NodeJS.Signals) => {
      if (!isatty(stdinFd)) pass(name);
    });
  }
  launch = begin();
  return launch;
}

/** Container identity of the command, for a resolver. */
function identityOf(pid: number, metadata: string): ContainerIdentity {
  return {
    state: {
      fds: [],
      processPid: pid,
      metadata,
      containerId: `run-${pid}`,
      containerPid: pid,
      status: 'running',
      ociBundle: '',
      annotations: new Map(),
    },
    firstPid: pid,
  };
}

/**
 * Answered calls do not depend on the container, but faults of the settings are to be told before the
 * command runs.
 */
function trappedNames(
  { syscalls, resolver: name, metadata }: RunCommand,
  resolver: Resolver,
): readonly string[] {
  const names = answeredSyscalls(resolver.resolve(identityOf(process.pid, metadata)).registry);
  if (syscalls !== undefined) return syscalls;
  if (names.length > 0) return names;
  throw new AgentError(
    'AGENT_USAGE',
    `resolver "${name}" answers no system calls: add -bundle NAME or -resolver=demo-basic, settings with -metadata, or the calls to intercept with -syscalls`,
  );
}

/** Told before the first call of the command is answered. @returns what is done once it has ended */
export type RunObserver = (agent: Agent, containerId: string) => () => Promise<void>;

/** Runs the command to its end. @returns its exit code, or 128 + the signal that ended it */
export async function runCommand(options: RunCommand, observe?: RunObserver): Promise<number> {
  const { command, metadata, log, selection, shadow = [], allowsStale } = options;
  await checkStaleComponents([...selection, ...shadow], { allowsStale, log: createLog(log) });
  const { resolver } = await makeAnswering(options, new AbortController().signal);
  await resolver.prepare?.(identityOf(process.pid, metadata));
  const trapped = trappedCalls(trappedNames(options, resolver));
  const agent = await Agent.start({ resolver, log });
  using _uncaught = endingByUncaught(agent);
  let code: number;
  try {
    const { native } = agent;
    const launch = startPassingSignals(native, () => start(native, command, trapped));
    const identity = identityOf(native.launchPid(launch), metadata);
    const ended = observe?.(agent, identity.state.containerId);
    await agent.serve(launch, identity);
    await ended?.();
    const exit = native.launchExit(launch);
    if (exit === null) throw new AgentError('AGENT_COMMAND', 'the command has not ended');
    if (exit.execErrno !== 0) {
      const errno = errnoNameOf(exit.execErrno) ?? String(exit.execErrno);
      agent.log.event('command-not-executed', { command: command[0], errno });
    }
    code = exit.code;
  } finally {
    await agent.stop();
  }
  agent.exitIfStuck(code);
  return code;
}

function start(native: Native, command: readonly string[], trapped: Uint8Array): LaunchHandle {
  const environment = Object.entries(process.env).map(([key, value]) => `${key}=${value ?? ''}`);
  try {
    return native.launch(
      command,
      environment,
      candidatesFor(command[0] ?? '', process.env),
      trapped,
    );
  } catch (cause) {
    const advice = systemCodeOf(cause) === 'EPERM' ? `: ${missingRightsAdvice}` : '';
    throw new AgentError('AGENT_COMMAND', `cannot start a command under a notify filter${advice}`, {
      cause,
    });
  }
}
