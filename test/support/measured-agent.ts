// SPDX-License-Identifier: Apache-2.0
// An agent that serves metrics, at a port of its own.
import { metricsAddress } from './agent-metrics.ts';
import { ControlledAgent } from './controlled-agent.ts';

export class MeasuredAgent implements AsyncDisposable {
  readonly agent: ControlledAgent;
  /** `host:port`. */
  readonly address: string;

  private constructor(agent: ControlledAgent, address: string) {
    this.agent = agent;
    this.address = address;
  }

  static async start(...options: readonly string[]): Promise<MeasuredAgent> {
    const agent = await ControlledAgent.start('-metrics-bind-address=127.0.0.1:0', ...options);
    return new MeasuredAgent(agent, await metricsAddress(agent.process));
  }

  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await fetch(`http://${this.address}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
  }
}
