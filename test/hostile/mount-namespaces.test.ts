// SPDX-License-Identifier: Apache-2.0
// A container whose root is the host's uses up the mount namespaces that the kernel counts for that
// user: others still mount.
import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startTrap } from '../support/trap-container.ts';

const user = 1000;
const floodSeconds = 60;
const cgroupBytes = 1024 * 2 ** 20;

test('A12: mount namespaces: a program that uses up those of root keeps nobody from mounting', async () => {
  using folder = new TemporaryFolder();
  using cgroup = new MemoryCgroup(cgroupBytes);
  makeFolder(folder.path, 'target', { uid: user });
  const socket = folder.at('agent.socket');
  await using _agent = await AgentProcess.start(socket, '-resolver=demo-basic');
  const target = folder.at('target');
  await using victim = startTrap({
    socket,
    trapped: ['mount'],
    options: ['-u', String(user)],
    wrapper: ['unshare', '-m', '-p', '-f'],
    operations: ['getpgid', 'hold', `mount:proc:${target}:proc:0:`, `exists:${target}/self`],
  });
  await victim.untilLines(1);
  const [program = '', ...words] = cgroup.wrapper;
  await using flood = new RunningCommand(
    [program, ...words, compiled('namespace-flood'), String(floodSeconds)],
    { deadlineMs: (floodSeconds + 10) * 1000 },
  );
  await flood.printed(/^full \d+$/mu);
  victim.release();
  const { lines } = await victim.ended;
  expect(lines.slice(1)).toEqual(['hold 0 OK', 'mount 0 OK', expect.stringMatching(/^exists 0/u)]);
});
