// SPDX-License-Identifier: Apache-2.0
// Tests setxattr-overlay with programs that copy files with their extended attributes, in containers
// whose filter has the flag that lets handlers write, and in those whose filter lacks it.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import { Container } from '../support/container-runtime.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** The programs of this machine, in a container of busybox. */
const machinesPrograms = {
  destination: '/usr',
  type: 'bind',
  source: '/usr',
  options: ['rbind', 'ro'],
};

async function succeed(command: string): Promise<string> {
  const { code, stdout, stderr } = await runCommand(['sh', '-c', command]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** Files with each kind of attribute that containers may copy. */
async function makeFiles(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const name of ['user', 'capability', 'list', 'overlay']) {
    writeFileSync(`${folder}/${name}`, name);
  }
  await succeed(`cd ${folder} && setfattr -n user.a -v 1 user overlay &&
    setfattr -n trusted.overlay.opaque -v y overlay &&
    PATH=$PATH:/usr/sbin setcap cap_net_raw+ep capability && setfacl -m u:1000:r list`);
}

/** The names of the attributes of each file, by its name. */
async function attributesIn(folder: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const entries: (readonly [string, readonly string[]])[] = [];
  for (const name of ['user', 'capability', 'list', 'overlay']) {
    const shown = await succeed(`getfattr -h -m - --absolute-names ${folder}/${name}`);
    const lines = shown.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    entries.push([name, lines]);
  }
  return Object.fromEntries(entries);
}

const copies = `
usr=/usr/bin
$usr/cp -a /root/from /root/cp; echo cp $?
mkdir /root/rsync; $usr/rsync -aXA /root/from/ /root/rsync; echo rsync $?
all="--xattrs --xattrs-include=* --acls"
mkdir /root/tar; $usr/tar $all -C /root/from -cf /root/archive . && $usr/tar $all -C /root/tar -xf /root/archive
echo tar $?`;

test.for(['runc', 'crun'] as const)(
  'M4: copied attributes: cp, rsync and tar keep them with setxattr-overlay under %s',
  async (runtime) => {
    using folder = new TemporaryFolder();
    const socket = folder.at('agent.socket');
    const generate = [seccompagent, 'profile', 'generate', 'setxattr-overlay'] as const;
    const { stdout } = await runCommand([...generate, '-runtime', runtime, '-socketfile', socket]);
    const rootfs = folder.at('rootfs');
    makeRootfs(rootfs);
    for (const name of ['lib', 'lib64']) symlinkSync(`usr/${name}`, `${rootfs}/${name}`);
    mkdirSync(`${rootfs}/usr`);
    await makeFiles(`${rootfs}/root/from`);
    await using _agent = await AgentProcess.start(socket, '-control-socket=none');
    await using container = await Container.run({
      runtime,
      folder: folder.path,
      rootfs,
      listenerPath: socket,
      profile: JSON.parse(stdout),
      capabilities: ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_SETFCAP'],
      mounts: [machinesPrograms],
      script: copies,
    });

    // tar warns of a list that it cannot have
    const ends = container.output.match(/^(?:cp|rsync|tar) \d+$/gmu);
    expect(ends).toEqual(['cp 0', 'rsync 0', 'tar 0']);
    const copied = {
      user: ['user.a'],
      capability: ['security.capability'],
      list: ['system.posix_acl_access'],
    };
    const marked = ['trusted.overlay.opaque', 'user.a'];
    expect(await attributesIn(`${rootfs}/root/from`)).toEqual({ ...copied, overlay: marked });
    // a list that has such a name is written, or there is none
    const overlay = runtime === 'crun' ? marked : [];
    expect(await attributesIn(`${rootfs}/root/cp`)).toEqual({ ...copied, overlay });
    expect(await attributesIn(`${rootfs}/root/tar`)).toEqual({ ...copied, overlay });
    const { overlay: _marks, ...byRsync } = await attributesIn(`${rootfs}/root/rsync`);
    expect(byRsync).toEqual(copied);
  },
);
