// SPDX-License-Identifier: Apache-2.0
// Resolvers over folders of bundles: one bundle for every container, whatever its metadata says, or the
// bundles that the metadata names.
import { join } from 'node:path';

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
function bundlesResolution(
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

/** Blocks the main thread where metadata is `hang-MILLISECONDS`. */
function hang(metadata: string): void {
  const [, milliseconds] = /^hang-(\d+)$/u.exec(metadata) ?? [];
  if (milliseconds === undefined) return;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(milliseconds));
}

/** Reads a bundle of the folder when the first container names it. */
export function metadataResolver(folder: string): Resolver {
  const bundles = new Map<string, Bundle>();
  return {
    resolve: (identity) => {
      hang(identity.state.metadata);
      const chosen = identity.state.metadata.split(',').map((name) => {
        const bundle = bundles.get(name) ?? readBundle(join(folder, name));
        bundles.set(name, bundle);
        return bundle;
      });
      return bundlesResolution(chosen, identity);
    },
    keep: (held) => held,
  };
}
