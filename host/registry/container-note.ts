// SPDX-License-Identifier: Apache-2.0
// Notes on a container for people, besides the log.
import type { ContainerStop } from './policy.ts';

export type NoteReason = 'Refused' | 'Killed' | 'Frozen' | 'Quarantined' | 'Ended';

export interface ContainerNote {
  readonly reason: NoteReason;
  readonly message: string;
}

const stopNotes: Readonly<Record<ContainerStop, NoteReason>> = {
  'kill-container': 'Killed',
  'freeze-container': 'Frozen',
};

/** @param cause what it was done for; absent: a call that the agent or a handler failed at */
export function stopNote(stop: ContainerStop, cause = 'a call that failed'): ContainerNote {
  const reason = stopNotes[stop];
  return { reason, message: `${reason.toLowerCase()} because of ${cause}` };
}

/** Of a container that an agent has served which is gone. */
export const agentEndedNote: ContainerNote = {
  reason: 'Ended',
  message:
    'intercepted calls fail: the agent that served this container has ended; restart the container',
};

/** Without its duration: it would be another message each time. */
export function quarantineNote(handler: string): ContainerNote {
  return {
    reason: 'Quarantined',
    message: `handler ${handler} is quarantined after repeated failures: its calls fail for a while`,
  };
}
