// SPDX-License-Identifier: Apache-2.0
// The resolvers that there are.
import { demoBasicResolver } from './demo-basic.ts';
import { falcoResolver } from './falco.ts';
import { kubernetesResolver } from './kubernetes.ts';
import { noneResolver } from './none.ts';
import type { Resolver, ResolverParts } from './resolver.ts';
import { unprivilegedBuildResolver } from './unprivileged-build.ts';

/**
 * A resolver is one file in `resolvers/` and one line here. What it needs in any case it loads when
 * it is made.
 */
export const resolvers: ReadonlyMap<string, (parts: ResolverParts) => Resolver> = new Map([
  ['none', noneResolver],
  ['demo-basic', demoBasicResolver],
  ['unprivileged-build', unprivilegedBuildResolver],
  ['kubernetes', kubernetesResolver],
  ['falco', falcoResolver],
]);
