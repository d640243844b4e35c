// SPDX-License-Identifier: Apache-2.0
// `seccompagent status`: what a running agent does now.
import { parseWords, textOf, usage } from '../text/command-line.ts';
import { askForText } from '../control/control-client.ts';
import { defaultControlSocket } from '../control/control-socket.ts';
import type {
  AgentStatus,
  ContainerStatus,
  HandlerStatus,
  ReloadStatus,
} from '../control/status.ts';
import type { KubernetesStatus } from '../kubernetes/kubernetes-status.ts';
import type { ShadowStatus } from '../replay/shadows.ts';
import { counted } from '../terminal-text.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

const secondsOf = { day: 86_400, h: 3600, min: 60, s: 1 } as const;

/** With its two largest units: `3 h 12 min`. */
function showDuration(seconds: number): string {
  let rest = seconds;
  const parts = Object.entries(secondsOf).flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest %= size;
    return count === 0 ? [] : [`${count} ${unit}${unit === 'day' && count > 1 ? 's' : ''}`];
  });
  return parts.length === 0 ? '0 s' : parts.slice(0, 2).join(' ');
}

function reloadLines(reload: ReloadStatus | null): readonly string[] {
  if (reload === null) return [];
  const { at, changed, kept, failures } = reload;
  return [
    `last reload ${at}: ${changed} containers changed, ${kept} unchanged`,
    ...failures.map(({ of, reason }) => `  ${of}: ${reason}`),
  ];
}

function kubernetesLines(kubernetes: KubernetesStatus | null): readonly string[] {
  if (kubernetes === null) return [];
  const { api, node, pods, isSynced, failure } = kubernetes;
  if (api === undefined)
    return ['kubernetes: no API, pods are known from runtime annotations only'];
  const known = `pods of ${node ?? ''}: ${isSynced ? pods : 'not known yet'}`;
  return [`kubernetes: ${api}, ${known}${failure === undefined ? '' : `; FAILS: ${failure}`}`];
}

function handlerLine({ name, bundle, digest, isQuarantined }: HandlerStatus): string {
  const place = bundle === undefined ? '' : ` of ${bundle}`;
  return `  ${name}${place} ${digest}${isQuarantined ? '  QUARANTINED after repeated failures' : ''}`;
}

function shadowLine({ bundles, calls, different, lost, leftAlone }: ShadowStatus): string {
  const names = bundles.map(({ name, version }) => ` ${name} ${version}`).join(',');
  const counts = `${counted(calls, 'call')}, ${different} differ${lost === 0 ? '' : `, ${lost} lost`}`;
  return `  shadow${names}: ${counts}${leftAlone === undefined ? '' : `; SWITCHED OFF: ${leftAlone}`}`;
}

function containerLines(container: ContainerStatus): readonly string[] {
  const { id, since, calls, bundles, handlers, refusal, shadow } = container;
  const { namespace, pod, container: inPod, peerUid = 0 } = container;
  const place = [namespace, pod, inPod].filter((part) => part !== undefined).join('/');
  const names = bundles.map(({ name, version }) => `${name} ${version}`).join(', ');
  return [
    `${id}  since ${since}  ${counted(calls, 'call')}  ${names}`.trimEnd(),
    ...(place === '' ? [] : [`  is ${place}`]),
    ...(peerUid === 0 ? [] : [`  from user ${peerUid}, not trusted for pod identity`]),
    ...(refusal === undefined ? [] : [`  ALL CALLS FAIL: ${refusal}`]),
    ...handlers.map((handler) => handlerLine(handler)),
    ...(shadow === undefined ? [] : [shadowLine(shadow)]),
  ];
}

function show(status: AgentStatus): readonly string[] {
  const { version, pid, uptimeSeconds, workers, containers, lastReload, kubernetes } = status;
  return [
    `seccompagent ${version}, pid ${pid}, up ${showDuration(uptimeSeconds)}, ${counted(workers, 'worker')}, ${counted(containers.length, 'container')}`,
    ...reloadLines(lastReload),
    ...kubernetesLines(kubernetes),
    ...containers.flatMap((container) => containerLines(container)),
  ];
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, {
    json: { type: 'boolean' },
    'control-socket': { type: 'string' },
  });
  if (rest.length > 0) usage('status takes no arguments');
  const socket = textOf(values, 'control-socket') ?? defaultControlSocket;
  const text = await askForText({ socket, method: 'GET', path: '/status' });
  const status: AgentStatus = JSON.parse(text);
  report(values, status, () => show(status));
  return 0;
}

export const status: Tool = {
  usage: `Usage: seccompagent status [options]

Prints the state of a running agent: containers with their bundles, quarantined handlers, and the
result of the last reload. Requires root.

Options:
  -control-socket PATH
                      the control socket of the agent (default ${defaultControlSocket})
  -json               print JSON
  -help
`,
  run,
};
