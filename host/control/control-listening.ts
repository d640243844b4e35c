// SPDX-License-Identifier: Apache-2.0
// Gets the control socket: at once, or when the agent that has it is gone.
import { setTimeout as sleep } from 'node:timers/promises';

import { AgentError, messageOf } from '../errors.ts';
import { ControlServer } from './control-server.ts';
import type { ControlServerParts } from './control-server.ts';

const lookEveryMs = 1000;

export class ControlListening implements AsyncDisposable {
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
  ): Promise<ControlListening> {
    const listening = new ControlListening(parts);
    try {
      listening.#server = await ControlServer.start(parts);
    } catch (thrown) {
      if (!mayWait(thrown)) throw thrown;
      listening.#failure = messageOf(thrown);
      parts.log.warn(
        { error: listening.#failure },
        'no control socket: status, top and record cannot reach this agent until it can listen there',
      );
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
      log.info({ socket: path }, 'this agent listens on the control socket now');
    } catch (thrown) {
      const error = messageOf(thrown);
      if (error !== this.#failure) log.warn({ error }, 'still no control socket');
      this.#failure = error;
    }
  }
}

/** An agent that listens there may be about to go. */
export function isTakenControl(thrown: unknown): boolean {
  return thrown instanceof AgentError && thrown.code === 'AGENT_CONTROL_IN_USE';
}
