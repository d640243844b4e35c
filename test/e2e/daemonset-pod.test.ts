// SPDX-License-Identifier: Apache-2.0
// Tests commands beside the agent, in the pod of the DaemonSet.
import { lstatSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { AgentStatus } from '../../host/control/status.ts';
import type { Check } from '../../host/doctor/check.ts';
import { makeCheckoutRoot } from '../support/checkout-root.ts';
import { DaemonSetPod } from '../support/daemonset-pod.ts';
import { ImageStore } from '../support/image-store.ts';
import { warnedOf } from '../support/own-rights.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const command = '/usr/bin/seccompagent';
const ownerOnly = 0o600;
/** Those that depend on the machine of the tests. */
const ofMachines: readonly string[] = ['cgroups', 'memory', 'pid-namespace', 'user-namespace'];

let folder: TemporaryFolder;
let store: ImageStore;
let pod: DaemonSetPod;

beforeAll(async () => {
  folder = new TemporaryFolder();
  store = ImageStore.empty();
  const root = makeCheckoutRoot(folder.at('checkout'));
  pod = await DaemonSetPod.start({
    store,
    image: root.path,
    imageOptions: root.options,
    folder: folder.at('volumes'),
  });
});

afterAll(async () => {
  await pod[Symbol.asyncDispose]();
  store[Symbol.dispose]();
  folder[Symbol.dispose]();
});

test('DaemonSet: the agent answers on its control socket, which requires root', async () => {
  const { code, stdout, stderr } = await pod.exec(command, 'status', '-json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const status: AgentStatus = JSON.parse(stdout);
  expect(status).toMatchObject({ pid: pod.pid, containers: [] });
  const socket = lstatSync(join(pod.folderOf('control'), 'control.sock'));
  expect([socket.isSocket(), socket.mode & 0o777, socket.uid]).toEqual([true, ownerOnly, 0]);
});

test('DaemonSet: nothing of what the manifest gives is missed in the log', () => {
  const lines = pod.log.split('\n').filter((line) => line.startsWith('{'));
  const levels = lines.map((line): { readonly level: string } => JSON.parse(line));
  const unusual = levels.filter(({ level }) => level !== 'info');
  // here is no API server
  expect(unusual).toEqual([expect.objectContaining({ level: 'warn' })]);
});

test('DaemonSet: the doctor finds the agent, its socket and nothing that is missing', async () => {
  const { code, stdout } = await pod.exec(command, 'doctor', '-json');
  const checks: readonly Check[] = JSON.parse(stdout);
  const missed = checks.filter(({ name, status }) => status !== 'ok' && !ofMachines.includes(name));
  expect(missed.map(({ name }) => name)).toEqual(warnedOf);
  const names = checks.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['agent', 'agent-socket', 'runtimes']));
  expect(code).toBe(0);
});
