// SPDX-License-Identifier: Apache-2.0
// Programs that have to succeed.
import { runCommand } from '../support/command.ts';

/** @throws Error, with what it printed, when it ends with another code than 0 */
export async function succeed(...command: readonly [string, ...string[]]): Promise<void> {
  const { code, signal, stdout, stderr } = await runCommand(command);
  if (code === 0) return;
  throw new Error(`${command.join(' ')} ended with ${signal ?? code}: ${stdout}${stderr}`);
}
