// SPDX-License-Identifier: Apache-2.0
// Tells in the log that there is too little memory for the instances of all handlers.
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import { shownContainer } from '../registry/shown-container.ts';

/** Once there is too little, there is too little again and again. */
const pauseMs = 60_000;

/** @returns to be told of a container whose instances are given up for that */
export function crowdedWarning(log: Logger): (container: { readonly registry: Registry }) => void {
  let next = 0;
  return ({ registry }) => {
    const now = performance.now();
    if (now < next) return;
    next = now + pauseMs;
    log.warn(
      shownContainer(registry),
      'handlers want more memory than all of them may have, and this container has most of it: its instances are given up and made anew; raise the memory limit of the agent, or lower "memory" in bundle.json',
    );
  };
}
