// SPDX-License-Identifier: Apache-2.0
// Tests the profiles for pods in pods: what they refuse, what goes on as usual, and that the flag of
// those for crun is in effect and known to the agent.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeBusyboxRootfs } from '../support/cri/image.ts';
import { PodNode } from '../support/cri/node.ts';
import type { PodContainer } from '../support/cri/pod.ts';
import { examplePod } from '../support/documented-pod.ts';
import { makeExampleRootfs } from '../support/unprivileged-build.ts';

const image = 'localhost/with-callers:test';
/** With apt, dpkg and perl. */
const debian = 'localhost/debian:test';
/** Packages are fetched and installed, once. */
const rootfsTimeoutMs = 300_000;

function makeRootfs(path: string): void {
  makeBusyboxRootfs(path);
  copyFileSync(compiled('siblings-caller.static'), join(path, 'bin/siblings'));
  copyFileSync(compiled('container-calls.static'), join(path, 'bin/container-calls'));
}

const enosys = 38;
const eperm = 1;
/** The kernel has other errors for them, where they mean nothing. */
const refused = [
  ['keyctl', eperm],
  ['add_key', eperm],
  ['userfaultfd', eperm],
  ['perf_event_open', eperm],
  ['get_mempolicy', eperm],
  ['clone3', enosys],
  ['io_uring_setup', enosys],
  ['pidfd_getfd', enosys],
] as const;

function numbersOf(name: string): readonly string[] {
  const [, native, i386] = syscallNumbers.find(([known]) => known === name) ?? [];
  return [`x86_64:${native}`, `i386:${i386}`];
}

const einval = 22;
/** AF_ALG and AF_VSOCK, also with bits above those of an int, which the kernel does not look at. */
const refusedFamilies = [38, 40, 2 ** 32 + 38, 2 ** 32 + 40];
/** The kernel is given a type of sockets that is none, and makes none. */
const socketAnswers = [...Array(46).keys(), 2 ** 32 + 1, ...refusedFamilies.slice(2)].flatMap(
  (family) => {
    const errno = refusedFamilies.includes(family) ? eperm : einval;
    return numbersOf('socket').map((number) => `${number}:${family} ${errno}`);
  },
);
const answers = [
  ...refused.flatMap(([name, errno]) => numbersOf(name).map((number) => `${number} ${errno}`)),
  ...socketAnswers,
];
const called = answers.map((answer) => answer.split(' ')[0]).join(' ');

const profiles = [
  { runtime: 'runc', name: 'demo-pod' },
  { runtime: 'crun', name: 'demo-pod' },
  { runtime: 'crun', name: 'demo-pod-crun' },
] as const;

let node: PodNode;

beforeAll(async () => {
  const { path } = await makeExampleRootfs();
  node = await PodNode.start('-resolver=kubernetes');
  await node.containerd.addImage(image, makeRootfs);
  await node.containerd.addImageOf({ name: debian, rootfs: path, keepsOwners: true });
}, rootfsTimeoutMs);

afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

interface InPodOptions {
  readonly runtime: 'runc' | 'crun';
  readonly profile?: object;
  readonly image?: string;
}

/** In a pod of its own, whose containers have the profile. */
async function inPod<Result>(
  { runtime, profile, ...options }: InPodOptions,
  work: (container: PodContainer) => Promise<Result>,
): Promise<Result> {
  await using pod = await node.containerd.runPod({ name: 'mynotifypod', runtime });
  const file = profile === undefined ? {} : { profile: node.profileOf({ ...profile }) };
  const command = ['sleep', '1000'];
  const container = await pod.start({ name: 'container1', image, command, ...file, ...options });
  const result = await work(container);
  return result;
}

function shippedProfile(name: string): object {
  return examplePod('demo-pod', name).profile;
}

test('profiles: without one the kernel answers otherwise', async () => {
  const output = await inPod({ runtime: 'runc' }, async (container) =>
    container.shell(`siblings ${called}`),
  );
  const different = answers.filter((answer) => !answer.endsWith(` ${einval}`));
  const same = output.split('\n').filter((line) => different.includes(line));
  expect(same).toEqual([]);
});

/** Calls of usual programs: files, users, pipes, signals, sockets, clocks and other programs. */
const work = `
set -e
mkdir -p /work/in; cd /work
seq 1000 >in/numbers; gzip -c in/numbers >packed; zcat packed | sort -n | tail -n 1
cp -a in copied; chown -R 65534:65534 copied; ln -s in link; mv link moved; stat -c %u copied
tar -cf all.tar in; tar -tf all.tar
su nobody -s /bin/sh -c 'id -u; touch /work/no 2>/dev/null || echo kept out'
mkfifo pipe; (echo through >pipe &); cat pipe
sleep 100 & kill $!; wait $! || true
nc -l -p 4000 -e echo served & sleep 0.5; nc 127.0.0.1 4000 </dev/null
mknod null c 1 3; chroot / true; timeout 5 true; sync; df / >/dev/null
echo through
`;
const printed = `1000
65534
in/
in/numbers
65534
kept out
through
Terminated
served
through
`;

describe.for(profiles)('$name with $runtime', ({ runtime, name }) => {
  const profile = shippedProfile(name);

  test('profiles: they refuse the calls that usual profiles refuse', async () => {
    const output = await inPod({ runtime, profile }, async (container) =>
      container.shell(`siblings ${called}`),
    );
    expect(output.split('\n')).toEqual([...answers, 'listener 22', 'filter 14', '']);
  });

  test('profiles: usual work goes on, and handlers answer their calls', async () => {
    // folders have the names that they are given
    const plain: object = JSON.parse(JSON.stringify(profile).replace(/MKDIR_TMPL=.*?\\n/u, ''));
    const output = await inPod({ runtime, profile: plain }, async (container) =>
      container.shell(work),
    );
    expect(output).toBe(printed);
    const made = await inPod({ runtime, profile }, async (container) =>
      container.shell('mkdir /abc; ls -d /abc*'),
    );
    expect(made).toBe('/abc-default-mynotifypod-container1\n');
  });
});

/** A package is made, installed, run and removed: signals, locks, users, processes, sockets. */
const packaging = String.raw`
set -e
mkdir -p /tmp/own/DEBIAN /tmp/own/usr/bin; cd /tmp
printf 'Package: own\nVersion: 1\nArchitecture: all\nMaintainer: me <me@here>\nDescription: none\n' >own/DEBIAN/control
printf '#!/bin/sh\nuseradd --system own && chown own /usr/bin/own\n' >own/DEBIAN/postinst
cat >own/usr/bin/own <<'END'
#!/usr/bin/perl
use IO::Socket::INET; use POSIX;
my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
if (!fork) { print { IO::Socket::INET->new('127.0.0.1:' . $server->sockport) } "from a child
"; exit }
print $server->accept->getline; wait;
$SIG{ALRM} = sub { print "in time
" }; alarm 1; POSIX::pause();
END
chmod 755 own/DEBIAN/postinst own/usr/bin/own
dpkg-deb --root-owner-group --build own own.deb >/dev/null
apt-get install --yes ./own.deb >apt.log 2>&1 || { cat apt.log; exit 1; }
stat -c %U /usr/bin/own; own; apt-get remove --yes own >/dev/null 2>&1; ls /usr/bin/own 2>/dev/null || echo gone
`;

test.for([
  { runtime: 'runc', name: 'userns-pod-cifs' },
  { runtime: 'crun', name: 'userns-pod-cifs-crun' },
] as const)('profiles: packages are installed with $name', async ({ runtime, name }) => {
  const profile = shippedProfile(name);
  const output = await inPod({ runtime, profile, image: debian }, async (container) =>
    container.shell(packaging),
  );
  expect(output).toBe('own\nfrom a child\nin time\ngone\n');
});

/** Result of a program that is stopped while its call waits for its answer. */
const stopWhileWaiting = `
/bin/true & pid=$!
until grep -q seccomp /proc/$pid/wchan || [ $((tries += 1)) -gt 1000 ]; do :; done
kill -STOP $pid; sleep 0.5
cut -d ' ' -f 3 /proc/$pid/stat
kill -CONT $pid; wait $pid && echo answered
`;

async function stoppedWith(name: string): Promise<string> {
  return inPod({ runtime: 'crun', profile: shippedProfile(name) }, async (container) =>
    container.shell(stopWhileWaiting),
  );
}

describe('the flag of crun', () => {
  test('profiles: a signal takes a call back without it, and none with it', async () => {
    expect(await stoppedWith('demo-pod')).toBe('T\nanswered\n');
    expect(await stoppedWith('demo-pod-crun')).toBe('D\nanswered\n');
  });

  test.for([
    ['runc', false],
    ['crun', true],
  ] as const)(
    'profiles: generated for %s, the memory of callers is written: %j',
    async ([runtime, isWritten]) => {
      const generate = [seccompagent, 'profile', 'generate', 'sysinfo'] as const;
      const { stdout } = await runCommand([...generate, '-base=container', `-runtime=${runtime}`]);
      const output = await inPod({ runtime: 'crun', profile: JSON.parse(stdout) }, (container) =>
        container.shell('container-calls sysinfo'),
      );
      const [, seconds] = /^sysinfo: up (\d+) s/mu.exec(output) ?? [];
      // the container's age where it is written, and else the machine's
      expect(Number(seconds) < 40).toBe(isWritten);
    },
  );
});
