// SPDX-License-Identifier: Apache-2.0
// The options of the agent itself and of `run`.
import { isIPv4, isIPv6 } from 'node:net';
import { isatty } from 'node:tty';

import { agentOptionTable, answeringOptionTable } from '../config/agent-option-table.ts';
import { choicesAt } from '../text/did-you-mean.ts';
import { AgentError } from '../errors.ts';
import { commandNames } from './command-names.ts';
import { defaultControlSocket } from '../control/control-socket.ts';
import { listOf, parseWords, textOf, textsOf, usage } from '../text/command-line.ts';
import type { OptionTable } from '../text/command-line.ts';
import { defaultConfigFile } from '../config/config.ts';
import { logWords, parseLogOptions } from '../log/log.ts';
import type { LogOptions } from '../log/log.ts';
import { staleOptions, staleUsage } from './stale-components.ts';
import { watchOptionsOf, watchUsage } from './watch-options.ts';
import type { WatchOptions } from '../observation/observers.ts';
import { resolvers } from '../resolvers/all.ts';
import type { BindAddress } from '../metrics/server-messages.ts';
import type { ControlAddress } from '../control/control-socket.ts';

/** Options on who answers for a container. */
export interface ResolverChoice {
  readonly resolver: string;
  /** Absent: the default one, if it is there. */
  readonly configFile?: string;
  /** Names of bundles, and paths of their folders. */
  readonly selection: readonly string[];
  /** The same of those that are asked without effect; absent: none. */
  readonly shadow?: readonly string[];
}

/** Options on where pods are asked for. */
export interface KubernetesChoice {
  /** Absent: what the environment says. */
  readonly kubeconfig?: string;
  /** Absent: NODE_NAME. */
  readonly nodeName?: string;
}

export interface AgentCommand extends ResolverChoice {
  readonly kind: 'agent';
  readonly socketFile: string;
  /** Also where another agent listens. */
  readonly takesOver: boolean;
  readonly allowedUids: readonly number[];
  readonly kubernetes: KubernetesChoice;
  /** Absent: metrics are not served. */
  readonly metricsAddress?: BindAddress;
  /** Absent: nowhere. */
  readonly control?: ControlAddress;
  /** Receivers of decisions besides the log. */
  readonly watch: WatchOptions;
  readonly log: LogOptions;
}

export interface RunCommand extends ResolverChoice {
  readonly kind: 'run';
  /** As a container's listenerMetadata. */
  readonly metadata: string;
  /** Absent: those that the resolver's handlers answer. */
  readonly syscalls?: readonly string[];
  readonly command: readonly string[];
  /** Whether components may be older than their sources. */
  readonly allowsStale: boolean;
  readonly log: LogOptions;
}

export type Command =
  | AgentCommand
  | RunCommand
  | { readonly kind: 'help'; readonly of: 'agent' | 'run' }
  | { readonly kind: 'version' };

const stderrFd = 2;
/** (uid_t)-1, which is nobody's. */
const noUid = 0xffff_ffff;
const maxPort = 0xffff;
export const defaultSocketFile = '/run/seccomp-agent.socket';

const common = {
  config: { type: 'string' },
  help: { type: 'boolean' },
} as const;

const agentOptions: OptionTable = {
  ...agentOptionTable,
  ...common,
  version: { type: 'boolean' },
};

export const runOptions: OptionTable = {
  ...answeringOptionTable,
  ...common,
  ...staleOptions,
  metadata: { type: 'string', multiple: true },
  syscalls: { type: 'string' },
};

function resolverOf(values: ReadonlyMap<string, unknown>): string {
  // the Go agent took an empty name for `none`
  const given = textOf(values, 'resolver') ?? '';
  const name = given === '' ? 'none' : given;
  if (resolvers.has(name)) return name;
  const names = [...resolvers.keys()];
  return usage(`unknown resolver "${name}"${choicesAt(name, names, 'Resolvers')}`);
}

/** Names and folders, each once; undefined: the option is not there. */
function selectionOf(
  values: ReadonlyMap<string, unknown>,
  option: string,
): readonly string[] | undefined {
  const text = textOf(values, option);
  if (text === undefined) return undefined;
  const selection = listOf(text);
  if (selection.length === 0) usage(`-${option} needs a name or a folder`);
  const twice = selection.find((name, index) => selection.indexOf(name) !== index);
  if (twice !== undefined) usage(`-${option} names "${twice}" twice`);
  return selection;
}

function configChoiceOf(values: ReadonlyMap<string, unknown>): Pick<ResolverChoice, 'configFile'> {
  const configFile = textOf(values, 'config');
  if (configFile === '') usage('-config needs a path');
  return configFile === undefined ? {} : { configFile };
}

/** Others answer with bundles of their own. */
function takesSelection(resolver: string): boolean {
  return ['', 'none', 'falco'].includes(resolver);
}

function choiceOf(values: ReadonlyMap<string, unknown>): ResolverChoice {
  const resolver = resolverOf(values);
  const selection = selectionOf(values, 'bundle');
  if (selection !== undefined && !takesSelection(resolver)) {
    usage(
      `-bundle and -resolver=${resolver} exclude each other: this resolver has its own bundles`,
    );
  }
  const shadow = selectionOf(values, 'bundle-shadow');
  return {
    resolver,
    selection: selection ?? [],
    ...configChoiceOf(values),
    ...(shadow === undefined ? {} : { shadow }),
  };
}

function logOf(values: ReadonlyMap<string, unknown>, fallback: string): LogOptions {
  const parsed = parseLogOptions(textOf(values, 'log') ?? fallback, isatty(stderrFd));
  if ('options' in parsed) return parsed.options;
  const { unknownWord: word } = parsed;
  return usage(`unknown word "${word}" in -log${choicesAt(word, logWords, 'Words')}`);
}

function uidsOf(values: ReadonlyMap<string, unknown>): readonly number[] {
  return listOf(textOf(values, 'allow-uids') ?? '').map((text) =>
    /^\d{1,10}$/u.test(text) && Number(text) < noUid
      ? Number(text)
      : usage(`"${text}" in -allow-uids is not a user ID`),
  );
}

/** `[host]:port`, as Go has it: IPv6 addresses in brackets, no host for all addresses. */
function bindAddressOf(values: ReadonlyMap<string, unknown>): BindAddress | undefined {
  const text = textOf(values, 'metrics-bind-address') ?? '';
  if (text === '') return undefined;
  const parts = /^(?:\[(?<inner>[^\]]+)\]|(?<plain>[^[\]:]*)):(?<port>\d{1,5})$/u.exec(
    text,
  )?.groups;
  const host = parts?.['inner'] ?? parts?.['plain'] ?? '';
  const port = Number(parts?.['port']);
  const isHost = parts?.['inner'] === undefined ? host === '' || isHostName(host) : isIPv6(host);
  if (parts !== undefined && isHost && port <= maxPort) return { host, port };
  return usage(
    `"${text}" in -metrics-bind-address is not HOST:PORT, such as :8080, 127.0.0.1:8080 or [::1]:8080`,
  );
}

/** A name, or an IPv4 address; what has only digits and dots is never a name. */
function isHostName(text: string): boolean {
  if (/^[\d.]+$/u.test(text)) return isIPv4(text);
  return /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/iu.test(text);
}

function controlOf(values: ReadonlyMap<string, unknown>): ControlAddress | undefined {
  const path = textOf(values, 'control-socket') ?? defaultControlSocket;
  if (path === '') usage('-control-socket needs a path, or none');
  return path === 'none' ? undefined : { path, isDefault: !values.has('control-socket') };
}

const kubernetesOptions: readonly string[] = ['kubeconfig', 'node-name'];

function kubernetesOf(values: ReadonlyMap<string, unknown>): KubernetesChoice {
  const [kubeconfig, nodeName] = [textOf(values, 'kubeconfig'), textOf(values, 'node-name')];
  if (kubeconfig === '') usage('-kubeconfig needs a path');
  if (nodeName === '') usage('-node-name needs a name');
  const given = kubeconfig === undefined ? '-node-name' : '-kubeconfig';
  const isIdle = textOf(values, 'resolver') !== 'kubernetes';
  if (isIdle && (kubeconfig ?? nodeName) !== undefined) {
    usage(`${given} needs -resolver=kubernetes`);
  }
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(nodeName === undefined ? {} : { nodeName }),
  };
}

function unknownCommand(word: string): never {
  const names = ['run', ...commandNames.map(({ name }) => name)];
  return usage(`unknown command "${word}"${choicesAt(word, names, 'Commands')}`);
}

/** Options of a configuration file; undefined: of the default one. */
export type Configured = (file: string | undefined) => ReadonlyMap<string, string | true>;

/** Options of the command line win, and exclude what they contradict. */
function withConfigured(
  given: ReadonlyMap<string, unknown>,
  configured: ReadonlyMap<string, unknown>,
): ReadonlyMap<string, unknown> {
  const resolver = textOf(given, 'resolver');
  const counts = (key: string): boolean => {
    if (resolver === undefined) return true;
    if (key === 'bundle') return takesSelection(resolver);
    return resolver === 'kubernetes' || !kubernetesOptions.includes(key);
  };
  return new Map([...[...configured].filter(([key]) => counts(key)), ...given]);
}

function parseAgent(words: readonly string[], configured: Configured): Command {
  const { values, rest } = parseWords(words, agentOptions);
  if (values.get('help') === true) return { kind: 'help', of: 'agent' };
  if (values.get('version') === true) return { kind: 'version' };
  if (rest.length > 0) unknownCommand(rest[0] ?? '');
  const { configFile } = configChoiceOf(values);
  return agentCommandOf(withConfigured(values, configured(configFile)));
}

/** @param values of `agentOptionTable` @throws AgentError AGENT_USAGE */
export function agentCommandOf(values: ReadonlyMap<string, unknown>): AgentCommand {
  const socketFile = textOf(values, 'socketfile') ?? defaultSocketFile;
  if (socketFile === '') usage('-socketfile needs a path');
  const parsed = {
    kind: 'agent',
    ...choiceOf(values),
    socketFile,
    takesOver: values.get('take-over') === true,
    allowedUids: uidsOf(values),
    kubernetes: kubernetesOf(values),
    watch: watchOptionsOf(values),
    log: logOf(values, 'info'),
  } as const;
  const metricsAddress = bindAddressOf(values);
  const control = controlOf(values);
  return {
    ...parsed,
    ...(metricsAddress === undefined ? {} : { metricsAddress }),
    ...(control === undefined ? {} : { control }),
  };
}

/** Options in front of `--`, and the command behind it. */
export function splitCommand(words: readonly string[]): {
  readonly own: readonly string[];
  readonly command: readonly string[];
} {
  const separator = words.indexOf('--');
  return separator < 0
    ? { own: words, command: [] }
    : { own: words.slice(0, separator), command: words.slice(separator + 1) };
}

/** @param values of `runOptions` */
export function runCommandOf(
  values: ReadonlyMap<string, unknown>,
  command: readonly string[],
): RunCommand {
  const parsed = {
    kind: 'run',
    ...choiceOf(values),
    metadata: textsOf(values, 'metadata').join('\n'),
    command,
    allowsStale: values.get('allow-stale') === true,
    log: logOf(values, 'warn'),
  } as const;
  const syscalls = textOf(values, 'syscalls');
  return syscalls === undefined ? parsed : { ...parsed, syscalls: listOf(syscalls) };
}

/** Options of the command itself are unknown here, where `--` is missing. */
function parseRunWords(words: readonly string[]): ReturnType<typeof parseWords> {
  try {
    return parseWords(words, runOptions);
  } catch (thrown) {
    const isOwn = words.every((word) => word.startsWith('-'));
    if (isOwn || !(thrown instanceof AgentError)) throw thrown;
    return usage(`${thrown.message}; put the command after --`);
  }
}

function parseRun(words: readonly string[]): Command {
  const { own, command } = splitCommand(words);
  const { values, rest } = parseRunWords(own);
  if (values.get('help') === true) return { kind: 'help', of: 'run' };
  if (rest.length > 0) usage(`unexpected argument "${rest[0] ?? ''}"; put the command after --`);
  if (command.length === 0) usage('run needs a command after --');
  return runCommandOf(values, command);
}

/** @throws AgentError AGENT_USAGE, and what `configured` throws */
export function parseCommand(
  words: readonly string[],
  configured: Configured = () => new Map(),
): Command {
  return words[0] === 'run' ? parseRun(words.slice(1)) : parseAgent(words, configured);
}

function commandLines(): string {
  return commandNames.map(({ name, summary }) => `  ${name.padEnd(18)}  ${summary}\n`).join('');
}

export const agentUsage: string = `Usage: seccompagent [options]
       seccompagent run [options] -- COMMAND ARGS…
       seccompagent COMMAND [options]

Intercepts system calls of containers and answers them with WebAssembly handlers.

Options (one dash or two, with = or a space):
  -resolver NAME      how handlers are chosen for a container (default none)
                        none        the bundles that its metadata or -bundle selects;
                                    otherwise every call continues in the kernel
                        demo-basic  mkdir with a suffix, chmod fails, mount of proc
                        unprivileged-build  mount of proc, for image builds
                        kubernetes  the keys in its metadata, for each pod
                        falco       as none, and every call is reported to Falco
  -bundle LIST        bundles in chain order, by name or folder, for containers whose
                      metadata selects none (BUNDLE in listenerMetadata)
  -bundle-shadow LIST bundles to run without effect; differences from the real answers are
                      counted and logged (BUNDLE_SHADOW=LIST)
  -config FILE        grants and limits; any option here may also be set there; the command
                      line wins (default ${defaultConfigFile}, if it exists)
  -socketfile PATH    the agent socket, "listenerPath" of seccomp profiles
                      (default ${defaultSocketFile})
  -take-over          take over the agent socket from a running agent: new containers use this
                      agent, the old one keeps serving its own
  -allow-uids LIST    users besides root whose container runtimes may connect
  -kubeconfig FILE    kubeconfig for -resolver=kubernetes outside of a cluster
                      (default KUBECONFIG, else the service account of the pod)
  -node-name NAME     the node whose pods -resolver=kubernetes watches (default NODE_NAME)
  -metrics-bind-address [HOST]:PORT
                      serve /metrics, /healthz and /readyz at this address
                      (default: not served)
  -control-socket PATH
                      socket for status, top, record and log-level, for root only,
                      or none
                      (default ${defaultControlSocket})
${watchUsage}  -log LIST           trace, debug, info, warn, error or fatal; color or nocolor; json
                      (default info); debug and trace log each decision
  -help, -version

Commands (each has -help):
  run                 run a command under a notify filter, without a container runtime
${commandLines()}`;

export const runUsage: string = `Usage: seccompagent run [options] -- COMMAND ARGS…

Runs a command under a notify filter, in a private mount namespace, and answers its intercepted calls.
Exits with the exit code of the command.

This is no security boundary: the command runs as root beside the agent, and can stop, kill or trace
it. After kill -STOP $PPID, for example, its intercepted calls wait forever. Run untrusted programs in
a container whose seccomp profile sends their calls to an agent (see profile).

Options (one dash or two, with = or a space):
  -resolver NAME      how handlers are chosen: none (the default), demo-basic,
                      unprivileged-build, kubernetes, falco
  -bundle LIST        bundles in chain order, by name or folder
  -bundle-shadow LIST bundles to run without effect
  -metadata KEY=VALUE a setting of the bundles, as in a line of listenerMetadata; may be
                      repeated
  -config FILE        as for seccompagent
${staleUsage}  -syscalls LIST      the system calls to intercept (default: those that the handlers answer)
  -log LIST           as for seccompagent (default warn)
  -help
`;
