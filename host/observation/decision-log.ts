// SPDX-License-Identifier: Apache-2.0
// The line at debug for each decision.
import type { Log } from '../log/log.ts';
import { answerText } from './decision.ts';
import type { ShownDecision, Watcher } from './decision.ts';

/** `namespace/pod/container`, as far as they are known. */
function workloadText({ container }: ShownDecision): string | undefined {
  const { namespace, pod, container: name } = container.workload;
  const parts = [namespace, pod, name].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join('/');
}

/** At trace there is more of it. */
function details(decision: ShownDecision): Readonly<Record<string, unknown>> {
  const { tid, arch, notificationId, handler, acts, answer, delayMs } = decision;
  return {
    tid,
    arch,
    id: notificationId.toString(),
    ...(handler?.bundle === undefined ? {} : { bundle: handler.bundle }),
    ...(acts.length === 0 ? {} : { acts: acts.join(',') }),
    ...(answer.kind === 'value' ? { value: answer.value.toString() } : {}),
    ...(delayMs === 0 ? {} : { delayMs }),
  };
}

export class DecisionLog implements Watcher {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  take(decision: ShownDecision): void {
    const { container, syscall, number, handler, answer, microseconds, failure } = decision;
    const workload = workloadText(decision);
    this.#log.event('call-answered', {
      container: container.containerId,
      ...(workload === undefined ? {} : { workload }),
      syscall: syscall ?? number,
      handler: handler?.name ?? 'none',
      answer: answerText(answer),
      ...(failure === 'none' ? {} : { failure }),
      microseconds,
      ...(this.#log.isEnabled('trace') ? details(decision) : {}),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // each line is written when it is told
  }
}
