// SPDX-License-Identifier: Apache-2.0
// Gets the control socket: at once, or when the agent that has it is gone.
import { setTimeout as sleep } from 'node:timers/promises';

import { AgentError, failureFields } from '../errors.ts';
import { ControlServer } from './control-server.ts';
import type { ControlServerParts } from './control-server.ts';

const lookEveryMs = 1000;

export class ControlListener implements AsyncDisposable {
  readonly #parts: ControlServerParts;
  readonly #ending = new AbortController();
  #server: ControlServer | undefined;
  #waiting: Promise<void> = Promise.resolve();
  #failure = '';

  private constructor(parts: ControlServerParts) {
    this.#parts = parts;
  }

  /**
   * @param mayWait whether an agent does without it where it cannot listen yet
   * @throws AgentError AGENT_CONTROL_IN_USE, AGENT_CONTROL
   */
  static async start(
    parts: ControlServerParts,
    mayWait: (thrown: unknown) => boolean,
  ): Promise<ControlListener> {
    const listening = new ControlListener(parts);
    try {
      listening.#server = await ControlServer.start(parts);
    } catch (thrown) {
      if (!mayWait(thrown)) throw thrown;
      const failure = failureFields(thrown);
      listening.#failure = failure.error;
      parts.log.event('control-unavailable', failure);
      listening.#waiting = listening.#wait();
    }
    return listening;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#waiting;
    await this.#server?.[Symbol.asyncDispose]();
  }

  async #wait(): Promise<void> {
    const { signal } = this.#ending;
    while (this.#server === undefined) {
      await sleep(lookEveryMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await this.#try();
    }
  }

  async #try(): Promise<void> {
    const { log, path } = this.#parts;
    try {
      this.#server = await ControlServer.start(this.#parts);
      log.event('control-listening', { socket: path });
    } catch (thrown) {
      const failure = failureFields(thrown);
      if (failure.error !== this.#failure) log.event('control-still-unavailable', failure);
      this.#failure = failure.error;
    }
  }
}

/** An agent that listens there may be about to go. */
export function isTakenControl(thrown: unknown): boolean {
  return thrown instanceof AgentError && thrown.code === 'AGENT_CONTROL_IN_USE';
}
