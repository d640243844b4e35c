// SPDX-License-Identifier: Apache-2.0
// What a handler must do that makes directories under a name with a suffix, whatever language it is
// written in.
import { expect, test } from 'vitest';

import { gone } from '../../host/call/host.ts';
import { errnoNumber } from '../../host/syscalls/errno.ts';
import { failure } from './failures.ts';
import { HandlerHarness, shippedComponent } from './handler-harness.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** @param name of the handler and of its bundle */
export function testMkdirSuffix(name: string): void {
  const file = shippedComponent(name);
  const handlerWith = (suffix: string): HandlerHarness => new HandlerHarness(file, { suffix });

  test(`${name}: it answers mkdir with the capability filesystem and nothing else`, () => {
    const { component } = handlerWith('-s');
    expect(component).toMatchObject({
      answers: ['mkdir'],
      imports: ['filesystem'],
      isConfigurable: true,
    });
  });

  test.for([
    ['/a/b', '/a/b-pid-1'],
    ['/a/b/', '/a/b-pid-1/'],
    ['/a/b///', '/a/b-pid-1///'],
    ['a', 'a-pid-1'],
    ['./a', './a-pid-1'],
    ['/a//b', '/a//b-pid-1'],
    ['..', '..-pid-1'],
  ] as const)(`${name}: %s becomes %s`, ([path, made]) => {
    const handler = handlerWith('-pid-1');
    expect(handler.ask('mkdir', path, 0o755)).toEqual({ kind: 'value', value: 0n });
    expect(handler.calls).toMatchObject([{ operation: 'mkdir', path: bytesOf(made), mode: 0o755 }]);
  });

  test.for([[''], ['/'], ['///']] as const)(
    `${name}: the path "%s" has no name and stays as it is`,
    ([path]) => {
      const handler = handlerWith('-s');
      handler.host.prepare(errnoNumber('ENOENT'));
      expect(handler.ask('mkdir', path, 0o700)).toMatchObject({ kind: 'fail', errno: 'ENOENT' });
      // the empty path is refused before anything is done
      const asked = path === '' ? [] : [{ operation: 'mkdir', path: bytesOf(path), mode: 0o700 }];
      expect(handler.calls).toMatchObject(asked);
    },
  );

  test(`${name}: bytes that are not UTF-8 stay what they are`, () => {
    const handler = handlerWith('-ü');
    handler.ask('mkdir', Uint8Array.of(0x2f, 0xff, 0xc3, 0x28, 0x80, 0x2f), 0o755);
    expect(handler.calls).toMatchObject([
      {
        operation: 'mkdir',
        path: Uint8Array.of(0x2f, 0xff, 0xc3, 0x28, 0x80, ...bytesOf('-ü'), 0x2f),
        mode: 0o755,
      },
    ]);
  });

  test(`${name}: mkdirat is answered with its own path and mode`, () => {
    const handler = handlerWith('-s');
    handler.ask('mkdirat', 7, 'a', 0o1777);
    expect(handler.calls).toMatchObject([
      { operation: 'mkdir', path: bytesOf('a-s'), mode: 0o1777 },
    ]);
  });

  test(`K18: ${name}: of the mode only the 16 bits of umode_t reach the operation`, () => {
    const handler = handlerWith('-s');
    handler.ask('mkdir', 'a', 0xdead_beef_0001_01c0n);
    expect(handler.calls).toMatchObject([
      { operation: 'mkdir', path: bytesOf('a-s'), mode: 0o700 },
    ]);
  });

  test.for(['EEXIST', 'EACCES', 'ENAMETOOLONG', 'EDQUOT', 'EHWPOISON'] as const)(
    `${name}: %s of the operation is the answer`,
    (errno) => {
      const handler = handlerWith('-s');
      handler.host.prepare(errnoNumber(errno));
      expect(handler.ask('mkdir', '/a', 0o755)).toMatchObject({ kind: 'fail', errno });
    },
  );

  test(`${name}: a notification that is gone is answered with EINTR, which nobody hears`, () => {
    const handler = handlerWith('-s');
    handler.host.prepare(gone);
    expect(handler.ask('mkdir', '/a', 0o755)).toMatchObject({ kind: 'fail', errno: 'EINTR' });
  });

  test(`M2: ${name}: a NULL path fails with EFAULT, and the handler is not asked`, () => {
    const handler = handlerWith('-s');
    expect(handler.ask('mkdir', null, 0o755)).toMatchObject({ kind: 'fail', errno: 'EFAULT' });
    expect(handler.calls).toEqual([]);
  });

  test.for(['ENAMETOOLONG', 'EFAULT'] as const)(
    `M2: ${name}: a path that reads as %s fails so, and the handler is not asked`,
    (errno) => {
      const handler = handlerWith('-s');
      expect(handler.ask('mkdir', { errno }, 0o755)).toMatchObject({ kind: 'fail', errno });
      expect(handler.calls).toEqual([]);
      expect(handler.instance.isBroken).toBe(false);
    },
  );

  test(`${name}: a caller whose memory cannot be read is a failure of the agent`, () => {
    const handler = handlerWith('-s');
    const ask = (): unknown => handler.ask('mkdir', { errno: 'EPERM' }, 0o755);
    expect(ask).toThrow(failure('AGENT_CALLER', 'EPERM'));
  });

  test(`M2: ${name}: the longest path is renamed whole, again and again`, () => {
    const handler = handlerWith('-s');
    const path = `/${'d'.repeat(4094)}`;
    for (let round = 0; round < 500; round += 1) handler.ask('mkdir', path, 0o755);
    expect(handler.calls).toHaveLength(500);
    expect(handler.calls.at(-1)).toMatchObject({
      operation: 'mkdir',
      path: bytesOf(`${path}-s`),
      mode: 0o755,
    });
  });

  test(`${name}: an empty suffix makes the directory that was asked for`, () => {
    const handler = handlerWith('');
    handler.ask('mkdir', '/a/', 0o755);
    expect(handler.calls).toMatchObject([
      { operation: 'mkdir', path: bytesOf('/a/'), mode: 0o755 },
    ]);
  });

  test(`G3: ${name}: without a suffix it refuses to start`, () => {
    expect(() => new HandlerHarness(file)).toThrow(failure('AGENT_SETTING_INVALID', 'suffix'));
  });

  test(`${name}: it has no opinion on calls of other families`, () => {
    const handler = handlerWith('-s');
    expect(handler.ask('chmod', '/a', 0o755)).toEqual({ kind: 'next' });
    expect(handler.calls).toEqual([]);
  });
}
