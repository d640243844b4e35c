// SPDX-License-Identifier: Apache-2.0
// Tests mounts for pods with a user namespace of their own, which `hostUsers: false` asks for.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { compiled } from '../support/compile.ts';
import { makeBusyboxRootfs } from '../support/cri/image.ts';
import { PodNode } from '../support/cri/node.ts';
import { examplePod } from '../support/documented-pod.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const runtimes = ['runc', 'crun'] as const;
const rootUidOutside = 200_000;
const image = 'localhost/with-erofs:test';
/** One that the kernel mounts for nobody in a user namespace, as cifs. */
const mount = 'mount-call erofs /volume/hello.erofs /mnt';
/** As shipped, but for the file system. */
function profileOf(name: string): Readonly<Record<string, unknown>> {
  const { profile } = examplePod('userns-pod-cifs', name);
  const listenerMetadata = String(profile['listenerMetadata']).replace('cifs', 'erofs');
  return { ...profile, listenerMetadata };
}

/** As that of alpine, in which nobody has no shell. */
function makeRootfs(path: string): void {
  makeBusyboxRootfs(path);
  const users = join(path, 'etc/passwd');
  writeFileSync(users, readFileSync(users, 'utf8').replace(/^(nobody.*\/)sh$/mu, '$1false'));
  copyFileSync(compiled('mount-call.static'), join(path, 'bin/mount-call'));
}

/** A volume: the kernel reads no images that lie on an overlay, as the root of a container does. */
function makeVolume(path: string): void {
  mkdirSync(path);
  using folder = new TemporaryFolder();
  mkdirSync(folder.at('contents'));
  writeFileSync(folder.at('contents/hello'), 'hello from the image\n');
  const file = join(path, 'hello.erofs');
  execFileSync('mkfs.erofs', ['--quiet', file, folder.at('contents')], { stdio: 'ignore' });
  chmodSync(file, 0o644);
}

let node: PodNode;

beforeAll(async () => {
  node = await PodNode.start('-resolver=kubernetes');
  await node.containerd.addImage(image, makeRootfs);
  makeVolume(volume());
});

function volume(): string {
  return node.containerd.at('volume');
}

afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

/** Output of lines for a shell in the container of a new pod. */
async function output(
  runtime: (typeof runtimes)[number],
  script: string,
  profile: string = 'userns-pod-cifs',
): Promise<string> {
  await using pod = await node.containerd.runPod({ name: 'mynotifypod', runtime, rootUidOutside });
  const container = await pod.start({
    name: 'container1',
    image,
    command: ['sh', '-c', 'sleep 1000'],
    profile: node.profileOf(profileOf(profile)),
    capabilities: ['SYS_ADMIN'],
    volumes: { '/volume': volume() },
  });
  expect(readFileSync(`/proc/${await container.firstPid()}/uid_map`, 'utf8')).toMatch(
    /^ *0 +200000 +65536\n$/u,
  );
  // the pod goes with the answer
  const printed = await container.shell(script);
  return printed;
}

describe.for(runtimes)('%s', (runtime) => {
  const profiles = ['userns-pod-cifs', ...(runtime === 'crun' ? ['userns-pod-cifs-crun'] : [])];
  test.for(profiles)(
    'A2: pods: with %s root of a user namespace may mount what the kernel mounts for none, and unmount it',
    async (profile) => {
      const script = `${mount} && cat /mnt/hello && mount | grep -c " /mnt type erofs"; umount /mnt && ls /mnt`;
      expect(await output(runtime, script, profile)).toBe('hello from the image\n1\n');
    },
  );

  test('A2: pods: nobody else in it may', async () => {
    const script = String.raw`
sed -i 's!^\(nobody.*/\)false!\1sh!' /etc/passwd
su nobody -c 'id -u; ${mount}'
mount | grep -c /mnt
`;
    expect(await output(runtime, script)).toBe('65534\nmount-call: Operation not permitted\n0\n');
  });

  test('A2: pods: without an agent’s help root may not', async () => {
    await using pod = await node.containerd.runPod({ name: 'plain', runtime, rootUidOutside });
    const container = await pod.start({
      name: 'container1',
      image,
      command: ['sleep', '1000'],
      capabilities: ['SYS_ADMIN'],
      volumes: { '/volume': volume() },
    });
    expect(await container.shell(mount)).toBe('mount-call: Operation not permitted\n');
  });
});
