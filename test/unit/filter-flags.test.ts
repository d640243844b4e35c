// SPDX-License-Identifier: Apache-2.0
// Tests how it is found out that a container's callers may be written to.
import { expect, test } from 'vitest';

import { keyOf } from '../../host/container-key.ts';
import type { ContainerProcessState } from '../../host/container-process-state.ts';
import { FilterFlags, refusalOfCommand, waitKillableFlag } from '../../host/filter-flags.ts';

const roots = keyOf({ state: { containerId: 'c1' } });
const lacks = `the container's seccomp profile lacks "flags": ["${waitKillableFlag}"]`;
const unnamed = expect.stringContaining('its runtime names no OCI bundle');

function stateOf(ociBundle: string, containerId = 'c1'): ContainerProcessState {
  return {
    fds: ['seccompFd'],
    processPid: 0,
    metadata: '',
    containerId,
    containerPid: 0,
    status: '',
    ociBundle,
    annotations: new Map(),
  };
}

/** Bundles by their folders: what their config.json holds. */
function flagsOf(files: Readonly<Record<string, unknown>>): FilterFlags {
  return new FilterFlags((path, _mostBytes, owner) => {
    const text = files[path.replace('/config.json', '')];
    if (path.startsWith('/users/') && owner !== 1000) throw new Error('EPERM');
    if (text === undefined) throw new Error('ENOENT, read a file of the runtime');
    return new TextEncoder().encode(typeof text === 'string' ? text : JSON.stringify(text));
  });
}

const withFlags = (...flags: readonly unknown[]): object => ({ linux: { seccomp: { flags } } });
const killable = withFlags('SECCOMP_FILTER_FLAG_LOG', waitKillableFlag);

test('M4: FilterFlags: a profile with the flag lets callers be written to', () => {
  expect(flagsOf({ '/b': killable }).enter(stateOf('/b'), 0)).toBeUndefined();
});

test.for([
  ['no flag', withFlags()],
  ['another flag', withFlags('SECCOMP_FILTER_FLAG_LOG')],
  ['what is no name', withFlags(1, null, [waitKillableFlag])],
  ['no flags', { linux: { seccomp: {} } }],
  ['flags that are no array', { linux: { seccomp: { flags: waitKillableFlag } } }],
  ['no profile', { linux: {} }],
  ['no part for Linux', {}],
  ['no object', null],
  ['the flag somewhere else', { flags: [waitKillableFlag], linux: { flags: [waitKillableFlag] } }],
] as const)('M4: FilterFlags: a bundle with %s does not', ([, config]) => {
  expect(flagsOf({ '/b': config }).enter(stateOf('/b'), 0)).toBe(lacks);
});

test('M4: FilterFlags: what cannot be read is not known, and the text is not shown', () => {
  const flags = flagsOf({ '/broken': '{"process":{"env":["TOKEN=geheim"' });
  expect(flags.enter(stateOf('/none'), 0)).toContain('/none/config.json: ENOENT');
  const broken = flags.enter(stateOf('/broken'), 0);
  expect(broken).toContain('/broken/config.json: no JSON');
  expect(broken).not.toContain('geheim');
});

test('M4, G6: FilterFlags: what a container has holds for the exec that names no bundle', () => {
  const flags = flagsOf({ '/b': killable, '/c': withFlags() });
  flags.enter(stateOf('/b'), 0);
  flags.enter(stateOf('/c', 'c2'), 0);
  expect(flags.enter(stateOf('.'), 0)).toBeUndefined();
  expect(flags.enter(stateOf('.', 'c2'), 0)).toBe(lacks);
  expect(flags.enter(stateOf('.', 'c3'), 0)).toEqual(unnamed);
  expect(flags.enter(stateOf('', 'c4'), 0)).toEqual(unnamed);
});

test('M4: FilterFlags: a container is known until its last listener ends', () => {
  const flags = flagsOf({ '/b': killable });
  flags.enter(stateOf('/b'), 0);
  flags.enter(stateOf('.'), 0);
  flags.leave(roots);
  expect(flags.enter(stateOf('.'), 0)).toBeUndefined();
  flags.leave(roots);
  flags.leave(roots);
  flags.leave(roots);
  expect(flags.enter(stateOf('.'), 0)).toEqual(unnamed);
});

test('M4: FilterFlags: a container made anew under the same id has what its bundle says', () => {
  const flags = flagsOf({ '/b': killable, '/c': withFlags() });
  flags.enter(stateOf('/b'), 0);
  expect(flags.enter(stateOf('/c'), 0)).toBe(lacks);
  expect(flags.enter(stateOf('.'), 0)).toBe(lacks);
});

test('M4: FilterFlags: of a command the kernel says', () => {
  expect(refusalOfCommand(true)).toBeUndefined();
  expect(refusalOfCommand(false)).toContain('Linux 5.19');
});

test('M4: FilterFlags: a user says nothing of root’s container by its id', () => {
  const flags = flagsOf({ '/b': killable, '/c': withFlags() });
  flags.enter(stateOf('/c'), 0);
  expect(flags.enter(stateOf('/b'), 1000)).toBeUndefined();
  expect(flags.enter(stateOf('.'), 0)).toBe(lacks);
  expect(flags.enter(stateOf('.'), 1001)).toEqual(unnamed);
  flags.leave(keyOf({ state: { containerId: 'c1' }, peerUid: 1000 }));
  expect(flags.enter(stateOf('.'), 1000)).toEqual(unnamed);
});

test('M4: FilterFlags: a bundle of a user says nothing to others', () => {
  const flags = flagsOf({ '/users/b': killable });
  expect(flags.enter(stateOf('/users/b'), 1000)).toBeUndefined();
  expect(flags.enter(stateOf('/users/b'), 0)).toContain('/users/b/config.json: EPERM');
});

test('G1: FilterFlags: no more is read for a user than the main thread has time for', () => {
  const asked: [owner: number, mostBytes: number][] = [];
  const flags = new FilterFlags((_path, mostBytes, owner) => {
    asked.push([owner, mostBytes]);
    return new TextEncoder().encode('{}');
  });
  flags.enter(stateOf('/b'), 0);
  flags.enter(stateOf('/b'), 1000);
  expect(asked).toEqual([
    [0, 4 * 1024 * 1024],
    [1000, 256 * 1024],
  ]);
});
