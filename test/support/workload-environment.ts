// SPDX-License-Identifier: Apache-2.0
// Lets the C programs of container.h be containers of pods, by the annotations of containerd.
import { workloadKeys } from '../../host/agent-socket/workload.ts';
import type { Workload } from '../../host/agent-socket/workload.ts';

export function environmentOf(workload: Workload = {}): Readonly<Record<string, string>> {
  const annotations = Object.entries(workload).map(([field, value]) => {
    const [, key = field] = Object.entries(workloadKeys).find(([known]) => known === field) ?? [];
    return [key, value] as const;
  });
  return { TEST_ANNOTATIONS: JSON.stringify(Object.fromEntries(annotations)) };
}
