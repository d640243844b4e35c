// SPDX-License-Identifier: Apache-2.0
// Resolvers for tests: one of the agent's own by name, one bundle for every container, or the bundles
// that a container's metadata names.
import { BundleStore } from '../../host/bundles/bundle-store.ts';
import { grantable } from '../../host/bundles/grant-limits.ts';
import type { Grants } from '../../host/registry/grants.ts';
import type { RegistryPolicy } from '../../host/bundles/oci/open-bundle.ts';
import { defaultPolicies } from '../../host/registry/policy.ts';
import { PulledBundles } from '../../host/bundles/pulled-bundles.ts';
import { resolvers } from '../../host/resolvers/all.ts';
import type { Resolver } from '../../host/resolvers/resolver.ts';
import { bundleResolver, metadataResolver } from './bundle-resolver.ts';

/** Grants of an operator who trusts every bundle. */
const everything: Grants = {
  capabilities: Object.fromEntries(grantable.map((capability) => [capability, {}])),
};

export type ResolverChoice =
  | {
      readonly kind: 'named';
      readonly name: string;
      /** Where bundles are looked for before the shipped ones. */
      readonly folders?: readonly string[];
      /** As the option -bundle. */
      readonly selection?: readonly string[];
      /** Registries that are allowed. */
      readonly registries?: RegistryPolicy;
      /** As the option -bundle-shadow. */
      readonly shadow?: readonly string[];
    }
  | {
      readonly kind: 'bundle';
      readonly folder: string;
      /** As metadata sets them. */
      readonly settings?: readonly (readonly [key: string, value: string])[];
      /** Grants of the operator; absent: all requests of the bundle. */
      readonly allowed?: Grants;
    }
  | {
      readonly kind: 'by-metadata';
      /** Where the bundles are that listenerMetadata names, with commas in between. */
      readonly folder: string;
    };

export function resolverOf(choice: ResolverChoice): Resolver {
  switch (choice.kind) {
    case 'named': {
      const { name, folders = [], selection = [], shadow = [], registries } = choice;
      const make = resolvers.get(name);
      if (make === undefined) throw new Error(`no resolver is named ${name}`);
      const pulled = registries === undefined ? {} : { pulled: new PulledBundles(registries) };
      const allowed = { allowedTo: () => everything, allowedToSigned: () => everything };
      const store = new BundleStore({ folders, ...allowed, ...pulled });
      return make({ store, policies: defaultPolicies, selection, shadow });
    }
    case 'bundle':
      return bundleResolver(choice.folder, choice.settings, choice.allowed);
    case 'by-metadata':
      return metadataResolver(choice.folder);
  }
}
