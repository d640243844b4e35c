// SPDX-License-Identifier: Apache-2.0
// A decision as those see it who watch.
import type { ShownDecision } from '../../host/observation/decision.ts';

export function decisionOf(rest: Partial<ShownDecision> = {}): ShownDecision {
  return {
    at: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    container: {
      containerId: 'c1',
      workload: { namespace: 'shop', pod: 'web-1', container: 'nginx' },
      firstPid: 100,
      filterPid: 200,
      handlers: [],
      watchers: [],
    },
    tid: 300,
    notificationId: 2n ** 64n - 1n,
    arch: 'x86_64',
    number: 165,
    syscall: 'mount',
    handler: { name: 'guard', bundle: 'guards' },
    answer: { kind: 'errno', errno: 'EPERM' },
    delayMs: 0,
    failure: 'none',
    acts: [],
    microseconds: 12,
    ...rest,
  };
}
