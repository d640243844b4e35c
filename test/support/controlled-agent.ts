// SPDX-License-Identifier: Apache-2.0
// An agent, started by the command that users start, with a control socket of its own.
import type { AgentStatus } from '../../host/control/status.ts';
import { AgentProcess } from './agent-process.ts';
import { runCommand, seccompagent } from './command.ts';
import { TemporaryFolder } from './temporary-folder.ts';

export class ControlledAgent implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly process: AgentProcess;

  private constructor(folder: TemporaryFolder, process: AgentProcess) {
    this.#folder = folder;
    this.process = process;
  }

  static async start(...options: readonly string[]): Promise<ControlledAgent> {
    const folder = new TemporaryFolder();
    const process = await AgentProcess.start(
      folder.at('agent.socket'),
      `-control-socket=${folder.at('control.sock')}`,
      ...options,
    );
    return new ControlledAgent(folder, process);
  }

  get socket(): string {
    return this.#folder.at('agent.socket');
  }

  get control(): string {
    return this.#folder.at('control.sock');
  }

  async status(): Promise<AgentStatus> {
    const words = ['status', '-json', `-control-socket=${this.control}`];
    const { stdout, stderr } = await runCommand([seccompagent, ...words]);
    if (stderr !== '') throw new Error(stderr);
    const status: AgentStatus = JSON.parse(stdout);
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _folder = this.#folder;
    await this.process[Symbol.asyncDispose]();
  }
}
