// SPDX-License-Identifier: Apache-2.0
// A node of Kubernetes: containerd, an agent, and seccomp profiles that name its socket.
import { writeFileSync } from 'node:fs';

import { ControlledAgent } from '../controlled-agent.ts';
import { Containerd } from './containerd.ts';

export interface ProfileOptions {
  /** Lines `KEY=VALUE`. */
  readonly metadata: readonly string[];
  /** System calls that go to the agent. */
  readonly trapped: readonly string[];
  /** Of the filter. */
  readonly flags?: readonly string[];
}

export class PodNode implements AsyncDisposable {
  readonly containerd: Containerd;
  readonly agent: ControlledAgent;
  #profiles = 0;

  private constructor(containerd: Containerd, agent: ControlledAgent) {
    this.containerd = containerd;
    this.agent = agent;
  }

  static async start(...agentOptions: readonly string[]): Promise<PodNode> {
    await using started = new AsyncDisposableStack();
    const agent = started.use(await ControlledAgent.start(...agentOptions));
    const containerd = started.use(await Containerd.start());
    started.move();
    return new PodNode(containerd, agent);
  }

  /** Writes one. @returns its path */
  profile(
    { metadata, trapped, flags = [] }: ProfileOptions,
    listenerPath: string = this.agent.socket,
  ): string {
    return this.#write({
      // runc takes none, not even an empty list
      ...(flags.length === 0 ? {} : { flags }),
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      defaultAction: 'SCMP_ACT_ALLOW',
      listenerPath,
      listenerMetadata: metadata.join('\n'),
      syscalls: [{ action: 'SCMP_ACT_NOTIFY', names: trapped }],
    });
  }

  /** The same of one that is there but for the socket. */
  profileOf(content: Readonly<Record<string, unknown>>): string {
    return this.#write({ ...content, listenerPath: this.agent.socket });
  }

  #write(content: Readonly<Record<string, unknown>>): string {
    this.#profiles += 1;
    const path = this.containerd.at(`profile-${this.#profiles}.json`);
    writeFileSync(path, JSON.stringify(content));
    return path;
  }

  /** The ids of containers whose listeners the agent has, each once. */
  async listeners(): Promise<readonly string[]> {
    const { containers } = await this.agent.status();
    return containers.map(({ id }) => id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.containerd[Symbol.asyncDispose]();
    await this.agent[Symbol.asyncDispose]();
  }
}
