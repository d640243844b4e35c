// SPDX-License-Identifier: Apache-2.0
// Tells in the log that there is too little memory for the instances of all handlers.
import type { Log } from '../log/log.ts';
import type { Registry } from '../registry/registry.ts';
import { shownContainer } from '../registry/shown-container.ts';

/** Of a worker: once there is too little, there is too little again and again. */
const pauseMs = 60_000;

interface CrowdedContainer {
  readonly registry: Registry;
  readonly peerUid: number | undefined;
}

/** @returns to be told of a container whose instances are given up for that */
export function crowdedWarning(log: Log): (container: CrowdedContainer) => void {
  let next = 0;
  return (container) => {
    const now = performance.now();
    if (now < next) return;
    next = now + pauseMs;
    log.counted('handlers-memory-crowded', shownContainer(container.registry, container));
  };
}
