// SPDX-License-Identifier: Apache-2.0
// A command for people who write and ship handlers.

// SPDX-License-Identifier: Apache-2.0
// The commands for people who write and ship handlers: each is a file here and a line below.
export interface Tool {
  readonly usage: string;
  /**
   * @param words what stands behind the command's name
   * @returns the exit code
   * @throws AgentError AGENT_USAGE: the message is shown, and where help is
   */
  readonly run: (words: readonly string[]) => Promise<number>;
}
