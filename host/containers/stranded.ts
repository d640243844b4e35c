// SPDX-License-Identifier: Apache-2.0
// Containers that outlive their agent: the kernel fails their trapped calls from then on.
import type { Log } from '../log/log.ts';
import { answeredSyscalls } from '../registry/registry.ts';
import { shownContainer } from '../registry/shown-container.ts';
import { rootsFirst } from './attached.ts';
import type { Attached } from './attached.ts';

/** Lines of the log; the rest is a number. */
const maxNamed = 100;

/** One of each container, which may have several listeners: each exec has its own. */
function distinct(attached: readonly Attached[]): readonly Attached[] {
  // a command that `run` has started is no container that goes on
  const containers = rootsFirst(
    [...attached].filter(({ identity }) => identity.peerUid !== undefined),
  );
  return [
    ...new Map(
      containers.map((each) => [`${each.identity.peerUid} ${each.registry.containerId}`, each]),
    ).values(),
  ];
}

/** Logs which running containers are hurt by the agent's end, and by which calls. */
export function logStranded(
  log: Log,
  attached: readonly (readonly [token: number, attached: Attached])[],
): void {
  const stranded = distinct(attached.map(([, each]) => each));
  for (const { identity, registry, since } of stranded.slice(0, maxNamed)) {
    const calls = answeredSyscalls(registry).join(',');
    log.counted('container-stranded', {
      ...shownContainer(registry, identity),
      since: since.toISOString(),
      calls,
    });
  }
  if (stranded.length === 0) return;
  log.event('containers-stranded', { containers: stranded.length });
}
