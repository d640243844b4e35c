// SPDX-License-Identifier: Apache-2.0
// The resolver `none`: no handlers, every call continues in the kernel.
import { defaultFailure } from '../policy.ts';
import type { Resolver } from '../resolver.ts';

export function noneResolver(): Resolver {
  return {
    components: [],
    resolve: ({ state }) => ({
      containerId: state.containerId,
      handlers: [],
      defaultAction: 'continue',
      failure: defaultFailure,
    }),
  };
}
