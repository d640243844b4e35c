// SPDX-License-Identifier: Apache-2.0
// Shipped profiles as they are, in containers of arm64: programs of busybox and of glibc.
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { projectRoot } from '../../support/command.ts';
import { compiled } from '../../support/compile.ts';
import { Container } from '../../support/container-runtime.ts';
import { libraryMounts, readOnly } from '../../support/handled-container.ts';
import { makeRootfs } from '../../support/rootfs.ts';
import { TemporaryFolder } from '../../support/temporary-folder.ts';
import { startWatchedAgent } from '../../support/watched-agent.ts';
import type { WatchedAgent } from '../../support/watched-agent.ts';
import { inTime } from '../in-time.ts';
import { patientBundle } from '../patient-bundle.ts';

interface Case {
  readonly title: string;
  readonly script: string;
  readonly prints: RegExp;
}

const runtimes = ['runc', 'crun'] as const;
/** In the container, where those of busybox are in /bin. */
const programs = [
  { of: 'busybox', folder: '/bin', mountPoint: '/mnt' },
  { of: 'glibc', folder: '/usr/bin', mountPoint: '/home' },
] as const;

/** Effects of both profiles. */
function usualCases(suffix: string): readonly Case[] {
  const ofPrograms = programs.flatMap(({ of, folder, mountPoint }) => [
    {
      title: `mkdir of ${of} gets another path`,
      script: `${folder}/mkdir /tmp/${of} && ls /tmp | grep ${of}`,
      prints: new RegExp(`^${of}${suffix}\n$`, 'u'),
    },
    {
      title: `mount of ${of} is refused for a tmpfs`,
      script: `${folder}/mount -t tmpfs none ${mountPoint} || echo refused`,
      prints: /^mount: .*permission denied[^]*\nrefused\n$/u,
    },
    {
      title: `mount of ${of} is done for proc`,
      script: `${folder}/mount -t proc proc ${mountPoint} && ls ${mountPoint}/self/cmdline`,
      prints: new RegExp(`^${mountPoint}/self/cmdline\n$`, 'u'),
    },
  ]);
  const hides = {
    title: 'a new proc hides and protects what the first one does',
    script: `
mount -t proc proc /root || exit
for proc in /proc /root; do
  head -c 1 $proc/keys 2>/dev/null | grep -q . && echo readable: $proc/keys
  (: >>$proc/sys/vm/swappiness) 2>/dev/null && echo writable: $proc/sys
done
echo looked`,
    prints: /^looked\n$/u,
  };
  return [...ofPrograms, hides];
}

const refusedChmods: readonly Case[] = [
  ...programs.map(({ of, folder }) => ({
    title: `chmod of ${of} fails and does nothing`,
    script: `${folder}/chmod 700 /etc; stat -c %a /etc`,
    prints: /^\S*chmod: .*: Bad message\n755\n$/u,
  })),
  {
    title: 'fchmodat2 fails as its sibling does',
    script: '/bin/trap -- fchmodat2:/etc:700:0 chmod:/etc:700',
    prints: /^fchmodat2 -1 EBADMSG\nchmod -1 EBADMSG\n$/u,
  },
];

const delayedExec: Case = {
  title: 'execve of the program that the metadata name is delayed',
  script: `
began=$(date +%s)
/bin/true
test $(($(date +%s) - began)) -ge 2 && echo delayed`,
  prints: /^delayed\n$/u,
};

const setUps = [
  {
    profile: 'demo-basic.json',
    resolver: 'demo-basic',
    annotations: {},
    cases: [...usualCases(String.raw`-pid-\d+`), ...refusedChmods],
  },
  {
    profile: 'kubernetes/demo-pod.json',
    resolver: 'kubernetes',
    annotations: {
      'io.kubernetes.cri.sandbox-namespace': 'default',
      'io.kubernetes.cri.sandbox-name': 'front',
      'io.kubernetes.cri.container-name': 'app',
    },
    cases: [...usualCases('-default-front-app'), delayedExec],
  },
] as const;

function shipped(profile: string): object {
  return JSON.parse(readFileSync(join(projectRoot, 'deploy/profiles', profile), 'utf8'));
}

describe.for(runtimes.flatMap((runtime) => setUps.map((setUp) => ({ runtime, ...setUp }))))(
  'arm64: $runtime with $profile',
  ({ runtime, profile, resolver, annotations, cases }) => {
    let stack: AsyncDisposableStack;
    let agent: WatchedAgent;
    let container: Container;

    beforeAll(async () => {
      await using started = new AsyncDisposableStack();
      const folder = started.use(new TemporaryFolder());
      const rootfs = folder.at('rootfs');
      makeRootfs(rootfs);
      copyFileSync(compiled('trap.static'), join(rootfs, 'bin/trap'));
      patientBundle(folder, resolver);
      agent = started.use(await startWatchedAgent({ resolver, bundleFolders: [folder.path] }));
      container = started.use(
        await Container.run({
          runtime,
          folder: folder.path,
          rootfs,
          listenerPath: agent.socket,
          script: ':',
          profile: shipped(profile),
          annotations,
          mounts: [...libraryMounts(), readOnly('/usr/bin', '/usr/bin')],
        }),
      );
      stack = started.move();
    });

    afterAll(async () => {
      await stack.disposeAsync();
    });

    test.for(cases)('$title', async ({ script, prints }) => {
      const { stdout } = await inTime(agent, async () => container.exec(script));
      expect(stdout).toMatch(prints);
    });
  },
);
