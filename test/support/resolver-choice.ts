// SPDX-License-Identifier: Apache-2.0
// Resolvers for tests: one of the agent's own by name, or one bundle for every container.
import { readBundle } from '../../host/registry/bundle.ts';
import { registryOf } from '../../host/registry/bundle-registry.ts';
import { resolvers } from '../../host/registry/resolver.ts';
import type { Resolver } from '../../host/registry/resolver.ts';

export type ResolverChoice =
  | { readonly kind: 'named'; readonly name: string }
  | {
      readonly kind: 'bundle';
      readonly folder: string;
      /** Instead of those that the bundle's manifest gives to its handlers. */
      readonly settings?: readonly (readonly [key: string, value: string])[];
    };

export function resolverOf(choice: ResolverChoice): Resolver {
  switch (choice.kind) {
    case 'named': {
      const make = resolvers.get(choice.name);
      if (make === undefined) throw new Error(`no resolver is named ${choice.name}`);
      return make();
    }
    case 'bundle': {
      const bundle = readBundle(choice.folder);
      const { settings } = choice;
      const handlers = bundle.handlers.map((handler) =>
        settings === undefined ? handler : { ...handler, settings },
      );
      return {
        components: handlers.map(({ component }) => component),
        resolve: (identity) => registryOf({ ...bundle, handlers }, identity),
      };
    }
  }
}
