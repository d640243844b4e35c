// SPDX-License-Identifier: Apache-2.0
// The resolver `unprivileged-build`: the bundle of that name, for every container.
import { join } from 'node:path';

import { shippedBundles } from '../../package-root.ts';
import { readBundle } from '../bundle.ts';
import { registryOf } from '../bundle-registry.ts';
import type { Resolver } from '../resolver.ts';

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function unprivilegedBuildResolver(): Resolver {
  const bundle = readBundle(join(shippedBundles(), 'unprivileged-build'));
  return {
    components: bundle.handlers.map(({ component }) => component),
    resolve: (identity) => registryOf(bundle, identity),
  };
}
