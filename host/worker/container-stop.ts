// SPDX-License-Identifier: Apache-2.0
// Kills or freezes a container because of a call of its own, and says so in the log.
import type { ContainerKey } from '../agent-socket/container-key.ts';
import { errnoNameOf } from '../syscalls/errno.ts';
import type { ContainerEvent } from '../log/log-events.ts';
import { tokenOf } from '../native.ts';
import type { Native, ReceiverHandle } from '../native.ts';
import type { ContainerStop } from '../registry/policy.ts';
import type { ShownContainer } from '../registry/shown-container.ts';
import { stopNote } from '../registry/container-note.ts';
import type { ContainerNote } from '../registry/container-note.ts';

/** People hear of it by these. */
export interface StopTelling {
  /** Writes lines on the container. */
  readonly tell: (event: ContainerEvent, fields: object) => void;
  /** As `shownContainer`. */
  readonly shown: ShownContainer;
  /** It was done, and people are to hear of it. */
  readonly onNote: (note: ContainerNote) => void;
  /** Names the call that it is done for; absent: one that the agent or a handler failed at. */
  readonly syscall?: () => string;
}

export interface StopParts extends StopTelling {
  readonly native: Pick<Native, 'killContainer' | 'freezeContainer'>;
  readonly receiver: ReceiverHandle;
  /** Of one of its listeners. */
  readonly token: number;
}

/** Until a container that is being killed, or cannot be stopped, is stopped again. */
export const stopPauseMs = 1000;

/** Time for which the same is not told again. */
const tellPauseMs = 60_000;

const events = {
  'kill-container': {
    done: 'container-killed',
    failed: 'container-not-killed',
  },
  'freeze-container': { done: 'container-frozen', failed: 'container-not-frozen' },
} as const satisfies Readonly<
  Record<ContainerStop, { done: ContainerEvent; failed: ContainerEvent }>
>;

/** @returns 0 or a positive errno */
function act(stop: ContainerStop, { native, receiver, token }: StopParts): number {
  switch (stop) {
    case 'kill-container':
      return native.killContainer(receiver, tokenOf(token));
    case 'freeze-container':
      return native.freezeContainer(receiver, tokenOf(token), 1);
  }
}

/** @param errno 0: it was done */
export function tellStop(stop: ContainerStop, errno: number, telling: StopTelling): void {
  const { tell, shown, onNote } = telling;
  const { done, failed } = events[stop];
  const syscall = telling.syscall?.();
  const fields = { ...shown, syscall };
  if (errno === 0) {
    tell(done, fields);
    onNote(stopNote(stop, syscall));
    return;
  }
  tell(failed, { ...fields, errno: errnoNameOf(errno) });
}

/** Repeated stops of a container are logged once in a while. */
export class ToldStops {
  /** Until when it is told, oldest first. */
  readonly #until: Map<ContainerKey, number> = new Map();

  /** @returns whether it is to be told now */
  take(key: ContainerKey): boolean {
    const now = performance.now();
    for (const [other, until] of this.#until) {
      if (until > now) break;
      this.#until.delete(other);
    }
    if (this.#until.has(key)) return false;
    this.#until.set(key, now + tellPauseMs);
    return true;
  }
}

/** Repeated freezes, which somebody has ended in between, are always told. */
export function isFrozenBy(stop: ContainerStop, errno: number): boolean {
  return stop === 'freeze-container' && errno === 0;
}

/**
 * Stops for the calls of one listener. The call fails in any case, whether its container can be killed
 * or frozen or not. What a container still calls that is being killed, or that cannot be, nobody needs
 * to hear of again, and is no reason to look at all of its processes for each call.
 */
export function stopper(parts: StopParts): (stop: ContainerStop) => void {
  let isTold = false;
  let pausedUntil = 0;
  return (stop) => {
    if (performance.now() < pausedUntil) return;
    const errno = act(stop, parts);
    const isFrozen = isFrozenBy(stop, errno);
    if (!isFrozen) pausedUntil = performance.now() + stopPauseMs;
    if (!isTold || isFrozen) tellStop(stop, errno, parts);
    isTold = true;
  };
}
