// SPDX-License-Identifier: Apache-2.0
// Tests the reader of bundle.json: what it takes, and that each mistake is named.
import { expect, test } from 'vitest';

import { parseManifest } from '../../host/bundles/manifest.ts';
import { failureOf } from '../support/agent-failure.ts';
import { failure } from '../support/failures.ts';
import { manifestMistakes, wholeManifest } from '../support/manifest-samples.ts';
import { processorMs } from '../support/processor-time.ts';

const place = '/bundles/b/bundle.json';
const { bundle, handler, setting } = wholeManifest;
const code = 'AGENT_BUNDLE_INVALID';

function parse(changes: Readonly<Record<string, unknown>> = {}): ReturnType<typeof parseManifest> {
  return parseManifest(JSON.stringify({ ...bundle, ...changes }), place);
}

const declaration = {
  key: 'SUFFIX',
  type: 'template',
  default: '-{{.Pid1}}',
  isRequired: false,
  description: 'what is added',
} as const;

test('manifest: all fields are read', () => {
  expect(parse()).toEqual({
    name: 'b-1',
    version: '1.2.3',
    description: 'text',
    settings: [declaration],
    grants: [
      {
        capability: 'filesystem',
        reason: 'makes the directory',
        limits: { operations: ['mkdir'], paths: ['/work'] },
      },
    ],
    handlers: [
      {
        component: 'mkdir-suffix.wasm',
        digest: 'ab'.repeat(32),
        syscalls: ['mkdir'],
        settings: [
          ['suffix', { kind: 'declared', declaration }],
          ['fixed', { kind: 'fixed', text: '{{.ContainerID}}' }],
        ],
        deadlineMs: 250,
        memoryPages: 32,
        only: new Map([['mkdir', { argument: 'mode', mask: 0o7000, values: [0o1000, 0] }]]),
        refuse: ['CLONE_NEWNS', 'pivot_root', 'chown'],
        advisory: ['execve'],
      },
    ],
    defaultAction: 'ENOSYS',
    failure: { kind: 'kill-container' },
  });
});

test('manifest: missing fields are absent', () => {
  const [name, version, description] = ['b', '0.1.0', 'text'];
  const text = JSON.stringify({ name, version, description, handlers: [{ component: 'a.wasm' }] });
  expect(parseManifest(text, place)).toStrictEqual({
    name,
    version,
    description,
    settings: [],
    grants: [],
    handlers: [{ component: 'a.wasm', settings: [], deadlineMs: 1000 }],
  });
});

test('manifest: a handler without settings gets all that are declared, under their own keys', () => {
  const settings = { B: { ...setting, type: 'string' }, a: { type: 'list', description: 'what' } };
  const { handlers } = parse({ settings, handlers: [{ component: 'a.wasm' }] });
  expect(handlers[0]?.settings.map(([key, source]) => [key, source.kind])).toEqual([
    ['B', 'declared'],
    ['a', 'declared'],
  ]);
});

test('A8: manifest: a list is not looked at further than it may go', () => {
  const paths = Array.from({ length: 100_000 }, (_, index) => `/${index}`);
  const grants = { filesystem: { reason: 'why', paths } };
  const began = processorMs();
  expect(() => parse({ grants })).toThrow(failure(code, 'grants.filesystem.paths', / 256 /u));
  expect(processorMs() - began).toBeLessThan(10_000);
});

test('manifest: a component has one digest, which holds for all handlers that it is of', () => {
  const { digest, ...bare } = handler;
  const one = 'ab'.repeat(32);
  expect(digest).toBe(`sha256:${one}`);
  const digests = parse({ handlers: [bare, handler] }).handlers.map((each) => each.digest);
  expect(digests).toEqual([one, one]);
  const another = 'cd'.repeat(32);
  const handlers = [handler, { ...handler, digest: `sha256:${another}` }];
  expect(() => parse({ handlers })).toThrow(failure(code, one, another));
});

test('manifest: conditions of handlers and needs of settings are read', () => {
  const settings = {
    A: { type: 'bool', needs: ['B'], description: 'what' },
    B: { type: 'string', description: 'what' },
  };
  const read = parse({ settings, handlers: [{ component: 'a.wasm', when: ['A', 'B'] }] });
  expect(read.settings.map(({ needs }) => needs)).toEqual([['B'], undefined]);
  expect(read.handlers.map(({ when }) => when)).toEqual([['A', 'B']]);
});

test.for([
  ['continue', 'continue'],
  ['errno:ENOSYS', 'ENOSYS'],
  ['errno:EPERM', 'EPERM'],
  ['kill-container', 'kill-container'],
  ['freeze-container', 'freeze-container'],
] as const)('manifest: the default %s is read', ([text, action]) => {
  expect(parse({ default: text }).defaultAction).toBe(action);
});

test.for([
  ['continue', { kind: 'continue' }],
  ['kill-container', { kind: 'kill-container' }],
  ['freeze-container', { kind: 'freeze-container' }],
  ['errno:EIO', { kind: 'errno', errno: 'EIO' }],
] as const)('manifest: the failure policy %s is read', ([text, policy]) => {
  expect(parse({ failure: text }).failure).toEqual(policy);
});

test.for([
  ['250ms', 250],
  ['1ms', 1],
  ['1.5s', 1500],
  ['1m', 60_000],
  ['60s', 60_000],
  ['0.5s500ms', 1000],
  // parts of a millisecond count as a whole one
  ['1500us', 2],
] as const)('manifest: the deadline %s is %i ms', ([deadline, deadlineMs]) => {
  const { handlers } = parse({ handlers: [handler, { ...handler, deadline }] });
  expect(handlers[1]?.deadlineMs).toBe(deadlineMs);
});

test.for([
  ['64KiB', 1],
  ['100KiB', 1],
  ['1MiB', 16],
  ['16MiB', 256],
  ['4GiB', 65_536],
] as const)('manifest: the memory %s is %i pages', ([memory, pages]) => {
  const { handlers } = parse({ handlers: [{ ...handler, memory }] });
  expect(handlers[0]?.memoryPages).toBe(pages);
});

test('manifest: a setting of a handler may have any name', () => {
  const text = `{"name":"b","version":"0.0.1-rc.1","description":"text","handlers":[
    {"component":"a.wasm","settings":{"__proto__":"x","constructor":"y"}}]}`;
  expect(parseManifest(text, place).handlers[0]?.settings).toEqual([
    ['__proto__', { kind: 'fixed', text: 'x' }],
    ['constructor', { kind: 'fixed', text: 'y' }],
  ]);
});

test.for([
  ['caller', {}],
  ['container', { operations: ['kill', 'freeze'] }],
  ['descriptors', { operations: ['take'] }],
  ['devices', { nodes: ['c 1:3', 'b 7:0'] }],
  ['filesystem', { operations: ['mkdir', 'set-xattr'], paths: ['/', '/a/.b/c..'] }],
  ['memory', { operations: ['read'] }],
  ['mounts', { filesystems: ['proc', 'nfs4'], operations: ['mount'] }],
  ['overlay', {}],
  ['state', { keys: 4 }],
  ['errnos', { names: ['EPERM'] }],
  ['perform', { syscalls: ['mkdir'] }],
] as const)('manifest: a grant of %s is read with its limits', ([capability, limits]) => {
  const grants = { [capability]: { reason: 'why', ...limits } };
  expect(parse({ grants }).grants).toEqual([{ capability, reason: 'why', limits }]);
});

/** Whether it says where in the file. */
function isOfKey(message: string): boolean {
  return Object.keys(bundle).some((key) => message.startsWith(`${place}: ${key}`));
}

test.for(manifestMistakes)(
  'G3: manifest: %s is refused where it stands',
  ([, text, key, ...named]) => {
    const refused = failureOf(() => parseManifest(text, place));
    expect(refused).toEqual(failure(code, key === '' ? place : `${place}: ${key}`, ...named));
    expect(isOfKey(refused.message)).toBe(key !== '');
  },
);
