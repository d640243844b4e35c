// SPDX-License-Identifier: Apache-2.0
// Shipped profiles as they are, in containers of arm64: programs of busybox and of glibc.
import { copyFileSync, existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { AgentProcess } from '../../support/agent-process.ts';
import { projectRoot } from '../../support/command.ts';
import { compiled } from '../../support/compile.ts';
import { Container } from '../../support/container-runtime.ts';
import { libraryMounts, readOnly } from '../../support/handled-container.ts';
import { makeRootfs } from '../../support/rootfs.ts';
import { TemporaryFolder } from '../../support/temporary-folder.ts';

const runtimes = ['runc', 'crun'] as const;
/** In the container, where those of busybox are in /bin. */
const programs = [
  { of: 'busybox', folder: '/bin', mountPoint: '/mnt' },
  { of: 'glibc', folder: '/usr/bin', mountPoint: '/home' },
] as const;
const annotations = {
  'io.kubernetes.cri.sandbox-namespace': 'default',
  'io.kubernetes.cri.sandbox-name': 'front',
  'io.kubernetes.cri.sandbox-uid': '0a6a1e5c-6a05-4ac0-9a4b-0f6a4ee0a3c1',
  'io.kubernetes.cri.container-name': 'app',
};
const setUp = [
  { profile: 'demo-basic.json', resolver: 'demo-basic', annotations: {} },
  { profile: 'kubernetes/demo-pod.json', resolver: 'kubernetes', annotations },
] as const;

function shipped(profile: string): object {
  return JSON.parse(readFileSync(join(projectRoot, 'deploy/profiles', profile), 'utf8'));
}

describe.for(
  runtimes.flatMap((runtime) => setUp.map((each) => ({ runtime, ...each }))),
)('arm64: $runtime with $profile', ({ runtime, profile, resolver, ...rest }) => {
  let stack: AsyncDisposableStack;
  let rootfs: string;
  let container: Container;
  let suffix: string;

  beforeAll(async () => {
    await using started = new AsyncDisposableStack();
    const folder = started.use(new TemporaryFolder());
    rootfs = folder.at('rootfs');
    makeRootfs(rootfs);
    copyFileSync(compiled('trap.static'), join(rootfs, 'bin/trap'));
    const listenerPath = folder.at('agent.socket');
    started.use(await AgentProcess.start(listenerPath, `-resolver=${resolver}`));
    container = started.use(
      await Container.run({
        runtime,
        folder: folder.path,
        rootfs,
        listenerPath,
        script: ':',
        profile: shipped(profile),
        annotations: rest.annotations,
        mounts: [...libraryMounts(), readOnly('/usr/bin', '/usr/bin')],
      }),
    );
    const pid = await container.firstPid();
    suffix = resolver === 'demo-basic' ? `-pid-${pid}` : '-default-front-app';
    stack = started.move();
  });

  afterAll(async () => {
    await stack.disposeAsync();
  });

  test.for(programs)('mkdir of $of gets another path', async ({ of, folder }) => {
    const { code, stdout } = await container.exec(`${folder}/mkdir /tmp/${of}`);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(readdirSync(join(rootfs, 'tmp'))).toContain(`${of}${suffix}`);
    expect(existsSync(join(rootfs, 'tmp', of))).toBe(false);
  });

  test.for(programs)('mount of $of gets a proc, and no tmpfs', async ({ folder, mountPoint }) => {
    const { stdout } = await container.exec(`
${folder}/mount -t tmpfs none ${mountPoint} || echo refused
${folder}/mount -t proc proc ${mountPoint} && ls ${mountPoint}/self/cmdline`);
    expect(stdout).toMatch(/^mount: .*permission denied/u);
    expect(stdout).toMatch(/^refused\n\/\w+\/self\/cmdline\n$/mu);
  });

  test('a proc hides what the first one does', async () => {
    const { stdout } = await container.exec(`
mount -t proc proc /root || exit
for proc in /proc /root; do
  head -c 1 $proc/keys 2>/dev/null | grep -q . && echo readable: $proc/keys
  (: >>$proc/sys/vm/swappiness) 2>/dev/null && echo writable: $proc/sys
done
echo looked`);
    expect(stdout).toBe('looked\n');
  });

  if (resolver === 'demo-basic') {
    test.for(programs)('chmod of $of fails with EBADMSG', async ({ folder }) => {
      const { stdout } = await container.exec(`${folder}/chmod 700 /etc`);
      expect(stdout).toMatch(/^\S*chmod: .*: Bad message\n$/u);
      expect(statSync(join(rootfs, 'etc')).mode & 0o777).toBe(0o755);
    });

    test('fchmodat2 fails as its siblings do', async () => {
      const { stdout } = await container.exec('/bin/trap -- fchmodat2:/etc:700:0 chmod:/etc:700');
      expect(stdout).toBe('fchmodat2 -1 EBADMSG\nchmod -1 EBADMSG\n');
    });
  } else {
    test('execve of the program that the metadata name is delayed', async () => {
      const took = async (program: string): Promise<number> => {
        const { stdout } = await container.exec(`time -f %e ${program}`);
        return Number(stdout);
      };
      const other = await took('/usr/bin/true');
      const delayed = await took('/bin/true');
      expect(delayed).toBeGreaterThanOrEqual(2);
      expect(delayed - other).toBeGreaterThan(1);
    });
  }
});
