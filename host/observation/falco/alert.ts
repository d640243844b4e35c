// SPDX-License-Identifier: Apache-2.0
// A decision as Falco prints its alerts in JSON, so that what takes those takes ours.
import { escaped, quoted } from '../../terminal-text.ts';
import type { ShownDecision } from '../decision.ts';
import { answerText, foreignPeer } from '../decision.ts';

/** As Falco calls them. */
type Priority = 'Critical' | 'Error' | 'Notice' | 'Informational';

const rule = 'Trapped system call';

function priorityOf({ acts, failure, answer }: ShownDecision): Priority {
  if (acts.includes('kill-container') || acts.includes('freeze-container')) return 'Critical';
  if (failure !== 'none') return 'Error';
  return answer.kind === 'errno' ? 'Notice' : 'Informational';
}

/** Milliseconds are all that we know; Falco has nanoseconds. */
function timeText(at: number): string {
  return new Date(at).toISOString().replace('Z', '000000Z');
}

function outputFields(decision: ShownDecision): Readonly<Record<string, string | number | null>> {
  const { container, notificationId, tid, syscall, number, handler, answer } = decision;
  const { namespace, pod, container: name } = container.workload;
  const peer = foreignPeer(container);
  return {
    'container.id': container.containerId,
    'evt.time': Math.trunc(decision.at) * 1_000_000,
    'seccompagent.answer': answerText(answer),
    'seccompagent.handler': handler?.name ?? null,
    'seccompagent.id': notificationId.toString(),
    'seccompagent.k8s.container': name ?? null,
    'seccompagent.k8s.namespace': namespace ?? null,
    'seccompagent.k8s.pid': container.firstPid ?? null,
    'seccompagent.k8s.pidfilter': container.filterPid ?? null,
    'seccompagent.k8s.pod': pod ?? null,
    ...(peer === undefined ? {} : { 'seccompagent.peeruid': peer }),
    'seccompagent.pid': tid,
    'seccompagent.syscall': syscall ?? String(number),
  };
}

/** For people, and programs that read it as text: users choose what their containers are called. */
function shownFields(fields: ReturnType<typeof outputFields>): readonly string[] {
  const peer = fields['seccompagent.peeruid'];
  const named: readonly (readonly [string, string])[] = [
    ...(peer === undefined ? [] : [['peeruid', 'seccompagent.peeruid'] as const]),
    ['syscall', 'seccompagent.syscall'],
    ['answer', 'seccompagent.answer'],
    ['pid', 'seccompagent.pid'],
    ['container_id', 'container.id'],
    ['namespace', 'seccompagent.k8s.namespace'],
    ['pod', 'seccompagent.k8s.pod'],
    ['container', 'seccompagent.k8s.container'],
  ];
  return named.map(([name, field]) => {
    const value = fields[field] ?? undefined;
    return `${name}=${value === undefined ? '<NA>' : quoted(value)}`;
  });
}

/** One JSON object, without the end of its line. */
export function falcoAlert(decision: ShownDecision, hostname: string): string {
  const fields = outputFields(decision);
  const time = timeText(decision.at);
  const priority = priorityOf(decision);
  const what = shownFields(fields).join(' ');
  return JSON.stringify({
    hostname,
    output: `${time.slice(11, -1)}: ${priority} ${rule} (${what})`,
    output_fields: Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        typeof value === 'string' ? escaped(value) : value,
      ]),
    ),
    priority,
    rule,
    source: 'seccompagent',
    tags: ['seccomp'],
    time,
  });
}
