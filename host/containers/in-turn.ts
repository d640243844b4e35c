// SPDX-License-Identifier: Apache-2.0
// Work of the main thread for one container.
import type { ContainerIdentity } from '../resolvers/resolver.ts';

/** Does something in a turn of a container's. */
export type InTurn = <T>(identity: ContainerIdentity, work: () => T | Promise<T>) => Promise<T>;
