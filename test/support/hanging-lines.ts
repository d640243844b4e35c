// SPDX-License-Identifier: Apache-2.0
// Lines of the agent's log on containers whose file systems do not answer.
import { isRecord, recordOf } from './log-records.ts';

/** A call that was given up, that waited too long for a worker, or that got no helper. */
export function isOfHangingCall(line: string): boolean {
  const record = recordOf(line);
  if (record === undefined) return false;
  if (isRecord(record, 'file-system-timeout') || isRecord(record, 'calls-refused')) return true;
  return isRecord(record, 'call-failed', { code: 'AGENT_CALLER', error: /\bEBUSY\b/u });
}
