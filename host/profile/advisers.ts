// SPDX-License-Identifier: Apache-2.0
// Handlers whose answers are advice: calls that they let continue may be others by then.
import type { Bundle } from '../bundles/bundle.ts';
import type { Registry } from '../registry/registry.ts';

export interface Adviser {
  readonly bundle: string;
  readonly handler: string;
  readonly families: readonly string[];
}

/** Of the handlers that a container has: those whose bundles say so. */
export function advisersOf(bundles: readonly Bundle[], { handlers }: Registry): readonly Adviser[] {
  return bundles.flatMap((bundle) =>
    bundle.handlers
      .filter(({ name }) => handlers.some((own) => own.bundle === bundle.name && own.name === name))
      .flatMap(({ name, advisory }) =>
        advisory === undefined || advisory.length === 0
          ? []
          : [{ bundle: bundle.name, handler: name, families: advisory }],
      ),
  );
}
