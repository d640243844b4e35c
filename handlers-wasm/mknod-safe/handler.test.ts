// SPDX-License-Identifier: Apache-2.0
// Tests the built handler mknod-safe.
import { expect, test } from 'vitest';

import { errnoNumber } from '../../host/syscalls/errno.ts';
import { failureOf } from '../../test/support/agent-failure.ts';
import { HandlerHarness, shippedComponent } from '../../test/support/handler-harness.ts';

const file = shippedComponent('mknod-safe');
const path = new TextEncoder().encode('/dev/x');
const characters = 0o020666;

/** As new_encode_dev of the kernel has it. */
function deviceOf(major: number, minor: number): number {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
}

const always = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
  ['console', 5, 1],
] as const;

const bySetting = [
  ['fuse', 10, 229],
  ['net-tun', 10, 200],
] as const;

test('mknod-safe: it answers mknod with two capabilities', () => {
  expect(new HandlerHarness(file).component).toMatchObject({
    answers: ['mknod'],
    imports: ['devices', 'filesystem'],
    isConfigurable: true,
  });
});

test.for(always)('mknod-safe: %s is made with lent power', ([, major, minor]) => {
  const handler = new HandlerHarness(file);
  expect(handler.ask('mknod', '/dev/x', characters, deviceOf(major, minor))).toEqual({
    kind: 'value',
    value: 0n,
  });
  expect(handler.calls).toEqual([
    expect.objectContaining({
      operation: 'mknod',
      path,
      mode: characters,
      first: major,
      second: minor,
      isLent: true,
    }),
  ]);
});

test('K21: mknod-safe: mknodat is answered as mknod is', () => {
  const handler = new HandlerHarness(file);
  handler.ask('mknodat', -100, '/dev/x', characters, deviceOf(1, 3));
  expect(handler.calls).toEqual([expect.objectContaining({ path, first: 1, isLent: true })]);
});

test.for(bySetting)('mknod-safe: %s needs its setting', ([name, major, minor]) => {
  const device = deviceOf(major, minor);
  for (const settings of [{}, { [name]: 'false' }]) {
    const refusing = new HandlerHarness(file, settings);
    expect(refusing.ask('mknod', '/dev/x', characters, device)).toEqual({ kind: 'continue' });
    expect(refusing.calls).toEqual([]);
  }
  const making = new HandlerHarness(file, { [name]: 'true' });
  expect(making.ask('mknod', '/dev/x', characters, device)).toMatchObject({ kind: 'value' });
  expect(making.calls).toEqual([expect.objectContaining({ first: major, isLent: true })]);
});

test('A7: mknod-safe: with its setting a whiteout is made without lent power', () => {
  const refusing = new HandlerHarness(file);
  expect(refusing.ask('mknod', '/dev/x', characters, 0)).toEqual({ kind: 'continue' });
  const making = new HandlerHarness(file, { whiteout: 'true' });
  expect(making.ask('mknod', '/dev/x', characters, 0)).toMatchObject({ kind: 'value' });
  expect(making.calls).toEqual([
    expect.objectContaining({ operation: 'mknod', first: 0, second: 0, isLent: false }),
  ]);
});

test.for([
  ['memory', characters, deviceOf(1, 1)],
  ['kernel memory', characters, deviceOf(1, 2)],
  ['ports', characters, deviceOf(1, 4)],
  ['a minor that begins like that of null', characters, deviceOf(1, 3 + 256)],
  ['a major that begins like that of null', characters, deviceOf(257, 3)],
  ['the terminal multiplexer', characters, deviceOf(5, 2)],
  ['a block device with the numbers of null', 0o060666, deviceOf(1, 3)],
  ['a FIFO with the numbers of null', 0o010666, deviceOf(1, 3)],
  ['a regular file with the numbers of null', 0o100666, deviceOf(1, 3)],
  ['a file without a type with the numbers of null', 0o666, deviceOf(1, 3)],
  ['a block device without numbers', 0o060666, 0],
] as const)('A7, K1: mknod-safe: the kernel judges %s', ([, mode, device]) => {
  const handler = new HandlerHarness(file, { fuse: 'true', 'net-tun': 'true', whiteout: 'true' });
  expect(handler.ask('mknod', '/dev/x', mode, device)).toEqual({ kind: 'continue' });
  expect(handler.calls).toEqual([]);
});

test('mknod-safe: an errno is passed on', () => {
  const handler = new HandlerHarness(file);
  handler.host.prepare(errnoNumber('EEXIST'));
  expect(handler.ask('mknod', '/dev/x', characters, deviceOf(1, 3))).toMatchObject({
    kind: 'fail',
    errno: 'EEXIST',
  });
});

test('G3: mknod-safe: a setting that must be true or false is refused', () => {
  for (const name of ['fuse', 'net-tun', 'whiteout']) {
    expect(failureOf(() => new HandlerHarness(file, { [name]: 'yes' }))).toMatchObject({
      code: 'AGENT_SETTING_INVALID',
      message: expect.stringContaining(name),
    });
  }
});
