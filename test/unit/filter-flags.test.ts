// SPDX-License-Identifier: Apache-2.0
// Tests how it is found out that a container's callers may be written to.
import { expect, test } from 'vitest';

import type { ContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import {
  FilterFlags,
  refusalOfCommand,
  waitKillableFlag,
} from '../../host/agent-socket/filter-flags.ts';
import type { InTurn } from '../../host/agent-socket/filter-flags.ts';
import { naming } from '../support/failures.ts';

/** The key of a profile that is to have it. */
const lacks = naming('"flags"', waitKillableFlag);
/** Nobody knows of a profile. */
const unnamed = expect.stringMatching(new RegExp(`^(?!.*"flags").*${waitKillableFlag}`, 'u'));

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

const atOnce: InTurn = async (_uid, work) => {
  work();
  return Promise.resolve();
};

/** Bundles by their folders: what their config.json holds. */
function flagsOf(files: Readonly<Record<string, unknown>>): FilterFlags {
  return new FilterFlags(async (path, _mostBytes, owner) => {
    const text = files[path.replace('/config.json', '')];
    if (path.startsWith('/users/') && owner !== 1000) throw new Error('EPERM');
    if (text === undefined) throw new Error('ENOENT, read a file of the runtime');
    return new TextEncoder().encode(typeof text === 'string' ? text : JSON.stringify(text));
  }, atOnce);
}

const withFlags = (...flags: readonly unknown[]): object => ({ linux: { seccomp: { flags } } });
const killable = withFlags('SECCOMP_FILTER_FLAG_LOG', waitKillableFlag);

test('M4: FilterFlags: a profile with the flag lets callers be written to', async () => {
  expect(await flagsOf({ '/b': killable }).enter(stateOf('/b'), 0).refusal).toBeUndefined();
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
] as const)('M4: FilterFlags: a bundle with %s does not', async ([, config]) => {
  expect(await flagsOf({ '/b': config }).enter(stateOf('/b'), 0).refusal).toEqual(lacks);
});

test('M4: FilterFlags: unreadable flags are unknown, and the text is not shown', async () => {
  const flags = flagsOf({ '/broken': '{"process":{"env":["TOKEN=geheim"' });
  expect(await flags.enter(stateOf('/none'), 0).refusal).toEqual(
    naming('/none/config.json', 'ENOENT'),
  );
  const broken = await flags.enter(stateOf('/broken'), 0).refusal;
  expect(broken).toEqual(naming('/broken/config.json'));
  expect(broken).not.toContain('geheim');
});

test('M4, G6: FilterFlags: flags of a container hold for the exec that names no bundle', async () => {
  const flags = flagsOf({ '/b': killable, '/c': withFlags() });
  await flags.enter(stateOf('/b'), 0).refusal;
  await flags.enter(stateOf('/c', 'c2'), 0).refusal;
  expect(await flags.enter(stateOf('.'), 0).refusal).toBeUndefined();
  expect(await flags.enter(stateOf('.', 'c2'), 0).refusal).toEqual(lacks);
  expect(await flags.enter(stateOf('.', 'c3'), 0).refusal).toEqual(unnamed);
  expect(await flags.enter(stateOf('', 'c4'), 0).refusal).toEqual(unnamed);
});

test('M4: FilterFlags: a container is known until its last listener ends', async () => {
  const flags = flagsOf({ '/b': killable });
  const first = flags.enter(stateOf('/b'), 0);
  const second = flags.enter(stateOf('.'), 0);
  first[Symbol.dispose]();
  const third = flags.enter(stateOf('.'), 0);
  expect(await third.refusal).toBeUndefined();
  second[Symbol.dispose]();
  third[Symbol.dispose]();
  expect(await flags.enter(stateOf('.'), 0).refusal).toEqual(unnamed);
});

test('M4: FilterFlags: a container made anew under the same id has what its bundle says', async () => {
  const flags = flagsOf({ '/b': killable, '/c': withFlags() });
  await flags.enter(stateOf('/b'), 0).refusal;
  expect(await flags.enter(stateOf('/c'), 0).refusal).toEqual(lacks);
  expect(await flags.enter(stateOf('.'), 0).refusal).toEqual(lacks);
});

test('M4: FilterFlags: of a command the kernel says', () => {
  expect(refusalOfCommand(true)).toBeUndefined();
  expect(refusalOfCommand(false)).toEqual(naming(waitKillableFlag, '5.19'));
});

test('M4: FilterFlags: a user says nothing of root’s container by its id', async () => {
  const flags = flagsOf({ '/b': killable, '/c': withFlags() });
  await flags.enter(stateOf('/c'), 0).refusal;
  const theirs = flags.enter(stateOf('/b'), 1000);
  expect(await theirs.refusal).toBeUndefined();
  expect(await flags.enter(stateOf('.'), 0).refusal).toEqual(lacks);
  expect(await flags.enter(stateOf('.'), 1001).refusal).toEqual(unnamed);
  theirs[Symbol.dispose]();
  expect(await flags.enter(stateOf('.'), 1000).refusal).toEqual(unnamed);
});

test('M4: FilterFlags: a bundle of a user says nothing to others', async () => {
  const flags = flagsOf({ '/users/b': killable });
  expect(await flags.enter(stateOf('/users/b'), 1000).refusal).toBeUndefined();
  expect(await flags.enter(stateOf('/users/b'), 0).refusal).toEqual(
    naming('/users/b/config.json', 'EPERM'),
  );
});

test('G1: FilterFlags: no more is read for a user than the main thread has time for', async () => {
  const asked: [owner: number, maxBytes: number][] = [];
  const flags = new FilterFlags(async (_path, maxBytes, owner) => {
    asked.push([owner, maxBytes]);
    return Promise.resolve(new TextEncoder().encode('{}'));
  }, atOnce);
  await flags.enter(stateOf('/b'), 0).refusal;
  await flags.enter(stateOf('/b'), 1000).refusal;
  expect(asked).toEqual([
    [0, 4 * 1024 * 1024],
    [1000, 256 * 1024],
  ]);
});

test('FilterFlags: a bundle that does not answer keeps nobody, and its flags are not known', async () => {
  const timeout = new Error('ETIMEDOUT, read a file of the runtime');
  let giveUp: (() => void) | undefined;
  const flags = new FilterFlags(async (path) => {
    if (path === '/hung/config.json') {
      await new Promise<void>((resolve) => {
        giveUp = resolve;
      });
      throw timeout;
    }
    return new TextEncoder().encode(JSON.stringify(killable));
  }, atOnce);
  const hung = flags.enter(stateOf('/hung', 'c2'), 1000).refusal;
  expect(await flags.enter(stateOf('/b'), 0).refusal).toBeUndefined();
  // what is executed in that container meanwhile
  const executed = flags.enter(stateOf('.', 'c2'), 1000).refusal;
  giveUp?.();
  expect(await hung).toEqual(naming('/hung/config.json', 'ETIMEDOUT'));
  expect(await executed).toBe(await hung);
});

test('FilterFlags: a file of a user is read in a turn of this user', async () => {
  const turns: number[] = [];
  const flags = new FilterFlags(
    async () => Promise.resolve(new TextEncoder().encode(JSON.stringify(killable))),
    async (uid, work) => {
      turns.push(uid);
      work();
      return Promise.resolve();
    },
  );
  expect(await flags.enter(stateOf('/b'), 1000).refusal).toBeUndefined();
  expect(turns).toEqual([1000]);
});
