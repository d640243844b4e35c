// SPDX-License-Identifier: Apache-2.0
// Tests which process counts as the first one of a container.
import { expect, test } from 'vitest';

import { keyOf } from '../../host/agent-socket/container-key.ts';
import type { ContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import { FirstPids } from '../../host/agent-socket/first-pids.ts';
import type { KnownProcess } from '../../host/agent-socket/known-process.ts';

const roots = keyOf({ state: { containerId: 'c1' } });
const users = keyOf({ state: { containerId: 'c1' }, peerUid: 1000 });

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

/** As the addon finds it. */
function found(pid: number): KnownProcess {
  return { pid, identity: `of ${pid}` };
}

function firstPids(hasEnded: (pid: number) => boolean = () => false): FirstPids {
  return new FirstPids((pid) => (hasEnded(pid) ? null : found(pid).identity));
}

test('G6: FirstPids: the pid of a runtime is known for the exec that does not say it', () => {
  const pids = firstPids();
  const entered = [pids.enter(stateOf(1234), 0), pids.enter(stateOf(0), 0)];
  expect(entered.map(({ firstPid }) => firstPid)).toEqual([1234, 1234]);
  expect(entered.map(({ asked }) => asked)).toEqual([undefined, undefined]);
});

test('FirstPids: containers are known by their ids', () => {
  const pids = firstPids();
  pids.enter(stateOf(1234), 0);
  const other = pids.enter(stateOf(0, 'c2'), 0);
  expect(other).toMatchObject({ firstPid: undefined, asked: 0 });
  other.answer(null);
  expect(other.firstPid).toBeUndefined();
});

test('G6: FirstPids: whom the sender has entered is the first one, for those that come later, too', () => {
  const pids = firstPids();
  const entered = pids.enter(stateOf(0), 0);
  entered.answer(found(1234));
  expect(entered.firstPid).toBe(1234);
  expect(pids.enter(stateOf(0), 0).firstPid).toBe(1234);
  expect(pids.processOf(roots)).toEqual(found(1234));
});

test('FirstPids: what one listener does not know takes nothing from another', () => {
  const pids = firstPids();
  const entered = [pids.enter(stateOf(0), 0), pids.enter(stateOf(0), 0)];
  entered[0]?.answer(found(1234));
  entered[1]?.answer(null);
  expect(entered.map(({ firstPid }) => firstPid)).toEqual([1234, 1234]);
  expect(pids.living(roots, 1234)).toBe(1234);
  const user = [pids.enter(stateOf(1234), 1000), pids.enter(stateOf(5678), 1000)];
  user[0]?.answer(found(1234));
  user[1]?.answer(null);
  expect(user.map(({ firstPid }) => firstPid)).toEqual([undefined, undefined]);
  expect(pids.living(roots, 1234)).toBe(1234);
});

test('FirstPids: a container made anew under the same id has what was said last', () => {
  const pids = firstPids();
  pids.enter(stateOf(1234), 0);
  expect(pids.enter(stateOf(5678), 0).firstPid).toBe(5678);
  expect(pids.enter(stateOf(0), 0).firstPid).toBe(5678);
});

test('G6: FirstPids: a container is known until its last listener ends', () => {
  const pids = firstPids();
  const first = pids.enter(stateOf(1234), 0);
  const second = pids.enter(stateOf(0), 0);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  const third = pids.enter(stateOf(0), 0);
  expect(third.firstPid).toBe(1234);
  second[Symbol.dispose]();
  third[Symbol.dispose]();
  expect(pids.enter(stateOf(0), 0).asked).toBe(0);
});

test('FirstPids: an answer that comes after the end changes nothing', () => {
  const pids = firstPids();
  const late = pids.enter(stateOf(0), 0);
  late[Symbol.dispose]();
  late.answer(found(1234));
  expect(pids.processOf(roots)).toBeUndefined();
  const next = pids.enter(stateOf(5678), 0);
  late.answer(found(1234));
  expect([late.firstPid, next.firstPid]).toEqual([undefined, 5678]);
  expect(pids.processOf(roots)).toEqual(found(5678));
});

test('K2: FirstPids: a process that has ended meanwhile is nobody’s first one', () => {
  let hasEnded = false;
  const pids = firstPids(() => hasEnded);
  pids.enter(stateOf(1234), 0);
  expect(pids.living(roots, 1234)).toBe(1234);
  expect(pids.living(roots, 5678)).toBeUndefined();
  expect(pids.living(roots, undefined)).toBeUndefined();
  hasEnded = true;
  expect(pids.living(roots, 1234)).toBeUndefined();
});

test('FirstPids: of containers that were not entered nobody lives', () => {
  const pids = firstPids();
  expect(pids.living(roots, undefined)).toBeUndefined();
  pids.enter(stateOf(0), 0);
  expect(pids.living(roots, undefined)).toBeUndefined();
});

test('A10: FirstPids: what a user says counts once it was asked about', () => {
  const pids = firstPids();
  const theirs = pids.enter(stateOf(1234), 1000);
  expect(theirs).toMatchObject({ firstPid: undefined, asked: 1234 });
  expect(pids.living(users, 1234)).toBeUndefined();
  theirs.answer(found(1234));
  expect(theirs.firstPid).toBe(1234);
  expect(pids.living(users, 1234)).toBe(1234);
  // an exec that does not say it
  const exec = pids.enter(stateOf(0), 1000);
  expect(exec.asked).toBe(1234);
  exec.answer(null);
  expect(exec.firstPid).toBeUndefined();
  expect(pids.living(users, 1234)).toBeUndefined();
});

test('A10: FirstPids: what is another’s container is no user’s, whoever’s its processes are', () => {
  const pids = firstPids();
  const entered = (uid: number, containerId = 'c2'): number | undefined => {
    const listener = pids.enter(stateOf(1234, containerId), uid);
    listener.answer(found(1234));
    return listener.firstPid;
  };
  const rootsListener = pids.enter(stateOf(1234), 0);
  expect(entered(1000)).toBeUndefined();
  rootsListener[Symbol.dispose]();
  expect(entered(1000)).toBe(1234);
  expect(entered(1001)).toBeUndefined();
  // another container of the same user, and root
  expect(entered(1000, 'c3')).toBe(1234);
  expect(pids.enter(stateOf(1234, 'c2'), 0).firstPid).toBe(1234);
});

test('A10: FirstPids: who has got the number of another’s container is not that container', () => {
  const pids = firstPids();
  pids.enter(stateOf(1234), 0);
  const theirs = pids.enter(stateOf(1234, 'c2'), 1000);
  theirs.answer({ pid: 1234, identity: 'later' });
  expect(theirs.firstPid).toBe(1234);
});

test('A10: FirstPids: a user changes nothing for a container that is there', () => {
  const pids = firstPids();
  pids.enter(stateOf(5678), 0);
  const theirs = pids.enter(stateOf(0), 1000);
  expect(theirs.asked).toBe(0);
  theirs.answer(found(1234));
  expect(pids.enter(stateOf(0), 0).firstPid).toBe(5678);
  theirs[Symbol.dispose]();
  expect(pids.living(users, 1234)).toBeUndefined();
  expect(pids.living(roots, 5678)).toBe(5678);
});
