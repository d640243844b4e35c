// SPDX-License-Identifier: Apache-2.0
// The resolver `demo-basic`: the bundle of that name, for every container.
import { join } from 'node:path';

import { shippedBundles } from '../../package-root.ts';
import { readBundle } from '../bundle.ts';
import { registryOf } from '../bundle-registry.ts';
import type { Resolver } from '../resolver.ts';

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function demoBasicResolver(): Resolver {
  const bundle = readBundle(join(shippedBundles(), 'demo-basic'));
  return {
    components: bundle.handlers.map(({ component }) => component),
    resolve: (identity) => registryOf(bundle, identity),
  };
}
