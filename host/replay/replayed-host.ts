// SPDX-License-Identifier: Apache-2.0
// Host of a handler that is replayed: answers each call as the same call was answered when it was
// recorded, and has no effects.
import { AgentError } from '../errors.ts';
import type { CallFacts, Host } from '../call/host.ts';
import { callOf, giveBack } from '../call/host-call.ts';
import type { HostAnswer, HostCall } from '../call/host-call.ts';
import type { HostFunction } from '../call/host-functions.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import { keyOf } from './comparison.ts';
import type { Redaction } from './comparison.ts';
import type { RecordedCall } from '../recording/recorded-call.ts';

/** For what was not recorded: it is a difference whatever comes of it. */
const eio = errnoNumber('EIO');

/** Recorded answers for the handlers of one chain. */
export class AnswerPool {
  readonly #redaction: Redaction;
  #answers: Map<string, HostAnswer[]> = new Map();
  readonly #times: Map<string, HostAnswer> = new Map();

  constructor(redaction: Redaction) {
    this.#redaction = redaction;
  }

  /** Forgets all others. */
  fill({ asks }: RecordedCall): void {
    this.#answers = new Map();
    for (const { call, answer } of asks.flatMap(({ calls }) => calls)) {
      const key = keyOf(call, this.#redaction);
      const known = this.#answers.get(key);
      if (known === undefined) this.#answers.set(key, [answer]);
      else known.push(answer);
    }
  }

  /**
   * The next answer to an equal call; undefined: it was not asked for, or not so often.
   * @throws AgentError AGENT_CALLER where that one failed
   */
  take(call: HostCall): HostAnswer | undefined {
    const key = keyOf(call, this.#redaction);
    const answer = this.#answers.get(key)?.shift() ?? this.#times.get(key);
    // clocks go on
    if (call.kind === 'clock' && answer !== undefined) this.#times.set(key, answer);
    if (answer?.failure !== undefined) throw new AgentError('AGENT_CALLER', answer.failure);
    return answer;
  }
}

/** The answer to a call that was not recorded. */
function unrecorded({ kind, reply }: HostFunction): HostAnswer {
  switch (reply) {
    case 'errno':
      return { answer: eio };
    case 'value':
      return { answer: -eio };
    case 'found':
      return { answer: 0 };
    case 'certain':
      return { answer: 0, wide: kind === 'size' ? BigInt(-eio) : 0n };
  }
}

export function replayed(answers: AnswerPool, facts: CallFacts): Host {
  return {
    call(request) {
      const { of } = request;
      request.facts = facts;
      const call = callOf(request);
      // messages are on the tape
      if (call === undefined || call.kind === 'log') return 0;
      return giveBack(request, answers.take(call) ?? unrecorded(of));
    },
  };
}
