// SPDX-License-Identifier: Apache-2.0
// The resolver `falco`: as `none`, and Falco gets all calls of all containers.
import type { MiddlewareName } from '../registry/policy.ts';
import type { Registry } from '../registry/registry.ts';
import type { Resolver, ResolverParts } from './resolver.ts';
import { noneResolver } from './none.ts';

const own: readonly MiddlewareName[] = ['falco'];

function watched(registry: Registry): Registry {
  return { ...registry, middleware: [...new Set([...(registry.middleware ?? []), ...own])] };
}

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function falcoResolver(parts: ResolverParts): Resolver {
  const inner = noneResolver(parts);
  return {
    ...inner,
    middleware: own,
    resolve: (identity, other) => {
      const resolution = inner.resolve(identity, other);
      return { ...resolution, registry: watched(resolution.registry) };
    },
  };
}
