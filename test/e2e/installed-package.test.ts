// SPDX-License-Identifier: Apache-2.0
// The package as npm installs it: what belongs to it is in it.
import { mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { languages } from '../../guest-sdk/build/language.ts';
import { projectRoot, runCommand, RunningCommand } from '../support/command.ts';
import { failed, naming } from '../support/failures.ts';
import { FalcoPlugin } from '../support/falco-plugin.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { trapLines } from '../support/trap-container.ts';

/** Puts the packed package where npm would, with the same packages beside it. @returns its command */
async function installedIn(folder: TemporaryFolder): Promise<string> {
  const packed = await runCommand(
    ['npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', folder.path],
    { cwd: projectRoot },
  );
  expect(packed.code).toBe(0);
  const modules = folder.at('node_modules');
  mkdirSync(join(modules, 'seccompagent'), { recursive: true });
  const [archive = ''] = readdirSync(folder.path).filter((name) => name.endsWith('.tgz'));
  const unpacked = await runCommand([
    'tar',
    '-xzf',
    folder.at(archive),
    '-C',
    join(modules, 'seccompagent'),
    '--strip-components=1',
  ]);
  expect(unpacked.code).toBe(0);
  const own = join(projectRoot, 'node_modules');
  for (const name of readdirSync(own)) {
    // a workspace, which nobody has installed
    if (!name.startsWith('.') && name !== '@seccompagent') {
      symlinkSync(join(own, name), join(modules, name));
    }
  }
  return join(modules, 'seccompagent/host/seccompagent.sh');
}

test('package: an installed one makes and builds handlers in every language, and says what it lacks', async () => {
  using folder = new TemporaryFolder();
  const command = await installedIn(folder);
  // what the script `install` builds
  symlinkSync(join(projectRoot, 'build'), folder.at('node_modules/seccompagent/build'));
  for (const { name } of languages) {
    const typed =
      `${command} new hello-${name} -language ${name} -syscalls mkdir && ` +
      `${command} build hello-${name} && ${command} inspect hello-${name}`;
    const { code, stdout, stderr } = await runCommand(['sh', '-c', typed], {
      cwd: folder.path,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('mkdir (mkdir, mkdirat)');
  }
  // as npm leaves it with --omit=optional
  rmSync(folder.at('node_modules/assemblyscript'));
  const { code, stderr } = await runCommand([command, 'build', folder.at('hello-as')]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: naming('npm install assemblyscript'),
  });
});

test('package: an installed agent tells Falco', async () => {
  using folder = new TemporaryFolder();
  const command = await installedIn(folder);
  // what the script `install` builds
  symlinkSync(join(projectRoot, 'build'), folder.at('node_modules/seccompagent/build'));
  await using plugin = await FalcoPlugin.start(folder.at('plugin.sock'));
  await using agent = new RunningCommand([
    command,
    '-resolver=falco',
    `-socketfile=${folder.at('agent.socket')}`,
    `-falco-socket=${folder.at('plugin.sock')}`,
  ]);
  await agent.printed(/\bagent-listening\b/u);
  const socket = folder.at('agent.socket');
  await trapLines({ socket, trapped: ['getpgid'], operations: ['getpgid'] });
  expect(await until('the event', () => plugin.events[0])).toMatchObject({ syscall: 'getpgid' });
});

test('package: an agent without the package for kubeconfigs says what to do', async () => {
  using folder = new TemporaryFolder();
  const command = await installedIn(folder);
  symlinkSync(join(projectRoot, 'build'), folder.at('node_modules/seccompagent/build'));
  // as npm leaves it with --omit=optional, and as the image has it
  rmSync(folder.at('node_modules/@kubernetes'));
  const result = await runCommand([
    command,
    '-resolver=kubernetes',
    `-socketfile=${folder.at('agent.socket')}`,
    '-node-name=node-1',
    '-kubeconfig=/etc/kubernetes/admin.conf',
  ]);
  expect(result).toEqual(
    failed(
      'AGENT_KUBERNETES',
      '/etc/kubernetes/admin.conf',
      'npm',
      '@kubernetes/client-node',
      '-kubeconfig',
      'KUBECONFIG',
    ),
  );
});
