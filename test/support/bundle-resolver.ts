// SPDX-License-Identifier: Apache-2.0
// A resolver that gives every container the handlers of one bundle, whatever its metadata says.
import { readBundle } from '../../host/bundles/bundle.ts';
import type { Bundle } from '../../host/bundles/bundle.ts';
import { registryOf } from '../../host/resolvers/bundle-registry.ts';
import type { Grants } from '../../host/registry/grants.ts';
import { defaultPolicies } from '../../host/registry/policy.ts';
import type { Registry } from '../../host/registry/registry.ts';
import type { ContainerIdentity, Resolution, Resolver } from '../../host/resolvers/resolver.ts';

/** @param settings `KEY=VALUE` of metadata */
export function bundleRegistry(
  bundle: Bundle,
  identity: ContainerIdentity,
  settings: Iterable<readonly [key: string, value: string]> = [],
): Registry {
  const selection = { bundles: [bundle], settings: new Map(settings), policies: defaultPolicies };
  return registryOf(selection, identity);
}

function bundleResolution(
  bundle: Bundle,
  identity: ContainerIdentity,
  settings: Iterable<readonly [key: string, value: string]> = [],
): Resolution {
  return bundlesResolution([bundle], identity, settings);
}

/** Of several in a row. */
export function bundlesResolution(
  bundles: readonly Bundle[],
  identity: ContainerIdentity,
  settings: Iterable<readonly [key: string, value: string]> = [],
): Resolution {
  const selection = { bundles, settings: new Map(settings), policies: defaultPolicies };
  return {
    registry: registryOf(selection, identity),
    sources: bundles,
    bundles: bundles.map(({ name, version }) => ({ name, version })),
    components: bundles.flatMap(({ handlers }) => handlers.map(({ component }) => component)),
  };
}

export function bundleResolver(
  folder: string,
  settings: Iterable<readonly [key: string, value: string]> = [],
  allowed?: Grants,
): Resolver {
  const bundle = readBundle(folder, allowed === undefined ? {} : { allowed });
  return {
    resolve: (identity) => bundleResolution(bundle, identity, settings),
    keep: (held) => held,
  };
}
