// SPDX-License-Identifier: Apache-2.0
// Actions and capability calls in the words of the contract, as test files and people have them.
import type { Action, FinalAction } from '../call/action.ts';
import type { HostCall, Operated } from '../call/host-call.ts';
import { operation, userNamespace } from '../native.ts';
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

function optional(bytes: Uint8Array | null): Plain {
  return bytes === null ? null : describeBytes(bytes);
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

/** What an operation is called with. */
const parts = {
  path: (call: Operated): Plain => optional(call.path),
  'second-path': (call: Operated): Plain => optional(call.secondPath),
  name: (call: Operated): Plain => optional(call.name),
  value: (call: Operated): Plain => optional(call.value),
  mode: (call: Operated): Plain => BigInt(call.mode),
  flags: (call: Operated): Plain => BigInt(call.flags),
  'at-flags': (call: Operated): Plain => BigInt(call.flags & ~xattrFlags),
  'xattr-flags': (call: Operated): Plain => BigInt(call.flags & xattrFlags),
  first: (call: Operated): Plain => BigInt(call.first),
  second: (call: Operated): Plain => BigInt(call.second),
  device: (call: Operated): Plain => `${call.first}:${call.second}`,
  low: (call: Operated): Plain => wide(call.low, call.high),
  halves: (call: Operated): Plain => wide(call.first, call.second),
  descriptor: (call: Operated): Plain => BigInt(call.descriptor),
  'is-recursive': (call: Operated): Plain => call.flags !== 0,
  idmap: (call: Operated): Plain => (call.descriptor < 0 ? null : BigInt(call.descriptor)),
} as const;

/** Names of parameters, each with the part that holds it. */
type Parameters = Readonly<Record<string, keyof typeof parts>>;

const plainPath: Parameters = { path: 'path' };
const atPath: Parameters = { path: 'path', 'at-flags': 'flags' };
const attribute: Parameters = { path: 'path', 'at-flags': 'at-flags', name: 'name' };
const twoPaths: Parameters = { path: 'path', 'new-path': 'second-path' };

const operations: Readonly<
  Record<keyof typeof operation, readonly [name: string, parameters: Parameters]>
> = {
  mkdir: ['mkdir', { path: 'path', mode: 'mode' }],
  mknod: ['mknod', { path: 'path', mode: 'mode', device: 'device' }],
  open: ['open', { path: 'path', 'open-flags': 'flags', mode: 'mode', resolve: 'low' }],
  chmod: ['chmod', { path: 'path', mode: 'mode', 'at-flags': 'flags' }],
  chown: ['chown', { path: 'path', uid: 'first', gid: 'second', 'at-flags': 'flags' }],
  rename: ['rename', { ...twoPaths, 'rename-flags': 'flags' }],
  link: ['link', { ...twoPaths, 'at-flags': 'flags' }],
  symlink: ['symlink', { target: 'second-path', path: 'path' }],
  unlink: ['unlink', atPath],
  stat: ['stat', atPath],
  getXattr: ['get-xattr', attribute],
  setXattr: ['set-xattr', { ...attribute, value: 'value', 'xattr-flags': 'xattr-flags' }],
  listXattr: ['list-xattr', atPath],
  removeXattr: ['remove-xattr', attribute],
  readLink: ['read-link', plainPath],
  unmount: ['unmount', { target: 'path', 'unmount-flags': 'flags' }],
  setMountAttributes: [
    'set-attributes',
    {
      path: 'path',
      'is-recursive': 'is-recursive',
      set: 'halves',
      clear: 'low',
      idmap: 'idmap',
    },
  ],
};

function interfaceOf(call: Operated): string {
  if (call.operation === 'unmount' || call.operation === 'setMountAttributes') return 'mounts';
  if (call.isLent) return call.operation === 'mknod' ? 'devices' : 'overlay';
  return 'filesystem';
}

function describeOperated(call: Operated): DescribedCall {
  if (call.operation === 'stat' && call.path === null) {
    return { name: 'descriptors.stat', arguments: { descriptor: BigInt(call.descriptor) } };
  }
  const [own, parameters] = operations[call.operation];
  const described = Object.fromEntries(
    Object.entries(parameters).map(([name, part]) => [name, parts[part](call)]),
  );
  const owner = interfaceOf(call);
  if (own === 'unmount' && call.value !== null) {
    const spared = describeBytes(call.value);
    return { name: 'mounts.unmount-sparing', arguments: { ...described, spared } };
  }
  return { name: `${owner}.${owner === 'devices' ? 'make' : own}`, arguments: described };
}

const namespaces: Readonly<Record<number, string>> = {
  [userNamespace.ofCaller]: 'of-caller',
  [userNamespace.ofMounts]: 'of-mounts',
  [userNamespace.ofHost]: 'of-host',
  [userNamespace.ofContainer]: 'of-container',
};

export function describeCall(call: HostCall): DescribedCall {
  switch (call.kind) {
    case 'operate':
      return describeOperated(call);
    case 'mount':
      return {
        name: 'mounts.mount',
        arguments: {
          source: optional(call.source),
          target: optional(call.target),
          'filesystem-type': optional(call.type),
          'mount-flags': call.flags,
          data: optional(call.data),
        },
      };
    case 'take':
      return { name: 'descriptors.take', arguments: { fd: BigInt(call.fd) } };
    case 'install':
      return {
        name: 'descriptors.install',
        arguments: { descriptor: BigInt(call.descriptor), 'close-on-exec': call.isCloseOnExec },
      };
    case 'replace':
      return {
        name: 'descriptors.replace',
        arguments: {
          descriptor: BigInt(call.descriptor),
          fd: BigInt(call.fd),
          'close-on-exec': call.isCloseOnExec,
        },
      };
    case 'size':
      return { name: 'memory.size', arguments: { argument: BigInt(call.argument) } };
    case 'read':
      return {
        name: 'memory.read',
        arguments: {
          argument: BigInt(call.argument),
          offset: call.offset,
          length: BigInt(call.most),
        },
      };
    case 'write':
      return {
        name: 'memory.write',
        arguments: {
          argument: BigInt(call.argument),
          offset: call.offset,
          bytes: describeBytes(call.bytes),
        },
      };
    case 'credentials':
      return { name: 'caller.get-credentials', arguments: {} };
    case 'process':
      return { name: 'caller.get-process', arguments: {} };
    case 'capability':
      return {
        name: 'caller.has-capability',
        arguments: {
          capability: BigInt(call.capability),
          where: namespaces[call.where] ?? BigInt(call.where),
        },
      };
    case 'kill':
      return { name: 'container.kill', arguments: {} };
    case 'freeze':
      return { name: call.isFrozen ? 'container.freeze' : 'container.thaw', arguments: {} };
    case 'resources':
      return { name: 'container.get-resources', arguments: {} };
    case 'state-get':
      return { name: 'state.get', arguments: { key: describeBytes(call.key) } };
    case 'state-set':
      return {
        name: 'state.set',
        arguments: { key: describeBytes(call.key), value: describeBytes(call.value) },
      };
    case 'state-remove':
      return { name: 'state.remove', arguments: { key: describeBytes(call.key) } };
    case 'state-add':
      return {
        name: 'state.add',
        arguments: { key: describeBytes(call.key), amount: call.amount },
      };
    case 'clock':
      return { name: `clock.${call.clock}`, arguments: {} };
    case 'log':
      return { name: 'log.log', arguments: { level: call.level, message: call.message } };
  }
}
