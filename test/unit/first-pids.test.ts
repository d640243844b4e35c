// SPDX-License-Identifier: Apache-2.0
// Tests how a container's first process is found where the runtime does not say it.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { expect, onTestFinished, test } from 'vitest';

import { keyOf } from '../../host/agent-socket/container-key.ts';
import type { ContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import { FirstPids } from '../../host/agent-socket/first-pids.ts';
import type { ProcessFacts } from '../../host/agent-socket/first-pids.ts';
import { loadNative } from '../../host/native.ts';
import { needsRoot } from '../support/needs.ts';
import { until } from '../support/polling.ts';

const roots = keyOf({ state: { containerId: 'c1' } });
const nobody = 0x7fff_ffff;

/** @param firstOf as kernels before 6.11, if there is none */
function firstPids(
  isOf: ProcessFacts['isOf'],
  firstOf: ProcessFacts['firstOf'] = () => 0,
): FirstPids {
  return new FirstPids({ isOf, firstOf });
}

function stateOf(containerPid: number, containerId = 'c1'): ContainerProcessState {
  return {
    fds: ['seccompFd'],
    processPid: 0,
    metadata: '',
    containerId,
    containerPid,
    status: '',
    ociBundle: '',
    annotations: new Map(),
  };
}

test('G6: FirstPids: the pid of a runtime is known for the exec that does not say it', () => {
  const pids = firstPids(() => false);
  expect(pids.enter(stateOf(1234), { pid: process.pid, uid: 0 }).firstPid).toBe(1234);
  expect(pids.enter(stateOf(0), { pid: process.pid, uid: 0 }).firstPid).toBe(1234);
});

test('FirstPids: containers are known by their ids', () => {
  const pids = firstPids(() => false);
  pids.enter(stateOf(1234), { pid: process.pid, uid: 0 });
  expect(pids.enter(stateOf(0, 'c2'), { pid: process.pid, uid: 0 }).firstPid).toBeUndefined();
});

test('FirstPids: a container made anew under the same id has what was said last', () => {
  const pids = firstPids(() => false);
  pids.enter(stateOf(1234), { pid: process.pid, uid: 0 });
  expect(pids.enter(stateOf(5678), { pid: process.pid, uid: 0 }).firstPid).toBe(5678);
  expect(pids.enter(stateOf(0), { pid: process.pid, uid: 0 }).firstPid).toBe(5678);
});

test('G6: FirstPids: a container is known until its last listener ends', () => {
  const pids = firstPids(() => false);
  const first = pids.enter(stateOf(1234), { pid: process.pid, uid: 0 });
  const second = pids.enter(stateOf(0), { pid: process.pid, uid: 0 });
  first[Symbol.dispose]();
  const third = pids.enter(stateOf(0), { pid: process.pid, uid: 0 });
  expect(third.firstPid).toBe(1234);
  second[Symbol.dispose]();
  third[Symbol.dispose]();
  expect(pids.enter(stateOf(0), { pid: process.pid, uid: 0 }).firstPid).toBeUndefined();
});

test('FirstPids: a peer in our own pid namespace tells nothing', () => {
  expect(
    firstPids(() => false).enter(stateOf(0), { pid: process.pid, uid: 0 }).firstPid,
  ).toBeUndefined();
});

test('FirstPids: a peer that is gone tells nothing', () => {
  expect(
    firstPids(() => false).enter(stateOf(0), { pid: nobody, uid: 0 }).firstPid,
  ).toBeUndefined();
});

/** The children of a process's first thread. */
function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

interface Entered {
  readonly runtime: number;
  readonly first: number | undefined;
}

/** A runtime whose child has entered a pid namespace. */
async function enteredNamespace(): Promise<Entered> {
  const [program, ...words] = 'unshare --pid --fork --kill-child sleep 600'.split(' ');
  const child = spawn(program ?? '', words, { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const runtime = child.pid ?? 0;
  const first = await until('the first process', () => childrenOf(runtime)[0]);
  return { runtime, first };
}

test('G6: FirstPids: the first process is found in the namespace that the peer has entered', async (context) => {
  needsRoot(context);
  const { runtime, first } = await enteredNamespace();
  const peer = { pid: runtime, uid: 0 };
  expect(firstPids(() => false).enter(stateOf(0), peer).firstPid).toBe(first);
  const { firstProcessBeside } = loadNative();
  const told = firstPids(() => false, firstProcessBeside).enter(stateOf(0), peer);
  expect(told.firstPid).toBe(first);
});

test('A10: FirstPids: what is another’s container is no user’s, whoever’s its processes are', () => {
  const pids = firstPids(() => true);
  const own = process.pid;
  const rootsListener = pids.enter(stateOf(own), { pid: nobody, uid: 0 });
  const enter = (uid: number) => pids.enter(stateOf(own, 'c2'), { pid: nobody, uid });
  expect(enter(1000).firstPid).toBeUndefined();
  rootsListener[Symbol.dispose]();
  expect(enter(1000).firstPid).toBe(own);
  expect(enter(1001).firstPid).toBeUndefined();
  // another container of the same user, and root
  expect(pids.enter(stateOf(own, 'c3'), { pid: nobody, uid: 1000 }).firstPid).toBe(own);
  expect(enter(0).firstPid).toBe(own);
});

test('FirstPids: for a user only the kernel is asked, and no processes are looked through', async (context) => {
  needsRoot(context);
  const { runtime, first } = await enteredNamespace();
  const peer = { pid: runtime, uid: 1000 };
  expect(firstPids(() => true).enter(stateOf(0), peer).firstPid).toBeUndefined();
  const told = firstPids(
    () => true,
    () => first ?? 0,
  );
  expect(told.enter(stateOf(0), peer).firstPid).toBe(first);
});

test('FirstPids: the kernel says who is first in a pid namespace', async (context) => {
  needsRoot(context);
  const { runtime, first } = await enteredNamespace();
  const { firstProcessBeside } = loadNative();
  // 0: before Linux 6.11
  expect([0, first]).toContain(firstProcessBeside(runtime));
  expect(firstProcessBeside(nobody)).toBe(0);
});

test('K2: FirstPids: a process that has ended meanwhile is nobody’s first one', async () => {
  const pids = firstPids(() => false);
  const child = spawn('sleep', ['100']);
  const { pid } = child;
  if (pid === undefined) throw new Error('no child');
  pids.enter(stateOf(pid), { pid: process.pid, uid: 0 });
  expect(pids.living(roots, pid)).toBe(pid);
  expect(pids.living(roots, nobody)).toBeUndefined();
  expect(pids.living(roots, undefined)).toBeUndefined();
  child.kill('SIGKILL');
  await until('its end', () => child.signalCode ?? undefined);
  expect(pids.living(roots, pid)).toBeUndefined();
});

test('FirstPids: of containers that were not entered nobody lives', () => {
  const pids = firstPids(() => false);
  expect(pids.living(roots, undefined)).toBeUndefined();
  pids.enter(stateOf(0), { pid: process.pid, uid: 0 });
  expect(pids.living(roots, undefined)).toBeUndefined();
});

const user = { pid: process.pid, uid: 1000 };

test('A10: FirstPids: a user names processes of this user, and no others', () => {
  const pids = firstPids((pid, uid) => pid === 1234 && uid === 1000);
  expect(pids.enter(stateOf(1234), user).firstPid).toBe(1234);
  expect(pids.enter(stateOf(5678, 'c2'), user).firstPid).toBeUndefined();
  expect(pids.enter(stateOf(1234, 'c3'), { ...user, uid: 1001 }).firstPid).toBeUndefined();
});

test('A10: FirstPids: a user changes nothing for a container that is there', () => {
  const pids = firstPids((pid) => pid === 1234);
  const root = { pid: process.pid, uid: 0 };
  pids.enter(stateOf(5678), root);
  expect(pids.enter(stateOf(0), user).firstPid).toBeUndefined();
  expect(pids.enter(stateOf(1234), user).firstPid).toBe(1234);
  expect(pids.enter(stateOf(0), root).firstPid).toBe(5678);
});

test('A10: FirstPids: a container by the id of root’s has a first process of its own', () => {
  const theirs = { pid: process.pid, uid: 1000 };
  const pids = firstPids((pid) => pid === process.pid);
  pids.enter(stateOf(process.ppid), { pid: process.pid, uid: 0 });
  const entered = pids.enter(stateOf(process.pid), theirs);
  expect(entered.firstPid).toBe(process.pid);
  const key = keyOf({ state: { containerId: 'c1' }, peerUid: 1000 });
  expect(pids.living(key, process.pid)).toBe(process.pid);
  entered[Symbol.dispose]();
  expect(pids.living(key, process.pid)).toBeUndefined();
  expect(pids.living(roots, process.ppid)).toBe(process.ppid);
});
