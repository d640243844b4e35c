// SPDX-License-Identifier: Apache-2.0
// In a worker: writes down what one container's handlers are asked, ask and answer.
import { AgentError, messageOf } from '../errors.ts';
import type { Action, ChainDecision } from '../call/action.ts';
import type { HostAnswer, HostCall, HostValue } from '../call/host-call.ts';
import type { ReceivedCall } from '../call/received-call.ts';
import type { Syscall } from '../syscalls/syscalls.ts';
import { inputOf } from './recorded-call.ts';
import type {
  RecordedAsk,
  RecordedCall,
  RecordedHostCall,
  RecordedOutcome,
} from './recorded-call.ts';

/** Of one call: a handler may ask for as much as it likes. */
const maxHostCalls = 1000;
const maxBytes = 1024 * 1024;
/** Approximate bytes of a call and of a host call besides their data. */
const bytesOfCall = 512;

export interface TapeParts {
  readonly onRecorded: (call: RecordedCall) => void;
  /** Told of a call that is too big to be kept. */
  readonly onLost: () => void;
}

function sizeOf(value: Uint8Array | null | undefined): number {
  return value?.length ?? 0;
}

function sizeOfCall(call: HostCall): number {
  const values: readonly HostValue[] = Object.values(call);
  return values.reduce<number>(
    (sum, value) =>
      typeof value === 'string' || value instanceof Uint8Array ? sum + value.length : sum,
    0,
  );
}

function failureOf(thrown: unknown): RecordedOutcome<never> {
  const code = thrown instanceof AgentError ? thrown.code : 'AGENT_HANDLER_FAILED';
  return { kind: 'failed', code, reason: messageOf(thrown) };
}

export class CallTape {
  readonly #parts: TapeParts;
  #asks: RecordedAsk[] = [];
  #calls: RecordedHostCall[] = [];
  #size = 0;

  constructor(parts: TapeParts) {
    this.#parts = parts;
  }

  /** Writes down a call around what decides it. */
  record(
    call: ReceivedCall,
    syscall: Syscall,
    decide: () => ChainDecision | undefined,
  ): ChainDecision | undefined {
    const at = Date.now();
    const input = inputOf(call, syscall);
    this.#asks = [];
    this.#size = bytesOfCall;
    for (const pointer of input.pointers) {
      if (pointer.kind === 'bytes') this.#size += pointer.bytes.length;
    }
    let decision: RecordedOutcome<ChainDecision> = { kind: 'left-alone' };
    try {
      const action = decide();
      if (action !== undefined) decision = { kind: 'action', action };
      return action;
    } catch (thrown) {
      decision = failureOf(thrown);
      throw thrown;
    } finally {
      this.#end({ ...input, at, asks: this.#asks, decision });
    }
  }

  /** The same of one handler. @param handler its place in the chain */
  asking(handler: number, ask: () => Action): Action {
    this.#calls = [];
    let outcome: RecordedOutcome<Action> = { kind: 'left-alone' };
    try {
      const action = ask();
      outcome = { kind: 'action', action };
      return action;
    } catch (thrown) {
      outcome = failureOf(thrown);
      throw thrown;
    } finally {
      this.#asks.push({ handler, calls: this.#calls, outcome });
    }
  }

  note(call: HostCall, answer: HostAnswer): void {
    this.#size += bytesOfCall + sizeOfCall(call) + sizeOf(answer.bytes);
    // what has too much is not kept as a whole, and goes on costing nothing
    if (this.#isTooBig()) return;
    this.#calls.push({ call, answer });
  }

  #isTooBig(): boolean {
    return this.#size > maxBytes || this.#calls.length > maxHostCalls;
  }

  #end(call: RecordedCall): void {
    if (this.#isTooBig()) this.#parts.onLost();
    else this.#parts.onRecorded(call);
    this.#asks = [];
    this.#calls = [];
  }
}
