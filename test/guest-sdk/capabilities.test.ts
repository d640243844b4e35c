// SPDX-License-Identifier: Apache-2.0
// Tests each function of each capability from an author's code to what the host is asked, and back.
import { beforeAll, expect, test } from 'vitest';

import { loadComponent } from '../../host/handler/direct.ts';
import { errnoNumber } from '../../host/syscalls/errno.ts';
import { HandlerInstance } from '../../host/handler/instance.ts';
import { gone } from '../../host/call/host.ts';
import type { Action } from '../../host/call/action.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { credentialsLayout, processLayout, statNumbers, userNamespace } from '../../host/native.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { failure } from '../support/failures.ts';
import { RecordingHost, fillCall } from '../support/handler-harness.ts';
import { buildText } from './scratch-handler.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The body of `mkdir(path, mode)`; it has `path`, `other` and `bytes`. */
const cases = {
  mkdir: 'return filesystem.mkdir(path, 0o755).toAction();',
  mknod: 'return filesystem.mknod(path, 0o20644, new Device(1, 3)).toAction();',
  open: `const opened = filesystem.open(path, 0x80041, 0o600);
    return opened.isOk ? Action.descriptor(opened.value, true) : opened.failure();`,
  openRestricted: `const opened = filesystem.open(path, 0, 0, 8);
    return opened.isOk ? Action.value(1) : opened.failure();`,
  openBadFlags: `const opened = filesystem.open(path, <u64>1 << 40, 0, 0);
    return opened.isOk ? Action.value(1) : opened.failure();`,
  chmod: 'return filesystem.chmod(path, 0o700, 0x100).toAction();',
  chmodBadFlags: 'return filesystem.chmod(path, 0o700, 0x8000).toAction();',
  chown: 'return filesystem.chown(path, 0xffffffff, 1000, 0x100).toAction();',
  rename: 'return filesystem.rename(path, other, 1).toAction();',
  link: 'return filesystem.link(path, other, 0x400).toAction();',
  symlink: 'return filesystem.symlink(other, path).toAction();',
  unlink: 'return filesystem.unlink(path, 0x200).toAction();',
  stat: `const found = filesystem.stat(path, 0x100);
    if (!found.isOk) return found.failure();
    const status = found.value;
    return Action.value(
      status.holder.major + status.holder.minor * 10 + status.inode * 100 + status.mode * 1000 +
      status.links * 10000 + status.uid * 100000 + status.gid * 1000000 +
      status.device.major * 10000000 + status.device.minor * 100000000 + status.size * 1000000000 +
      status.blocks * 10000000000 + status.accessed * 100000000000 +
      status.modified * 1000000000000 + status.changed * 10000000000000 +
      status.mountFlags * 100000000000000);`,
  readLink: `const link = filesystem.readLink(path);
    if (!link.isOk) return link.failure();
    return filesystem.mkdir(link.value, 0).toAction();`,
  getXattr: `const found = filesystem.getXattr(path, 0, other);
    return found.isOk ? Action.value(found.value.length * 1000 + found.value[1]) : found.failure();`,
  setXattr: 'return filesystem.setXattr(path, 0x100, other, bytes, 2).toAction();',
  setXattrBadFlags: 'return filesystem.setXattr(path, 0, other, bytes, 4).toAction();',
  setXattrBadName: `return filesystem.setXattr(path, 0, Path.fromString('x'.repeat(256)), bytes)
    .toAction();`,
  setXattrBadValue: 'return filesystem.setXattr(path, 0, other, new Uint8Array(65537)).toAction();',
  listXattr: `const found = filesystem.listXattr(path);
    return found.isOk ? Action.value(found.value.length) : found.failure();`,
  removeXattr: 'return filesystem.removeXattr(path, 0x1000, other).toAction();',
  makeDevice: 'return devices.make(path, 0o20644, new Device(1, 3)).toAction();',
  getOverlay: `const found = overlay.getXattr(path, 0x100, other);
    return found.isOk ? Action.value(found.value.length * 1000 + found.value[1]) : found.failure();`,
  setOverlay: 'return overlay.setXattr(path, 0x100, other, bytes, 2).toAction();',
  listOverlay: `const found = overlay.listXattr(path);
    return found.isOk ? Action.value(found.value.length) : found.failure();`,
  removeOverlay: 'return overlay.removeXattr(path, 0x1000, other).toAction();',
  unmount: 'return mounts.unmount(path, 8).toAction();',
  unmountSparing: `return mounts.unmountSparing(path, 8, ['/b', '/c']).toAction();`,
  setAttributes: 'return mounts.setAttributes(path, true, 0x100000001, 2, 7).toAction();',
  setAttributesAlone: 'return mounts.setAttributes(path, false, 1, 0).toAction();',
  memorySize: `const size = memory.size(1);
    return size.isOk ? Action.value(size.value) : size.failure();`,
  memoryRead: `const read = memory.read(0, 2, 0xffffffff);
    return read.isOk ? Action.value(read.value.length * 1000 + read.value[0]) : read.failure();`,
  memoryWrite: 'return memory.write(2, 8, bytes).toAction();',
  memoryWriteHuge: 'return memory.write(2, 8, new Uint8Array(65537)).toAction();',
  take: `const taken = descriptors.take(7);
    return taken.isOk ? Action.value(taken.value) : taken.failure();`,
  takeNone: `const taken = descriptors.take(-100);
    return taken.isOk ? Action.value(taken.value) : taken.failure();`,
  install: `const fd = descriptors.install(3, true);
    return fd.isOk ? Action.value(fd.value) : fd.failure();`,
  installFar: `const fd = descriptors.install(0xffffffff, true);
    return fd.isOk ? Action.value(fd.value) : fd.failure();`,
  replace: 'return descriptors.replace(3, 5, false).toAction();',
  describe: `const found = descriptors.stat(4);
    return found.isOk ? Action.value(found.value.inode) : found.failure();`,
  credentials: `const found = caller.credentials();
    if (!found.isOk) return found.failure();
    const who = found.value;
    let sum: i64 = who.uid.real + who.uid.effective * 2 + who.uid.saved * 3 + who.uid.filesystem * 4;
    sum += who.gid.real * 5 + who.gid.effective * 6 + who.gid.saved * 7 + who.gid.filesystem * 8;
    for (let i = 0; i < who.groups.length; i++) sum += who.groups[i] * 1000;
    sum += who.umask * 100000000 + (who.noNewPrivileges ? 1000000000000 : 0);
    const sets = who.capabilities;
    if (sets.inheritable != 1 || sets.permitted != 2 || sets.effective != 0x8000000000000003) return Action.fail(Errno.EIO);
    if (sets.bounding != 4 || sets.ambient != 5) return Action.fail(Errno.EIO);
    return Action.value(sum);`,
  comm: `const name = caller.comm();
    if (!name.isOk) return name.failure();
    log.info(String.UTF8.decode(name.value.buffer));
    return Action.value(name.value.length);`,
  process: `const found = caller.process();
    if (!found.isOk) return found.failure();
    return Action.value(found.value.isFirst ? <i64>found.value.age : -5000);`,
  hasCapability: `const has = caller.hasCapability(21, UserNamespace.OfMounts);
    if (!has.isOk) return has.failure();
    return Action.value(has.value ? 1 : 0);`,
  container: `const pairs = container.annotations();
    log.info(container.id() + ' ' + pairs.size.toString() + ' ' + (pairs.has('ä') ? pairs.get('ä') : ''));
    return container.kill().toAction();`,
  freeze: `const frozen = container.freeze();
    return frozen.isOk ? container.thaw().toAction() : frozen.toAction();`,
  state: `if (state.get('k') !== null) return Action.fail(Errno.EIO);
    const kept = state.set('k', bytes);
    if (!kept.isOk) return kept.toAction();
    const value = state.get('k');
    if (value === null || value.length != 3 || value[2] != bytes[2]) return Action.fail(Errno.EIO);
    if (!state.remove('k') || state.remove('k')) return Action.fail(Errno.EIO);
    state.add('n', 40);
    const sum = state.add('n', -42);
    return sum.isOk ? Action.value(sum.value - 5000) : sum.failure();`,
  clock: `const first = clock.monotonic();
    if (clock.monotonic() < first || clock.wall() < 1700000000000000000) return Action.fail(Errno.EIO);
    return Action.value(clock.wall() / 1000000);`,
  perform: 'return Action.perform();',
  descriptor: 'return Action.descriptor(0xffffffff, false);',
  lateDescriptor: 'return Action.descriptor(1, false).after(1);',
  latePerform: 'return Action.perform().after(1);',
  valueOfFailure: 'return Action.value(memory.size(5).value);',
  failureOfValue: 'return memory.size(1).failure();',
};

const names = Object.keys(cases);
let component: LoadedComponent;

beforeAll(async () => {
  const bodies = Object.values(cases).map((body, mode) => `case ${mode}: { ${body} }`);
  const built = await buildText(`
    import {
      Action, Device, Errno, Path, UserNamespace, caller, clock, container, descriptors, devices,
      filesystem, log, memory, mounts, overlay, state,
    } from '@seccompagent/guest-sdk';
    const other = Path.fromString('user.other');
    const bytes = new Uint8Array(3);
    bytes[2] = 9;
    export function mkdir(path: Path, mode: u32): Action {
      switch (mode) { ${bodies.join('\n')} }
      return Action.next();
    }`);
  component = loadComponent(built.component);
}, 60_000);

interface Session {
  readonly host: RecordingHost;
  readonly run: (name: keyof typeof cases) => Action;
}

function session(): Session {
  const host = new RecordingHost();
  const instance = new HandlerInstance(component, [], host);
  const syscall = new Syscalls().byName('mkdir');
  if (syscall === undefined) throw new Error('no mkdir');
  const call = new ReceivedCall();
  return {
    host,
    run: (name) => {
      fillCall(call, 'mkdir', ['/a', names.indexOf(name)]);
      return instance.ask(call, syscall);
    },
  };
}

const ok = { kind: 'value', value: 0n };
const path = bytesOf('/a');
const other = bytesOf('user.other');

test.for([
  ['mknod', { operation: 'mknod', path, mode: 0o20644, first: 1, second: 3, isLent: false }],
  ['makeDevice', { operation: 'mknod', path, mode: 0o20644, first: 1, second: 3, isLent: true }],
  ['chmod', { operation: 'chmod', path, mode: 0o700, flags: 0x100 }],
  ['chown', { operation: 'chown', path, first: 0xffff_ffff, second: 1000, flags: 0x100 }],
  ['rename', { operation: 'rename', path, secondPath: other, flags: 1 }],
  ['link', { operation: 'link', path, secondPath: other, flags: 0x400 }],
  ['symlink', { operation: 'symlink', path, secondPath: other }],
  ['unlink', { operation: 'unlink', path, flags: 0x200 }],
  [
    'setXattr',
    {
      operation: 'setXattr',
      path,
      name: other,
      value: Uint8Array.of(0, 0, 9),
      flags: 0x102,
      isLent: false,
    },
  ],
  [
    'setOverlay',
    {
      operation: 'setXattr',
      path,
      name: other,
      value: Uint8Array.of(0, 0, 9),
      flags: 0x102,
      isLent: true,
    },
  ],
  ['removeXattr', { operation: 'removeXattr', path, name: other, flags: 0x1000, isLent: false }],
  ['removeOverlay', { operation: 'removeXattr', path, name: other, flags: 0x1000, isLent: true }],
  ['unmount', { operation: 'unmount', path, flags: 8, value: null }],
  ['unmountSparing', { operation: 'unmount', path, flags: 8, value: bytesOf('/b\0/c\0') }],
  [
    'setAttributes',
    {
      operation: 'setMountAttributes',
      path,
      flags: 0x8000,
      first: 1,
      second: 1,
      low: 2,
      high: 0,
      descriptor: 7,
    },
  ],
  ['setAttributesAlone', { operation: 'setMountAttributes', flags: 0, first: 1, descriptor: -1 }],
] as const)('capabilities: %s asks for it, and passes an errno on', ([name, asked]) => {
  const { host, run } = session();
  expect(run(name)).toEqual(ok);
  expect(host.calls).toEqual([expect.objectContaining({ kind: 'operate', ...asked })]);
  host.prepare(errnoNumber('EROFS'), gone);
  expect(run(name)).toMatchObject({ kind: 'fail', errno: 'EROFS' });
  expect(run(name)).toMatchObject({ kind: 'fail', errno: 'EINTR' });
});

test.for([
  ['openBadFlags', 'EINVAL'],
  ['chmodBadFlags', 'EINVAL'],
  ['setXattrBadFlags', 'EINVAL'],
  ['setXattrBadName', 'ERANGE'],
  ['setXattrBadValue', 'E2BIG'],
  ['memoryWriteHuge', 'EINVAL'],
  ['takeNone', 'EBADF'],
  ['installFar', 'EBADF'],
] as const)('M1: capabilities: %s is %s, and nobody is asked', ([name, errno]) => {
  const { host, run } = session();
  expect(run(name)).toMatchObject({ kind: 'fail', errno });
  expect(host.calls).toEqual([]);
});

test('capabilities: a file that was opened is the answer', () => {
  const { host, run } = session();
  host.prepareResult({ descriptor: 5 });
  expect(run('open')).toEqual({ kind: 'descriptor', descriptor: 5, isCloseOnExec: true });
  expect(host.calls).toEqual([
    expect.objectContaining({
      operation: 'open',
      path,
      flags: 0x80041,
      mode: 0o600,
      low: 0,
      high: 0,
    }),
  ]);
  host.prepare(0, errnoNumber('EXDEV'));
  expect(run('openRestricted')).toEqual({ kind: 'value', value: 1n });
  expect(host.calls[1]).toMatchObject({ operation: 'open', low: 8, high: 0, isStrict: false });
  expect(run('openRestricted')).toMatchObject({ kind: 'fail', errno: 'EXDEV' });
  host.prepare(errnoNumber('ENOENT'));
  expect(run('open')).toMatchObject({ kind: 'fail', errno: 'ENOENT' });
});

function statOf(...numbers: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigInt64Array.from(numbers).buffer);
}

test('capabilities: a file status arrives, each number in its place', () => {
  const { host, run } = session();
  host.prepareResult({ bytes: statOf(...statNumbers.map((_, index) => BigInt(index % 9) + 1n)) });
  expect(run('stat')).toEqual({ kind: 'value', value: 654_321_987_654_321n });
  host.prepare(errnoNumber('EACCES'));
  expect(run('stat')).toMatchObject({ errno: 'EACCES' });
  host.prepareResult({ bytes: statOf(...statNumbers.map(() => 77n)) });
  expect(run('describe')).toEqual({ kind: 'value', value: 77n });
  expect(host.calls.at(-1)).toMatchObject({ operation: 'stat', path: null, descriptor: 4 });
});

test('capabilities: attributes of overlays arrive', () => {
  const { host, run } = session();
  host.prepareResult({ bytes: Uint8Array.of(1, 2, 3) }, { bytes: new Uint8Array(100) });
  expect(run('getOverlay')).toEqual({ kind: 'value', value: 3002n });
  expect(run('listOverlay')).toEqual({ kind: 'value', value: 100n });
  expect(host.calls).toEqual([
    expect.objectContaining({ operation: 'getXattr', name: other, flags: 0x100, isLent: true }),
    expect.objectContaining({ operation: 'listXattr', path, isLent: true }),
  ]);
  host.prepare(errnoNumber('EPERM'));
  expect(run('getOverlay')).toMatchObject({ errno: 'EPERM' });
});

test('capabilities: bytes arrive', () => {
  const { host, run } = session();
  // the second is that of the directory that is made
  host.prepareResult({ bytes: bytesOf('/to') }, {}, { bytes: Uint8Array.of(1, 2, 3) });
  expect(run('readLink')).toEqual(ok);
  expect(host.calls.at(-1)).toMatchObject({ operation: 'mkdir', path: bytesOf('/to'), mode: 0 });
  expect(run('getXattr')).toEqual({ kind: 'value', value: 3002n });
  host.prepareResult({ bytes: new Uint8Array(65_536) });
  expect(run('listXattr')).toEqual({ kind: 'value', value: 65_536n });
  expect(run('listXattr')).toEqual(ok);
  host.prepare(errnoNumber('ENODATA'));
  expect(run('getXattr')).toMatchObject({ errno: 'ENODATA' });
});

test('capabilities: memory is named by arguments', () => {
  const { host, run } = session();
  host.memory = new Map([
    [0, bytesOf('abcdef')],
    [1, new Uint8Array(9)],
  ]);
  expect(run('memorySize')).toEqual({ kind: 'value', value: 9n });
  expect(run('memoryRead')).toEqual({ kind: 'value', value: 4099n });
  expect(host.calls).toEqual([{ kind: 'read', argument: 0, offset: 2n, max: 65_536 }]);
  expect(run('memoryWrite')).toEqual(ok);
  expect(host.calls.at(-1)).toEqual({
    kind: 'write',
    argument: 2,
    offset: 8n,
    bytes: Uint8Array.of(0, 0, 9),
  });
  host.memory = new Map();
  expect(run('memorySize')).toMatchObject({ errno: 'EINVAL' });
  expect(run('memoryRead')).toMatchObject({ errno: 'EINVAL' });
  host.prepare(errnoNumber('EOPNOTSUPP'));
  expect(run('memoryWrite')).toMatchObject({ errno: 'EOPNOTSUPP' });
});

test('capabilities: descriptors are taken and given', () => {
  const { host, run } = session();
  host.prepare(2, 11, 5, -errnoNumber('EBADF'), -errnoNumber('EMFILE'), -errnoNumber('EBUSY'));
  expect(run('take')).toEqual({ kind: 'value', value: 2n });
  expect(run('install')).toEqual({ kind: 'value', value: 11n });
  expect(run('replace')).toEqual(ok);
  expect(run('take')).toMatchObject({ errno: 'EBADF' });
  expect(run('install')).toMatchObject({ errno: 'EMFILE' });
  expect(run('replace')).toMatchObject({ errno: 'EBUSY' });
  expect(host.calls.slice(0, 3)).toEqual([
    { kind: 'take', fd: 7 },
    { kind: 'install', descriptor: 3, isCloseOnExec: true },
    { kind: 'replace', descriptor: 3, fd: 5, isCloseOnExec: false },
  ]);
});

function credentialsOf(groups: readonly number[], count = groups.length): Uint8Array {
  const bytes = new Uint8Array(credentialsLayout.groups + groups.length * 4);
  const view = new DataView(bytes.buffer);
  for (let id = 0; id < 8; id += 1) view.setUint32(credentialsLayout.uid + id * 4, id + 1, true);
  view.setUint32(credentialsLayout.umask, 0o22, true);
  view.setUint32(credentialsLayout.noNewPrivileges, 1, true);
  [1n, 2n, 0x8000_0000_0000_0003n, 4n, 5n].forEach((set, index) => {
    view.setBigUint64(credentialsLayout.capabilities + index * 8, set, true);
  });
  view.setUint32(credentialsLayout.commLength, 3, true);
  bytes.set(bytesOf('cat'), credentialsLayout.comm);
  view.setUint32(credentialsLayout.groupCount, count, true);
  groups.forEach((group, index) => {
    view.setUint32(credentialsLayout.groups + index * 4, group, true);
  });
  return bytes;
}

test('capabilities: credentials arrive, each in its place', () => {
  const { host, run } = session();
  host.caller = credentialsOf([7, 8]);
  const ids = [1, 2, 3, 4, 5, 6, 7, 8].reduce((sum, id) => sum + id * id, 0);
  const value = BigInt(ids + 15_000 + 18 * 100_000_000 + 1_000_000_000_000);
  expect(run('credentials')).toEqual({ kind: 'value', value });
  expect(run('comm')).toEqual({ kind: 'value', value: 3n });
  expect(host.calls).toEqual([{ kind: 'log', level: 'info', message: 'cat' }]);
  host.caller = gone;
  expect(run('credentials')).toMatchObject({ errno: 'EINTR' });
  expect(run('comm')).toMatchObject({ errno: 'EINTR' });
});

test('M1: capabilities: more groups than there is room for are cut', () => {
  const { host, run } = session();
  host.caller = credentialsOf(Array.from({ length: 65_536 }, () => 1));
  expect(run('credentials')).toMatchObject({ kind: 'value' });
  host.caller = credentialsOf([1, 1], 0xffff_ffff);
  expect(run('credentials')).toMatchObject({ kind: 'value' });
});

test('capabilities: the process of the caller has an age, and may be the first', () => {
  const { host, run } = session();
  const process = new Uint8Array(processLayout.size);
  const view = new DataView(process.buffer);
  view.setBigUint64(processLayout.age, 2n ** 40n, true);
  host.callingProcess = process;
  expect(run('process')).toEqual({ kind: 'value', value: -5000n });
  view.setUint32(processLayout.isFirst, 1, true);
  expect(run('process')).toEqual({ kind: 'value', value: 2n ** 40n });
  host.callingProcess = gone;
  expect(run('process')).toMatchObject({ errno: 'EINTR' });
});

test('capabilities: a Linux capability is looked for in a user namespace', () => {
  const { host, run } = session();
  host.prepare(1, 0, -errnoNumber('ESRCH'));
  expect(run('hasCapability')).toEqual({ kind: 'value', value: 1n });
  expect(run('hasCapability')).toEqual(ok);
  expect(run('hasCapability')).toMatchObject({ errno: 'ESRCH' });
  expect(host.calls[0]).toEqual({
    kind: 'capability',
    capability: 21,
    where: userNamespace.ofMounts,
  });
});

test('capabilities: the container has a name and annotations, and is killed and frozen', () => {
  const { host, run } = session();
  host.annotations = [
    ['ä', 'ö'],
    ['', ''],
  ];
  expect(run('container')).toEqual(ok);
  host.annotations = [];
  host.prepare(errnoNumber('ESRCH'), 0, errnoNumber('EOPNOTSUPP'));
  expect(run('container')).toMatchObject({ errno: 'ESRCH' });
  expect(run('freeze')).toMatchObject({ errno: 'EOPNOTSUPP' });
  expect(host.calls).toEqual([
    { kind: 'log', level: 'info', message: 'c1 2 ö' },
    { kind: 'kill' },
    { kind: 'log', level: 'info', message: 'c1 0 ' },
    { kind: 'kill' },
    { kind: 'freeze', isFrozen: true },
    { kind: 'freeze', isFrozen: false },
  ]);
});

test('capabilities: stored state comes back', () => {
  const { host, run } = session();
  expect(run('state')).toEqual({ kind: 'value', value: -5002n });
  host.prepare(errnoNumber('ENOSPC'));
  expect(run('state')).toMatchObject({ errno: 'ENOSPC' });
});

test('capabilities: the clocks run', () => {
  const before = BigInt(Date.now());
  const answer = session().run('clock');
  const value = answer.kind === 'value' ? answer.value : -1n;
  expect(value).toBeGreaterThanOrEqual(before);
  expect(value).toBeLessThanOrEqual(BigInt(Date.now()));
});

test('action: perform and a descriptor are answers, and never late', () => {
  const { run } = session();
  expect(run('perform')).toEqual({ kind: 'perform' });
  expect(run('descriptor')).toEqual({
    kind: 'descriptor',
    descriptor: 0xffff_ffff,
    isCloseOnExec: false,
  });
  for (const name of ['lateDescriptor', 'latePerform'] as const) {
    expect(() => session().run(name)).toThrow(failure('AGENT_HANDLER_FAILED', 'mkdir'));
  }
});

test('result: the value of a failure is a trap, and so is the failure of a value', () => {
  const first = session();
  expect(() => first.run('valueOfFailure')).toThrow(failure('AGENT_HANDLER_FAILED', 'mkdir'));
  const second = session();
  second.host.memory = new Map([[1, new Uint8Array(1)]]);
  expect(() => second.run('failureOfValue')).toThrow(failure('AGENT_HANDLER_FAILED', 'mkdir'));
});
