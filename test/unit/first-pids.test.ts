// SPDX-License-Identifier: Apache-2.0
// Tests how a container's first process is found where the runtime does not say it.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { expect, onTestFinished, test } from 'vitest';

import type { ContainerProcessState } from '../../host/container-process-state.ts';
import { FirstPids } from '../../host/first-pids.ts';
import { until } from '../support/polling.ts';

const nobody = 0x7fff_ffff;

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

test('G6: FirstPids: what a runtime says is known for the exec that does not say it', () => {
  const pids = new FirstPids();
  expect(pids.enter(stateOf(1234), process.pid)).toBe(1234);
  expect(pids.enter(stateOf(0), process.pid)).toBe(1234);
});

test('FirstPids: containers are known by their ids', () => {
  const pids = new FirstPids();
  pids.enter(stateOf(1234), process.pid);
  expect(pids.enter(stateOf(0, 'c2'), process.pid)).toBeUndefined();
});

test('FirstPids: a container made anew under the same id has what was said last', () => {
  const pids = new FirstPids();
  pids.enter(stateOf(1234), process.pid);
  expect(pids.enter(stateOf(5678), process.pid)).toBe(5678);
  expect(pids.enter(stateOf(0), process.pid)).toBe(5678);
});

test('G6: FirstPids: a container is known until its last listener ends', () => {
  const pids = new FirstPids();
  pids.enter(stateOf(1234), process.pid);
  pids.enter(stateOf(0), process.pid);
  pids.leave('c1');
  expect(pids.enter(stateOf(0), process.pid)).toBe(1234);
  pids.leave('c1');
  pids.leave('c1');
  expect(pids.enter(stateOf(0), process.pid)).toBeUndefined();
});

test('FirstPids: leaving a container that nobody entered changes nothing', () => {
  const pids = new FirstPids();
  pids.leave('c1');
  pids.enter(stateOf(1234), process.pid);
  expect(pids.enter(stateOf(0), process.pid)).toBe(1234);
});

test('FirstPids: a peer in our own pid namespace tells nothing', () => {
  expect(new FirstPids().enter(stateOf(0), process.pid)).toBeUndefined();
});

test('FirstPids: a peer that is gone tells nothing', () => {
  expect(new FirstPids().enter(stateOf(0), nobody)).toBeUndefined();
});

/** The children of a process's first thread. */
function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

test('G6: FirstPids: the first process is found in the namespace that the peer has entered', async () => {
  const [program, ...words] = 'unshare --pid --fork --kill-child sleep 600'.split(' ');
  const runtime = spawn(program ?? '', words, { stdio: 'ignore' });
  onTestFinished(() => void runtime.kill('SIGKILL'));
  const runtimePid = runtime.pid ?? 0;
  const first = await until('the first process', () => childrenOf(runtimePid)[0]);
  const found = new FirstPids().enter(stateOf(0), runtimePid);
  expect(found).toBe(first);
});

test('K2: FirstPids: a process that has ended meanwhile is nobody’s first one', async () => {
  const pids = new FirstPids();
  const child = spawn('sleep', ['100']);
  const { pid } = child;
  if (pid === undefined) throw new Error('no child');
  pids.enter(stateOf(pid), process.pid);
  expect(pids.living('c1')).toBe(pid);
  child.kill('SIGKILL');
  await until('its end', () => child.signalCode ?? undefined);
  expect(pids.living('c1')).toBeUndefined();
});

test('FirstPids: of containers that were not entered nobody lives', () => {
  const pids = new FirstPids();
  expect(pids.living('c1')).toBeUndefined();
  pids.enter(stateOf(0), process.pid);
  expect(pids.living('c1')).toBeUndefined();
});
