// SPDX-License-Identifier: Apache-2.0
// Messages of compilers: many lines, for the author of the source.
import { agentErrorCodes, AgentError, failureLine } from '../errors.ts';
import { BuildError } from '../../guest-sdk/build/build-error.ts';
import { tellMessages } from './compiler-messages.ts';

/** Does the work of a command; 1 and the messages on stderr where the author has to mend something. */
export async function reportingBuildErrors(
  code: 'AGENT_BUILD' | 'AGENT_SCAFFOLD',
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof BuildError)) throw thrown;
    tellMessages([thrown.message]);
    process.stderr.write(failureLine(new AgentError(code, agentErrorCodes[code])));
    return 1;
  }
}
