// SPDX-License-Identifier: Apache-2.0
// Common parts of listeners are in memory once: each command that is executed in a container has one of
// its own, and whoever writes bundles and annotations says how much it takes.
import { isDeepStrictEqual } from 'node:util';

import type { ContainerProcessState } from '../agent-socket/container-process-state.ts';
import type { Registry } from '../registry/registry.ts';
import type { Resolution, Shadow } from '../resolvers/resolver.ts';

type Parts = Pick<Resolution, 'registry' | 'shadow'>;

function theOneOf<T>(own: T, other: T | undefined): T {
  return other !== undefined && isDeepStrictEqual(own, other) ? other : own;
}

function commonHandlers(
  own: Registry['handlers'],
  other: Registry['handlers'],
): Registry['handlers'] {
  if (own === other) return own;
  const handlers = own.map((handler, index) => theOneOf(handler, other[index]));
  const isSame = own.length === other.length && handlers.every((one, at) => one === other[at]);
  return isSame ? other : handlers;
}

function commonRegistry(own: Registry, other: Registry): Registry {
  const { annotations } = own;
  return {
    ...own,
    handlers: commonHandlers(own.handlers, other.handlers),
    ...(annotations === undefined ? {} : { annotations: theOneOf(annotations, other.annotations) }),
  };
}

function commonShadow(own: Shadow | undefined, other: Shadow | undefined): Shadow | undefined {
  if (own?.kind !== 'resolved' || other?.kind !== 'resolved') return own;
  return { ...own, registry: commonRegistry(own.registry, other.registry) };
}

/** The same, with the long texts of another listener of the container where they are equal. */
export function commonState(
  own: ContainerProcessState,
  other: ContainerProcessState | undefined,
): ContainerProcessState {
  if (other === undefined) return own;
  return {
    ...own,
    metadata: theOneOf(own.metadata, other.metadata),
    annotations: theOneOf(own.annotations, other.annotations),
  };
}

/** The same, with what another one has already in the same way. */
export function withCommonParts<Own extends Parts>(own: Own, other: Parts | undefined): Own {
  if (other === undefined) return own;
  return {
    ...own,
    registry: commonRegistry(own.registry, other.registry),
    shadow: commonShadow(own.shadow, other.shadow),
  };
}
