// SPDX-License-Identifier: Apache-2.0
// The package as npm installs it: what belongs to it is in it.
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { expect, test } from 'vitest';

import { languages } from '../../guest-sdk/build/language.ts';
import { projectRoot, runCommand, RunningCommand } from '../support/command.ts';
import { failed, naming } from '../support/failures.ts';
import { FalcoPlugin } from '../support/falco-plugin.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { trapLines } from '../support/trap-container.ts';

const ownModules = join(projectRoot, 'node_modules');

/** Packages that npm installs with the one in a folder, as far as it has them here. */
function installedWith(folder: string, known: Set<string> = new Set()): ReadonlySet<string> {
  const manifest: Readonly<Record<string, object | undefined>> = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  );
  const names = ['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap((key) =>
    Object.keys(manifest[key] ?? {}),
  );
  for (const name of names) {
    // its own version of it comes within
    const nested = join(folder, 'node_modules', name);
    if (folder !== projectRoot && existsSync(nested)) {
      installedWith(nested, known);
      continue;
    }
    if (known.has(name) || !existsSync(join(ownModules, name))) continue;
    installedWith(join(ownModules, name), known.add(name));
  }
  return known;
}

/** Puts the packed package where npm would, with what it depends on beside it. @returns its command */
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
  for (const name of installedWith(projectRoot)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ownModules, name), join(modules, name));
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
  for (const [name, handler] of [
    ['assemblyscript', 'hello-as'],
    ['typescript', 'hello-typescript'],
    ['componentize-qjs', 'hello-typescript'],
    ['rolldown', 'hello-typescript'],
  ] as const) {
    const place = folder.at(`node_modules/${name}`);
    const kept = folder.at('kept');
    renameSync(place, kept);
    const { code, stderr } = await runCommand([command, 'build', folder.at(handler)]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: naming(`npm install ${name}"`) });
    renameSync(kept, place);
  }
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
  rmSync(folder.at('node_modules/@kubernetes'), { recursive: true });
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
