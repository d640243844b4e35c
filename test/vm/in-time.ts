// SPDX-License-Identifier: Apache-2.0
// Second tries where an emulated processor was too slow for the agent.
import { recordOf } from '../support/log-records.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

function isInTime(line: string): boolean {
  return recordOf(line)?.event !== 'caller-memory-timeout';
}

/** Does something through an agent until all that it has done for it was in time. */
export async function inTime<Result>(
  agent: WatchedAgent,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    const from = agent.log().length;
    const result = await attempt();
    if (agent.log().slice(from).every(isInTime)) return result;
  }
}
