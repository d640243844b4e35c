// SPDX-License-Identifier: Apache-2.0
// The receiver of the addon, with the quarantine that its threads share with ours.
import { AgentError, missingRightsAdvice, systemCodeOf } from '../errors.ts';
import type { Native, ReceiverHandle } from '../native.ts';
import type { Syscalls } from '../syscalls/syscalls.ts';
import type { PoolSize } from './pool-size.ts';
import type { QuarantineBuffers } from './quarantine.ts';

export interface ReceiverParts {
  readonly native: Native;
  readonly syscalls: Syscalls;
  readonly size: PoolSize;
  readonly quarantine: QuarantineBuffers;
}

/** @throws AgentError AGENT_KERNEL */
export function createReceiver({
  native,
  syscalls,
  size,
  quarantine: { states, ends },
}: ReceiverParts): ReceiverHandle {
  try {
    const receiver = native.createReceiver(syscalls.readKinds(), size.running, size.min);
    native.shareQuarantine(receiver, new Uint8Array(states), new Uint8Array(ends));
    return receiver;
  } catch (cause) {
    const code = systemCodeOf(cause);
    if (code === 'EPERM') {
      throw new AgentError('AGENT_KERNEL', `the agent lacks rights: ${missingRightsAdvice}`, {
        cause,
      });
    }
    if (code !== 'ENOSYS' && code !== 'EINVAL') throw cause;
    throw new AgentError(
      'AGENT_KERNEL',
      'kernel too old (Linux 5.9 or newer is required), or a seccomp filter blocks the agent',
      { cause },
    );
  }
}
