// SPDX-License-Identifier: Apache-2.0
// Nodes of devices while the container changes the places where they go.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { RunningCommand, runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

/** Root without the capability that is lent. */
const unprivileged = ['setpriv', '--bounding-set=-mknod', '--inh-caps=-mknod'] as const;
const calls = 500;

function numberBehind(name: string, text: string): number {
  return Number(new RegExp(`^${name} (?<count>\\d+)$`, 'mu').exec(text)?.groups?.['count'] ?? 0);
}

test('A3, A7: devices: neither a node nor a mount gets where an exchanged folder or file leads', async () => {
  using folder = new TemporaryFolder();
  const inside = makeFolder(folder.path, 'inside');
  const outside = makeFolder(folder.path, 'outside', { uid: 0, gid: 0, mode: 0o777 });
  await using agent = await startWatchedAgent({
    bundle: join(shippedBundles(), 'mknod-safe'),
    log: 'warn',
  });
  const mounts = (): string => readFileSync(`/proc/${agent.pid}/mountinfo`, 'utf8');
  const before = mounts();
  await using running = new RunningCommand([
    ...unprivileged,
    compiled('node-racer'),
    '-s',
    agent.socket,
    '-n',
    String(calls),
    inside,
    outside,
  ]);
  const { code, stdout, stderr } = await running.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  // it has raced: some were made and opened, and some went to the link
  expect(numberBehind('answer OK', stdout)).toBeGreaterThan(0);
  expect(numberBehind('answer ENOENT', stdout)).toBeGreaterThan(0);
  expect(numberBehind('opened', stdout)).toBeGreaterThan(0);
  expect(stdout).toMatch(/^outside 0$/mu);
  expect(stdout).toMatch(/^misplaced 0$/mu);
  expect(agent.log()).toEqual([]);
  expect(mounts()).toBe(before);
});

test('A7: devices: a node that can’t be covered is not left behind', async () => {
  using folder = new TemporaryFolder();
  await using agent = await startWatchedAgent({
    bundle: join(shippedBundles(), 'mknod-safe'),
    log: 'warn',
  });
  const path = makeFolder(folder.path, 'detached');
  const command = [...unprivileged, compiled('detached-node'), '-s', agent.socket, path] as const;

  expect(await runCommand(command)).toEqual({
    code: 0,
    signal: null,
    stdout: 'EPERM none\n',
    stderr: '',
  });

  await agent.untilLogged('call-failed', {
    code: 'AGENT_CALLER',
    syscall: 'mknodat',
    error: /(?=.*\bdevices\.make\b)(?=.*\bENOENT\b)/u,
  });
});
