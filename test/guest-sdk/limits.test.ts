// SPDX-License-Identifier: Apache-2.0
// Tests every limit of a grant with a real component: what is within it reaches the host, what is
// beyond it fails with EPERM and reaches nothing.
import { beforeAll, describe, expect, test } from 'vitest';

import type { Action } from '../../host/call/action.ts';
import { capabilities } from '../../host/handler/capabilities/offered.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { HandlerInstance } from '../../host/handler/instance.ts';
import { limited } from '../../host/worker/limited-host.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { grantable } from '../../host/bundles/grant-limits.ts';
import { parseAllowed } from '../../host/bundles/grant-parser.ts';
import type { Grants } from '../../host/registry/grants.ts';
import { RecordingHost, fillCall } from '../support/handler-harness.ts';
import type { HostCall } from '../support/handler-harness.ts';
import { buildText } from './scratch-handler.ts';

const answered = (call: string): string =>
  `const got = ${call}; return got.isOk ? Action.value(1) : got.failure();`;

/** The body of `mkdir(path, mode)` for each function that a limit can stop. */
const filesystemCases = {
  'filesystem.mkdir': 'return filesystem.mkdir(path, 0o755).toAction();',
  'filesystem.mknod': 'return filesystem.mknod(path, 0o20644, new Device(1, 3)).toAction();',
  'filesystem.open': answered('filesystem.open(path, 0, 0)'),
  'filesystem.chmod': 'return filesystem.chmod(path, 0o700).toAction();',
  'filesystem.chown': 'return filesystem.chown(path, 0, 0).toAction();',
  'filesystem.rename': 'return filesystem.rename(path, other).toAction();',
  'filesystem.link': 'return filesystem.link(path, other).toAction();',
  'filesystem.symlink': 'return filesystem.symlink(other, path).toAction();',
  'filesystem.unlink': 'return filesystem.unlink(path).toAction();',
  'filesystem.resolve': answered('filesystem.resolve(path)'),
  'filesystem.resolve-new': answered('filesystem.resolveNew(path)'),
  'filesystem.stat': answered('filesystem.stat(path)'),
  'filesystem.read-link': answered('filesystem.readLink(path)'),
  'filesystem.get-xattr': answered('filesystem.getXattr(path, 0, other)'),
  'filesystem.set-xattr': 'return filesystem.setXattr(path, 0, other, bytes).toAction();',
  'filesystem.list-xattr': answered('filesystem.listXattr(path)'),
  'filesystem.remove-xattr': 'return filesystem.removeXattr(path, 0, other).toAction();',
} as const;

const cases: Readonly<Record<string, string>> = {
  ...filesystemCases,
  'filesystem.is-below': `const got = filesystem.isBelow(path, '/b');
    return got.isOk ? Action.value(1) : got.failure();`,
  'filesystem.is-above': `const got = filesystem.isAbove(path, '/b');
    return got.isOk ? Action.value(1) : got.failure();`,
  'mounts.mount': `return mounts.mount(null, path, Path.fromString('proc'), 0, null).toAction();`,
  'mounts.mount of sysfs': `return mounts.mount(null, path, Path.fromString('sysfs'), 0, null)
    .toAction();`,
  'mounts.mount of proc2': `return mounts.mount(null, path, Path.fromString('proc2'), 0, null)
    .toAction();`,
  'mounts.mount of nothing': 'return mounts.mount(null, path, null, 0, null).toAction();',
  'mounts.unmount': 'return mounts.unmount(path, 0).toAction();',
  'mounts.unmount-sparing': `return mounts.unmountSparing(path, 0, ['/b']).toAction();`,
  'mounts.set-attributes': 'return mounts.setAttributes(path, false, 1, 0).toAction();',
  'devices.make': 'return devices.make(path, 0o20644, new Device(1, 3)).toAction();',
  'devices.make of 1:5': 'return devices.make(path, 0o20644, new Device(1, 5)).toAction();',
  'devices.make of a block': 'return devices.make(path, 0o60644, new Device(1, 3)).toAction();',
  'container.get-resources': answered('container.resources()'),
  'container.kill': 'return container.kill().toAction();',
  'container.freeze': 'return container.freeze().toAction();',
  'container.thaw': 'return container.thaw().toAction();',
  'memory.read': answered('memory.read(0, 0, 1)'),
  'memory.read-strings': answered('memory.readStrings(1)'),
  'memory.write': 'return memory.write(1, 0, bytes).toAction();',
  'descriptors.take': answered('descriptors.take(3)'),
  'descriptors.install': answered('descriptors.install(3, true)'),
  'descriptors.replace': 'return descriptors.replace(3, 4, true).toAction();',
  'descriptors.stat': answered('descriptors.stat(3)'),
  'overlay.get-xattr': answered('overlay.getXattr(path, 0, other)'),
  'overlay.set-xattr': 'return overlay.setXattr(path, 0, other, bytes).toAction();',
  'overlay.list-xattr': answered('overlay.listXattr(path)'),
  'overlay.remove-xattr': 'return overlay.removeXattr(path, 0, other).toAction();',
  'caller.has-capability': answered('caller.hasCapability(21, UserNamespace.OfHost)'),
  'caller.comm': answered('caller.comm()'),
  'caller.get-process': answered('caller.process()'),
  'caller.get-credentials': answered('caller.credentials()'),
  'container.id': 'return Action.value(container.id().length);',
  'memory.size': answered('memory.size(0)'),
  'state.set': `for (let i = 0; i < 3; i++) {
      if (!state.set(i.toString(), bytes).isOk) return Action.value(i);
    }
    return Action.value(3);`,
  'state.add': `for (let i = 0; i < 3; i++) {
      const sum = state.add(i.toString(), 1);
      if (!sum.isOk) return sum.failure();
    }
    return state.add('0', 1).isOk ? Action.value(3) : Action.next();`,
};

const names = Object.keys(cases);
let component: LoadedComponent;

beforeAll(async () => {
  const bodies = Object.values(cases).map((body, mode) => `case ${mode}: { ${body} }`);
  const built = await buildText(`
    import {
      Action, Device, Path, UserNamespace, caller, container, descriptors, devices, filesystem,
      memory, mounts, overlay, state,
    } from '@seccompagent/guest-sdk';
    const other = Path.fromString('/other');
    const bytes = new Uint8Array(3);
    export function mkdir(path: Path, mode: u32): Action {
      switch (mode) { ${bodies.join('\n')} }
      return Action.next();
    }`);
  component = loadComponent(built.component);
}, 60_000);

const granted = (value: unknown): Grants =>
  parseAllowed(value, (keys, what) => {
    throw new Error(`${keys.join('.')} ${what}`);
  });

interface Outcome {
  readonly answer: string;
  readonly calls: readonly HostCall[];
  readonly refused: readonly string[];
}

/** Runs a case with grants: everything that it does not name is not limited. */
function run(name: string, limits: Readonly<Record<string, unknown>>): Outcome {
  const host = new RecordingHost();
  host.memory = new Map([[0, new Uint8Array(8)]]);
  host.strings = new Map([[1, { items: [], isTruncated: false }]]);
  const refused: string[] = [];
  const all = Object.fromEntries(grantable.map((capability) => [capability, {}]));
  const within = limited(host, granted({ ...all, ...limits }), (what) => {
    refused.push(what);
  });
  const instance = new HandlerInstance(component, [], within);
  const syscall = new Syscalls().byName('mkdir');
  if (syscall === undefined) throw new Error('no mkdir');
  const call = new ReceivedCall();
  fillCall(call, 'mkdir', ['/a', names.indexOf(name)]);
  return { answer: textOf(instance.ask(call, syscall)), calls: host.calls, refused };
}

function textOf(action: Action): string {
  if (action.kind === 'fail') return action.errno;
  return action.kind === 'value' ? String(action.value) : action.kind;
}

/** Each function that `operations` can name, and another one of its interface. */
const stoppable = names.flatMap((name) => {
  const [capability = '', operation = ''] = name.split('.');
  if (!/^(?:filesystem|mounts|container|memory|descriptors)$/u.test(capability)) return [];
  if (name.includes(' ') || name === 'container.id' || name === 'memory.size') return [];
  const others: Readonly<Record<string, string>> = {
    filesystem: operation === 'mkdir' ? 'open' : 'mkdir',
    mounts: operation === 'mount' ? 'unmount' : 'mount',
    container: operation === 'kill' ? 'thaw' : 'kill',
    memory: operation === 'read' ? 'write' : 'read',
    descriptors: operation === 'take' ? 'stat' : 'take',
  };
  return [{ name, capability, operation, other: others[capability] ?? '' }];
});

describe('limits: operations', () => {
  test('there is a case for each that can be named', () => {
    for (const capability of ['filesystem', 'mounts', 'container', 'memory', 'descriptors']) {
      const operations = stoppable
        .filter((each) => each.capability === capability)
        .map(({ operation }) => operation);
      const functions = capabilities.find(({ name }) => name === capability)?.functions.keys();
      // what cannot fail, and the size of what may be read
      const others = ['id', 'annotations', 'size'];
      expect(operations.toSorted()).toEqual(
        [...(functions ?? [])].filter((name) => !others.includes(name)).toSorted(),
      );
    }
  });

  test.for(stoppable)('limits: $name is done where it is granted', (each) => {
    const limits = { [each.capability]: { operations: [each.operation] } };
    expect(run(each.name, limits)).toEqual({ ...run(each.name, {}), refused: [] });
    expect(run(each.name, limits).answer).not.toBe('EPERM');
  });

  test.for(stoppable)('limits: $name is refused where $other alone is granted', (each) => {
    const limits = { [each.capability]: { operations: [each.other] } };
    expect(run(each.name, limits)).toEqual({ answer: 'EPERM', calls: [], refused: [each.name] });
  });

  test.for(['caller', 'overlay'].flatMap((one) => names.filter((name) => name.startsWith(one))))(
    'limits: %s is not stopped by those of others',
    (name) => {
      const limits = {
        filesystem: { operations: ['mkdir'], paths: ['/work'] },
        mounts: { operations: ['mount'] },
        devices: { nodes: ['c 1:9'] },
        memory: { operations: ['read'] },
      };
      expect(run(name, limits)).toEqual(run(name, {}));
    },
  );

  test('limits: programs that only give are not stopped', () => {
    expect(run('container.id', { container: { operations: ['kill'] } }).answer).toBe('2');
    expect(run('memory.size', { memory: { operations: ['write'] } }).answer).toBe('1');
  });
});

describe('limits: others', () => {
  test.for(Object.keys(filesystemCases))('limits: paths of %s are the kernel’s to keep', (name) => {
    const { calls, refused } = run(name, { filesystem: { paths: ['/work', '/b c'] } });
    expect(calls).toMatchObject([{ kind: 'operate', within: ['/work', '/b c'] }]);
    expect(refused).toEqual([]);
  });

  test.for([
    'devices.make',
    'overlay.set-xattr',
    'descriptors.stat',
    'filesystem.is-below',
    'mounts.unmount',
  ])('limits: paths are none of %s', (name) => {
    const { calls } = run(name, { filesystem: { paths: ['/work'] } });
    expect(calls).toHaveLength(1);
    expect(calls[0]).not.toHaveProperty('within');
  });

  test('limits: the root folder is no limit', () => {
    const { calls } = run('filesystem.mkdir', { filesystem: { paths: ['/'] } });
    expect(calls[0]).not.toHaveProperty('within');
  });

  test.for([
    ['mounts.mount', '0'],
    ['mounts.mount of sysfs', 'EPERM'],
    ['mounts.mount of proc2', 'EPERM'],
    ['mounts.mount of nothing', 'EPERM'],
    ['mounts.unmount', '0'],
  ] as const)('limits: file systems: %s is answered %s', ([name, answer]) => {
    const outcome = run(name, { mounts: { filesystems: ['proc'] } });
    expect(outcome.answer).toBe(answer);
    expect(outcome.calls).toHaveLength(answer === '0' ? 1 : 0);
    expect(outcome.refused).toEqual(answer === '0' ? [] : ['mounts.mount']);
  });

  test.for([
    ['devices.make', '0'],
    ['devices.make of 1:5', 'EPERM'],
    ['devices.make of a block', 'EPERM'],
    ['filesystem.mknod', '0'],
  ] as const)('limits: nodes: %s is answered %s', ([name, answer]) => {
    const outcome = run(name, { devices: { nodes: ['c 1:3'] } });
    expect(outcome.answer).toBe(answer);
    expect(outcome.refused).toEqual(answer === '0' ? [] : ['devices.make']);
  });

  test('limits: keys: more than they are is ENOSPC, and what is there can be changed', () => {
    expect(run('state.set', { state: { keys: 2 } }).answer).toBe('2');
    expect(run('state.set', {}).answer).toBe('3');
    expect(run('state.add', { state: { keys: 2 } }).answer).toBe('ENOSPC');
    expect(run('state.add', { state: { keys: 3 } }).answer).toBe('3');
  });
});
