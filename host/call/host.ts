// SPDX-License-Identifier: Apache-2.0
// The one way from a handler to the host: requests, and who answers them.
import type { HostFunction } from './host-functions.ts';
import type { DecodedArgument } from './received-call.ts';

export type GuestLogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The reply when the notification is gone. */
export const gone = -1;

/** Of the value of an extended attribute, and of all bytes that a request gives. */
export const maxRequestBytes = 65_536;

/** Known without asking the kernel. */
export interface CallFacts {
  readonly containerId: string;
  readonly annotations: readonly (readonly [key: string, value: string])[];
  readonly decodedArguments: () => readonly DecodedArgument[];
}

const nothing = new Uint8Array(0);
const noNumbers = new Int32Array(0);

/**
 * A call of one function with its decoded values; used again and again, so that calling allocates
 * nothing. All have the same fields; the table names those that count for a function.
 */
export class HostRequest {
  readonly of: HostFunction;
  /** The handler's memory: strings of mounts and operations are in it. */
  memory: Uint8Array = nothing;
  /** Of a mount as `mountRange` of native.ts, of an operation as `operationNumber`. */
  readonly numbers: Int32Array;

  fd = 0;
  descriptor = 0;
  isCloseOnExec = false;
  argument = 0;
  offset = 0n;
  bytes: Uint8Array = nothing;
  /** Number of bytes that are wanted. */
  max = 0;
  /** Of Linux. */
  capability = 0;
  /** A `userNamespace` of native.ts. */
  where = 0;
  key: Uint8Array = nothing;
  value: Uint8Array = nothing;
  amount = 0n;
  level: GuestLogLevel = 'info';
  message = '';

  /** Folders that an operation is confined to, as `operate` of native.ts takes them. */
  within: Uint8Array | undefined = undefined;
  /** Number of keys that the handler may have; undefined: as many as any. */
  maxKeys: number | undefined = undefined;

  /** The output: these bytes, up to `length`; the host overwrites them with its next reply. */
  result: Uint8Array = nothing;
  length = 0;
  /** The output of functions that give a number of 64 bits; of `memory.size` a negated errno, too. */
  wide = 0n;
  facts: CallFacts | undefined = undefined;

  constructor(of: HostFunction, numbers: Int32Array = noNumbers) {
    this.of = of;
    this.numbers = numbers;
  }
}

/** A host answers requests itself, or has the next one answer them. */
export interface Host {
  /** @returns the reply, as `ReplyForm` of the function says */
  call(request: HostRequest): number;
}
