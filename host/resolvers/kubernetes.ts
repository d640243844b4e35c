// SPDX-License-Identifier: Apache-2.0
// The resolver `kubernetes`: the bundle of that name, where a container's metadata selects none, and
// the names of its pod, also where its runtime does not say them.
import type { ContainerIdentity, Resolver, ResolverParts } from './resolver.ts';
import { selectingResolver } from './selecting-resolver.ts';
import { believedWorkload } from '../agent-socket/workload.ts';
import type { Workload } from '../agent-socket/workload.ts';

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function kubernetesResolver({
  store,
  policies,
  shadow,
  kubernetes,
}: ResolverParts): Resolver {
  const selecting = selectingResolver({
    store,
    policies,
    shadow,
    fallback: () => [store.shipped('kubernetes')],
  });
  const known = (identity: ContainerIdentity): Workload =>
    kubernetes?.workloadOf(identity) ?? believedWorkload(identity);
  return {
    ...selecting,
    kubernetes,
    prepare: (identity, isWanted) => {
      const waits = [
        selecting.prepare?.({ ...identity, workload: known(identity) }, isWanted),
        kubernetes?.prepare(identity),
      ].filter((wait) => wait !== undefined);
      return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
    },
    resolve: (identity, other) =>
      selecting.resolve(
        {
          ...identity,
          workload: known(identity),
          isInit: kubernetes?.isInit(identity) ?? false,
        },
        other,
      ),
    workloadOf: known,
    note: (identity, note) => kubernetes?.note(identity, note),
  };
}
