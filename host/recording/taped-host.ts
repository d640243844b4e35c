// SPDX-License-Identifier: Apache-2.0
// Host of a handler that is recorded: notes each call with its reply.
import { messageOf } from '../errors.ts';
import type { Host } from '../call/host.ts';
import { answerOf, callOf } from '../call/host-call.ts';
import type { CallTape } from './call-tape.ts';

export function taped(next: Host, tape: CallTape): Host {
  return {
    call(request) {
      // before the reply, which may overwrite what was asked
      const call = callOf(request);
      if (call === undefined) return next.call(request);
      let reply: number;
      try {
        reply = next.call(request);
      } catch (thrown) {
        tape.note(call, { answer: 0, failure: messageOf(thrown) });
        throw thrown;
      }
      tape.note(call, answerOf(request, reply));
      return reply;
    },
  };
}
