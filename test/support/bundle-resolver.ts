// SPDX-License-Identifier: Apache-2.0
// A resolver that gives every container the handlers of one bundle.
import { readBundle } from '../../host/registry/bundle.ts';
import { registryOf } from '../../host/registry/bundle-registry.ts';
import type { Resolver } from '../../host/registry/resolver.ts';

export function bundleResolver(folder: string): Resolver {
  const bundle = readBundle(folder);
  return {
    components: bundle.handlers.map(({ component }) => component),
    resolve: (identity) => registryOf(bundle, identity),
  };
}
