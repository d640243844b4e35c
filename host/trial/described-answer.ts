// SPDX-License-Identifier: Apache-2.0
// Replies of the host in the words of test files: `ok`, `gone`, an errno's name, a number, or what the
// function gives.
import { gone } from '../call/host.ts';
import { functionOf } from '../call/host-call.ts';
import type { HostAnswer, HostCall } from '../call/host-call.ts';
import type { HostFunction } from '../call/host-functions.ts';
import { statNumbers } from '../native.ts';
import { errnoNameOf } from '../syscalls/errno.ts';
import { isLookUp } from '../call/location.ts';
import { describeBytes } from './described.ts';
import { describeLocated } from './located.ts';
import type { Plain } from './yaml-value.ts';

/** Of file-status, in the order of its numbers: `mode`, `holder-major`. */
export const statusNames: readonly string[] = statNumbers.map((name) =>
  name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`),
);

function describeErrno(number: number): Plain {
  return errnoNameOf(number) ?? BigInt(number);
}

function statusOf(bytes: Uint8Array): Plain {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers = statusNames.map((name, index) => [name, view.getBigInt64(index * 8, true)]);
  return Object.fromEntries(numbers);
}

function describeGiven(of: HostFunction, { answer, bytes, descriptor, wide }: HostAnswer): Plain {
  if (bytes !== undefined) {
    if (isLookUp(of)) return describeLocated(bytes, statusOf);
    const isStatus = of.operation === 'stat' && bytes.length === statusNames.length * 8;
    return isStatus ? { status: statusOf(bytes) } : { bytes: describeBytes(bytes) };
  }
  if (descriptor !== undefined) return { descriptor: BigInt(descriptor) };
  if (wide !== undefined) return wide < 0n ? describeErrno(Number(-wide)) : wide;
  if (of.reply === 'value') return BigInt(answer);
  return of.reply === 'found' ? answer === 1 : 'ok';
}

/** @returns a failure of the call is `{ failure: … }` */
export function describeAnswer(call: HostCall, given: HostAnswer): Plain {
  const { answer, failure } = given;
  if (failure !== undefined) return { failure };
  const of = functionOf(call);
  if (of === undefined) return BigInt(answer);
  if (of.reply === 'errno' && answer !== 0) {
    return answer === gone ? 'gone' : describeErrno(answer);
  }
  return of.reply === 'value' && answer < 0 ? describeErrno(-answer) : describeGiven(of, given);
}
