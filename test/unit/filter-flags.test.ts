// SPDX-License-Identifier: Apache-2.0
// Tests how it is found out that a container's callers may be written to.
import { expect, test } from 'vitest';

import type { ContainerProcessState } from '../../host/container-process-state.ts';
import { FilterFlags, refusalOfCommand, waitKillableFlag } from '../../host/filter-flags.ts';

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
  return new FilterFlags((path) => {
    const text = files[path.replace('/config.json', '')];
    if (text === undefined) throw new Error('ENOENT, read a file of the runtime');
    return new TextEncoder().encode(typeof text === 'string' ? text : JSON.stringify(text));
  });
}

const withFlags = (...flags: readonly unknown[]): object => ({ linux: { seccomp: { flags } } });
const killable = withFlags('SECCOMP_FILTER_FLAG_LOG', waitKillableFlag);

test('M4: FilterFlags: a profile with the flag lets callers be written to', () => {
  expect(flagsOf({ '/b': killable }).enter(stateOf('/b'))).toBeUndefined();
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
  expect(flagsOf({ '/b': config }).enter(stateOf('/b'))).toBe(lacks);
});

test('M4: FilterFlags: what cannot be read is not known, and the text is not shown', () => {
  const flags = flagsOf({ '/broken': '{"process":{"env":["TOKEN=geheim"' });
  expect(flags.enter(stateOf('/none'))).toContain('/none/config.json: ENOENT');
  const broken = flags.enter(stateOf('/broken'));
  expect(broken).toContain('/broken/config.json: no JSON');
  expect(broken).not.toContain('geheim');
});

test('M4, G6: FilterFlags: what a container has holds for the exec that names no bundle', () => {
  const flags = flagsOf({ '/b': killable, '/c': withFlags() });
  flags.enter(stateOf('/b'));
  flags.enter(stateOf('/c', 'c2'));
  expect(flags.enter(stateOf('.'))).toBeUndefined();
  expect(flags.enter(stateOf('.', 'c2'))).toBe(lacks);
  expect(flags.enter(stateOf('.', 'c3'))).toEqual(unnamed);
  expect(flags.enter(stateOf('', 'c4'))).toEqual(unnamed);
});

test('M4: FilterFlags: a container is known until its last listener ends', () => {
  const flags = flagsOf({ '/b': killable });
  flags.enter(stateOf('/b'));
  flags.enter(stateOf('.'));
  flags.leave('c1');
  expect(flags.enter(stateOf('.'))).toBeUndefined();
  flags.leave('c1');
  flags.leave('c1');
  flags.leave('c1');
  expect(flags.enter(stateOf('.'))).toEqual(unnamed);
});

test('M4: FilterFlags: a container made anew under the same id has what its bundle says', () => {
  const flags = flagsOf({ '/b': killable, '/c': withFlags() });
  flags.enter(stateOf('/b'));
  expect(flags.enter(stateOf('/c'))).toBe(lacks);
  expect(flags.enter(stateOf('.'))).toBe(lacks);
});

test('M4: FilterFlags: of a command the kernel says', () => {
  expect(refusalOfCommand(true)).toBeUndefined();
  expect(refusalOfCommand(false)).toContain('Linux 5.19');
});
