// SPDX-License-Identifier: Apache-2.0
// Every event of the agent's log: its name, its level and its sentence, and whether it tells of one
// container. Names are stable: scripts, alerts and
// tests compare them. Sentences are for people and may change.
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

export type LogLevel = (typeof logLevels)[number];

export function isLogLevel(text: string): text is LogLevel {
  return logLevels.some((level) => level === text);
}

export const logEvents = {
  'call-answered': ['debug', 'call answered'],
  'connection-cut': ['debug', 'connection closed before the end of a message'],
  'component-age-unknown': ['debug', 'cannot check whether the component is up to date'],
  'agent-started': ['info', 'seccompagent started'],
  'agent-listening': ['info', 'listening on the agent socket'],
  'agent-stopping': ['info', 'stopping'],
  reloaded: ['info', 'reloaded'],
  'metrics-serving': ['info', 'serving metrics'],
  'control-listening': ['info', 'the control socket became free: listening on it'],
  'socket-taken-over': [
    'info',
    'another agent took over the socket; still serving attached containers',
  ],
  'socket-kept-by-other': [
    'info',
    'the other agent keeps the agent socket until this one is ready',
  ],
  'container-attached': ['info', 'container attached', 'container'],
  'container-detached': ['info', 'container detached', 'container'],
  'container-waiting': [
    'info',
    'container waits for its bundles, or for its pod to become known',
    'container',
  ],
  'container-resolving-again': [
    'info',
    'the pod of a container became known: resolving its bundles again',
    'container',
  ],
  'bundles-resolved': [
    'info',
    'bundles resolved; intercepted calls are handled from now on',
    'container',
  ],
  'pods-watched': ['info', 'watching the pods of this node'],
  'kubernetes-available': ['info', 'the Kubernetes API is available again'],
  'log-level-changed': ['info', 'log level changed'],
  'options-changed': [
    'warn',
    'options in the configuration changed: restart the agent to apply them',
  ],
  'memory-not-limited': [
    'warn',
    'the memory of handlers is not limited as intended: start seccompagent, not node',
  ],
  'function-types-many': [
    'warn',
    'the table of WebAssembly function types is filling up and never shrinks: restart the agent before bundles fail to load',
  ],
  'keyring-kept': [
    'warn',
    'cannot leave the session keyring: helpers that act for containers can read its keys',
  ],
  'epoll-watches-unlimited': [
    'warn',
    'containers without a user namespace can use up the epoll watches of root',
  ],
  'component-stale': [
    'warn',
    'component is older than its source: run "seccompagent build" to rebuild it',
  ],
  'worker-stuck': ['warn', 'a worker does not end: it is reading the memory of a caller'],
  'worker-not-started': ['warn', 'cannot start a worker: is the limit of processes too low?'],
  'socket-taken-back': ['warn', 'no agent was listening on the agent socket: took it back'],
  'peer-not-allowed': ['warn', 'connection refused: this user is not allowed to connect'],
  'connections-too-many': [
    'warn',
    'connections refused: this user has too many, or closing received descriptors takes too long',
  ],
  'connection-not-accepted': [
    'warn',
    'cannot accept a connection; is the limit of open files too low?',
  ],
  'message-refused': ['warn', 'message on the agent socket refused'],
  'annotations-too-many': [
    'warn',
    'too many annotations: handlers see only some of them',
    'container',
  ],
  'listener-shared': [
    'warn',
    'another process receives from the listener of this container: the agent stops receiving from it',
    'container',
  ],
  'calls-refused': [
    'warn',
    'calls failed: they waited too long for a worker, or too many did',
    'container',
  ],
  'user-lines-left-out': [
    'warn',
    'log lines about containers of this user were dropped: too many in a minute',
  ],
  'served-not-kept': [
    'warn',
    'cannot write which containers are served: the next agent will not report those whose calls fail',
  ],
  'served-not-removed': ['warn', 'cannot remove a file that an ended agent has left: remove it'],
  'container-orphaned': [
    'warn',
    'intercepted calls of this container fail: the agent that served it has ended; restart the container',
    'container',
  ],
  'container-stranded': [
    'warn',
    'container is still running: its intercepted calls fail with ENOSYS from now on; restart it once an agent listens again',
    'container',
  ],
  'containers-stranded': [
    'warn',
    'the agent ends while containers need it: their intercepted calls fail until they are restarted',
  ],
  'control-unavailable': [
    'warn',
    'no control socket: status, top, record and log-level cannot reach this agent until it can listen there',
  ],
  'control-still-unavailable': ['warn', 'still no control socket'],
  'control-request-failed': ['warn', 'request on the control socket failed'],
  'kubernetes-unconfigured': [
    'warn',
    'no access to the Kubernetes API (no -kubeconfig, KUBECONFIG or service account): pods are known from runtime annotations only',
  ],
  'node-name-missing': [
    'warn',
    'no node name (-node-name or NODE_NAME), needed to watch the pods of this node: pods are known from runtime annotations only',
  ],
  'kubernetes-unavailable': [
    'warn',
    'the Kubernetes API is unavailable: pods are known from runtime annotations only',
  ],
  'pods-too-many': ['warn', 'too many pods on this node: some are ignored'],
  'pod-too-large': [
    'warn',
    'a pod of this node is too large and is ignored: it is known from runtime annotations only',
  ],
  'pod-events-failed': ['warn', 'cannot create events of pods'],
  'audit-failed': ['warn', 'cannot write the audit log; retrying'],
  'audit-lines-lost': [
    'warn',
    'audit log lines lost: decisions arrive faster than -container-rate or the disk allows',
  ],
  'log-lines-lost': ['warn', 'log lines lost: standard error takes no more for now'],
  'decisions-lost': ['warn', 'decisions lost: they arrive faster than observers take them'],
  'falco-unconfigured': [
    'warn',
    'middleware "falco" requested, but no Falco output is configured',
    'container',
  ],
  'falco-undelivered': ['warn', 'events not delivered to Falco'],
  'shadow-differs': ['warn', 'shadow answered differently', 'container'],
  'operation-denied': ['warn', 'operation denied by the grant limits of the bundle', 'container'],
  'caller-memory-refused': [
    'warn',
    'refusing to write caller memory: the seccomp filter lacks WAIT_KILLABLE_RECV',
    'container',
  ],
  'caller-label-refused': [
    'warn',
    'operation refused: cannot assume the LSM label of the caller',
    'container',
  ],
  'caller-groups-refused': [
    'warn',
    'operation refused: the caller has more than 1,024 supplementary groups, which would delay other callers',
    'container',
  ],
  'handlers-memory-crowded': [
    'warn',
    'handlers exceed the memory for all of them, and this container uses most of it: its instances are discarded and recreated; raise the memory limit of the agent, or lower "memory" in bundle.json',
    'container',
  ],
  'handler-lines-dropped': [
    'warn',
    'handlers of this container exceed their log limit: lines are dropped',
    'container',
  ],
  'bundle-not-reloaded': ['error', 'bundle failed to reload; keeping the loaded version'],
  'reload-incomplete': ['error', 'reload is incomplete'],
  'reload-failed': ['error', 'reload failed; keeping the old configuration and bundles'],
  'command-not-executed': ['fatal', 'cannot execute the command'],
  'file-operation-failed': ['error', 'file operation failed'],
  'socket-not-taken-back': ['error', 'cannot take the agent socket back'],
  'socket-not-removed': ['error', 'cannot remove the agent socket'],
  'metrics-server-failed': ['error', 'metrics server failed'],
  'metrics-unreadable': ['error', 'cannot read metrics'],
  'control-failed': ['error', 'control socket failed'],
  'worker-failed': ['error', 'worker failed'],
  'bundles-unresolved': [
    'error',
    'cannot resolve the bundles of a container: its intercepted calls fail',
    'container',
  ],
  'bundles-not-resolved-again': [
    'error',
    'cannot resolve the bundles of a container again: keeping its handlers',
    'container',
  ],
  'bundles-not-tried': ['error', 'cannot retry the bundles of a container', 'container'],
  'container-not-renewed': [
    'error',
    'cannot give a container its new handlers: keeping the old ones',
    'container',
  ],
  'container-not-resolved-again': [
    'error',
    'cannot resolve a container whose pod became known: keeping its handlers',
    'container',
  ],
  'shadow-unresolved': ['error', 'cannot resolve the shadow; calls are not affected', 'container'],
  'shadow-failed': ['error', 'shadow failed: it is switched off', 'container'],
  'paths-not-held': [
    'error',
    'cannot open paths that settings name: operations that must not touch them fail with EPERM',
    'container',
  ],
  'call-failed': ['error', 'call failed by the agent', 'container'],
  'call-failed-with-worker': ['error', 'a worker ended within a handler: call failed', 'container'],
  'caller-memory-timeout': ['error', 'timed out reading caller memory: call failed', 'container'],
  'file-system-timeout': [
    'error',
    'timed out waiting for a file system of the container: call failed',
    'container',
  ],
  'handler-timeout': [
    'error',
    'handler exceeded its deadline: call failed, handler quarantined',
    'container',
  ],
  'handler-quarantined': ['error', 'handler quarantined after repeated failures', 'container'],
  'container-killed': ['error', 'container killed', 'container'],
  'container-frozen': ['error', 'container frozen', 'container'],
  'container-not-killed': [
    'error',
    'container cannot be killed, or only its first process',
    'container',
  ],
  'container-not-frozen': ['error', 'container cannot be frozen', 'container'],
  'internal-error': ['fatal', 'internal error: the agent exits'],
} as const;

export type LogEvent = keyof typeof logEvents;

/**
 * Events of one container: users could fill the disk with these, so that lines of them are counted by
 * user.
 */
export type ContainerEvent = {
  [Event in LogEvent]: (typeof logEvents)[Event] extends readonly [LogLevel, string, 'container']
    ? Event
    : never;
}[LogEvent];

/** All others. */
export type AgentEvent = Exclude<LogEvent, ContainerEvent>;
