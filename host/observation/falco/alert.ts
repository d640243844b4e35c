// SPDX-License-Identifier: Apache-2.0
// A decision as Falco prints its alerts in JSON, so that what takes those takes ours.
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

/** One JSON object, without the end of its line. */
export function falcoAlert(decision: ShownDecision, hostname: string): string {
  const fields = outputFields(decision);
  const time = timeText(decision.at);
  const priority = priorityOf(decision);
  const shown = ['syscall', 'answer', 'pid'].map(
    (name) => `${name}=${fields[`seccompagent.${name}`] ?? '<NA>'}`,
  );
  const place = ['namespace', 'pod', 'container'].map(
    (name) => `${name}=${fields[`seccompagent.k8s.${name}`] ?? '<NA>'}`,
  );
  const what = [...shown, `container_id=${decision.container.containerId}`, ...place].join(' ');
  return JSON.stringify({
    hostname,
    output: `${time.slice(11, -1)}: ${priority} ${rule} (${what})`,
    output_fields: fields,
    priority,
    rule,
    source: 'seccompagent',
    tags: ['seccomp'],
    time,
  });
}
