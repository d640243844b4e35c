// SPDX-License-Identifier: Apache-2.0
// Warnings of operations that were refused for the callers of one container.
import type { UserLog } from './user-log.ts';

/** Callers can be refused as often as they call. */
const pauseMs = 60_000;

export interface RefusalParts {
  readonly log: Pick<UserLog, 'say'>;
  /** Fields that name the container. */
  readonly shown: object;
  /** Why caller memory must not be written; undefined: it may be written. */
  readonly writeRefusal: string | undefined;
}

export class CallerRefusals {
  readonly #parts: RefusalParts;
  #isWriteRefusalTold = false;
  #nextGroupsWarning = 0;
  #nextLabelWarning = 0;

  constructor(parts: RefusalParts) {
    this.#parts = parts;
  }

  /** A handler was not allowed to write caller memory. Logged once. */
  writeRefused(): void {
    const { log, shown, writeRefusal: why } = this.#parts;
    if (why === undefined || this.#isWriteRefusalTold) return;
    this.#isWriteRefusalTold = true;
    log.say('caller-memory-refused', { ...shown, why });
  }

  /** The kernel did not let us assume the caller's label. */
  labelRefused(label: string, errno: string): void {
    const now = performance.now();
    if (now < this.#nextLabelWarning) return;
    this.#nextLabelWarning = now + pauseMs;
    const { log, shown } = this.#parts;
    log.say('caller-label-refused', { ...shown, label, errno });
  }

  /** Looking at all groups of the caller would delay other callers. */
  groupsRefused(): void {
    const now = performance.now();
    if (now < this.#nextGroupsWarning) return;
    this.#nextGroupsWarning = now + pauseMs;
    const { log, shown } = this.#parts;
    log.say('caller-groups-refused', shown);
  }
}
