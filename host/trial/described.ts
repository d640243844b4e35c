// SPDX-License-Identifier: Apache-2.0
// Actions and capability calls in the words of the contract, as test files and people have them.
import type { Action, FinalAction } from '../call/action.ts';
import { functionOf } from '../call/host-call.ts';
import type { HostCall, HostValue, Operated } from '../call/host-call.ts';
import type { RecordedField, RequestField } from '../call/host-functions.ts';
import { userNamespace } from '../native.ts';
import type { Plain } from './yaml-value.ts';

/** A call of a capability. */
export interface DescribedCall {
  /** Interface and function of the WIT: `filesystem.mkdir`. */
  readonly name: string;
  /** By the names of the WIT. */
  readonly arguments: Readonly<Record<string, Plain>>;
}

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text where it is some, else its bytes in hexadecimal. */
export function describeBytes(bytes: Uint8Array): Plain {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return { hex: Buffer.from(bytes).toString('hex') };
  }
}

function wide(low: number, high: number): bigint {
  return BigInt(low >>> 0) | (BigInt(high >>> 0) << 32n);
}

function describeFinal(action: FinalAction): Plain {
  switch (action.kind) {
    case 'value':
      return { value: action.value };
    case 'fail':
      return { fail: action.errno };
    case 'continue':
      return 'continue';
  }
}

export function describeAction(action: Action): Plain {
  switch (action.kind) {
    case 'value':
    case 'fail':
    case 'continue':
      return describeFinal(action);
    case 'next':
    case 'perform':
      return action.kind;
    case 'delay':
      return {
        delay: { milliseconds: BigInt(action.delayMs), answer: describeFinal(action.answer) },
      };
    case 'descriptor':
      return {
        descriptor: {
          index: BigInt(action.descriptor),
          'close-on-exec': action.isCloseOnExec,
        },
      };
  }
}

/** XATTR_CREATE and XATTR_REPLACE, which are no flags of paths. */
const xattrFlags = 3;

const namespaces: Readonly<Record<number, string>> = {
  [userNamespace.ofCaller]: 'of-caller',
  [userNamespace.ofMounts]: 'of-mounts',
  [userNamespace.ofHost]: 'of-host',
  [userNamespace.ofContainer]: 'of-container',
};

/** Values that are made of several fields of an operation. */
const madeUp: Readonly<Partial<Record<RequestField | RecordedField, (call: Operated) => Plain>>> = {
  'at-flags': ({ flags }) => BigInt(flags & ~xattrFlags),
  'xattr-flags': ({ flags }) => BigInt(flags & xattrFlags),
  device: ({ first, second }) => `${first}:${second}`,
  resolve: ({ low, high }) => wide(low, high),
  set: ({ first, second }) => wide(first, second),
  clear: ({ low, high }) => wide(low, high),
  'is-recursive': ({ flags }) => flags !== 0,
  idmap: ({ descriptor }) => (descriptor < 0 ? null : BigInt(descriptor)),
};

function describeValue(value: HostValue | undefined): Plain {
  if (value === undefined || value === null) return null;
  if (value instanceof Uint8Array) return describeBytes(value);
  return typeof value === 'number' ? BigInt(value) : value;
}

function describeField(call: HostCall, field: RequestField | RecordedField): Plain {
  if (call.kind === 'operate') {
    const make = madeUp[field];
    if (make !== undefined) return make(call);
  }
  const fields: Readonly<Record<string, HostValue>> = call;
  const value = fields[field];
  const namespace = field === 'where' ? namespaces[Number(value)] : undefined;
  return namespace ?? describeValue(value);
}

export function describeCall(call: HostCall): DescribedCall {
  const of = functionOf(call);
  if (of === undefined) return { name: call.kind, arguments: {} };
  const described = Object.entries(of.takes).map(
    ([name, field]) => [name, describeField(call, field)] as const,
  );
  return { name: `${of.capability}.${of.name}`, arguments: Object.fromEntries(described) };
}
