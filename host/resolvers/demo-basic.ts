// SPDX-License-Identifier: Apache-2.0
// The resolver `demo-basic`: the bundle of that name, where a container's metadata selects none.
import type { Resolver, ResolverParts } from './resolver.ts';
import { selectingResolver } from './selecting-resolver.ts';

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function demoBasicResolver({ store, policies, shadow }: ResolverParts): Resolver {
  return selectingResolver({
    store,
    policies,
    shadow,
    fallback: () => [store.shipped('demo-basic')],
  });
}
