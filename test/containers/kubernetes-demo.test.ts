// SPDX-License-Identifier: Apache-2.0
// Tests the resolver kubernetes with pods: what the documentation shows, and all keys of metadata.
import { existsSync, readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ContainerFreezer } from '../support/cri/container-freezer.ts';
import { busyboxImage } from '../support/cri/containerd.ts';
import { PodNode } from '../support/cri/node.ts';
import type { PodContainer } from '../support/cri/pod.ts';
import { documentedPod, examplePod } from '../support/documented-pod.ts';
import { until } from '../support/polling.ts';

const runtimes = ['runc', 'crun'] as const;
const sleep = { image: busyboxImage, command: ['sleep', '1000'] } as const;

let node: PodNode;

beforeAll(async () => {
  node = await PodNode.start('-resolver=kubernetes');
});

afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

const measured = /^(?<minutes>\d+)m (?<seconds>[\d.]+)s$/gmu;

function withoutTime(output: string): string {
  return output.replaceAll(measured, 'TIME');
}

/** Output of `time -f %E`, in seconds. */
function times(outputs: readonly string[]): readonly number[] {
  return [...outputs.join('').matchAll(measured)].map(
    ({ groups }) => Number(groups?.['minutes']) * 60 + Number(groups?.['seconds']),
  );
}

/** When the first program of a container began, in seconds; it has written that down. */
async function beginningOf(container: PodContainer): Promise<number> {
  const pid = await container.firstPid();
  const text = await until('the first program to begin', () => {
    const file = `/proc/${pid}/root/began`;
    return existsSync(file) ? readFileSync(file, 'utf8') || undefined : undefined;
  });
  return Number.parseFloat(text);
}

describe.for(runtimes)('%s', (runtime) => {
  const forFlags = ['demo-pod, for crun', examplePod('demo-pod', 'demo-pod-crun')] as const;
  test.for([
    [
      'deploy/docs/tutorial/3.md',
      documentedPod('deploy/docs/tutorial/3.md', '2. With a profile of your own'),
    ],
    ['deploy/examples/demo-pod', examplePod('demo-pod')],
    ...(runtime === 'crun' ? [forFlags] : []),
  ] as const)('documentation: a pod does what %s shows', async ([, shown]) => {
    const profile = node.profileOf(shown.profile);
    await using pod = await node.containerd.runPod({ name: shown.name, runtime });
    const container = await pod.start({ image: busyboxImage, profile, ...shown.container });
    const printed: string[] = [];
    for (const { command } of shown.session) printed.push(await container.shell(command));
    const text = (outputs: readonly string[]): string =>
      shown.session
        .map(({ command }, at) => `${command}\n${withoutTime(outputs[at] ?? '')}`)
        .join('');
    const documented = shown.session.map(({ output }) => output);
    expect(text(printed)).toBe(text(documented));
    expect(times(documented)).toEqual([0, 2]);
    const [echo = 0, delayed = 0] = times(printed);
    expect(delayed).toBeGreaterThanOrEqual(2);
    // whatever else the machine does, it does it to both
    expect(echo).toBeLessThan(delayed);
  });

  test('metadata: the profile of the Go agent’s demo works as it is', async () => {
    await using pod = await node.containerd.runPod({ name: 'mynotifypod', runtime });
    const profile = node.profileOf({
      architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      defaultAction: 'SCMP_ACT_ALLOW',
      listenerMetadata:
        'MKDIR_TMPL=-{{.Namespace}}-{{.Pod}}-{{.Container}}\nEXEC_PATTERN=/bin/true\n' +
        'EXEC_DURATION=2s\nMOUNT_PROC=true',
      syscalls: [
        { action: 'SCMP_ACT_NOTIFY', names: ['openat', 'open', 'mkdir', 'mount', 'chmod'] },
      ],
    });
    const container = await pod.start({ name: 'container1', ...sleep, profile });
    const script = 'mkdir /abc; ls -1d /abc*; mount -t proc proc root; mount | grep "/root type"';
    expect(await container.shell(script)).toBe(
      '/abc-default-mynotifypod-container1\nproc on /root type proc (rw,relatime)\n',
    );
  });

  test('EXEC_DURATION: a container whose first program is delayed starts', async () => {
    await using pod = await node.containerd.runPod({ name: 'web', runtime });
    const profile = node.profile({
      metadata: ['EXEC_PATTERN=/bin/true', 'EXEC_DURATION=2s'],
      trapped: ['execve', 'execveat'],
    });
    const began = performance.now();
    const container = await pod.start({
      name: 'front',
      image: busyboxImage,
      command: ['/bin/true'],
      profile,
    });
    expect(await container.exitCode()).toBe(0);
    expect(performance.now() - began).toBeGreaterThanOrEqual(2000);
  });

  test('SIDECARS: all containers of a pod but the sidecars start late', async () => {
    const delayMs = 5000;
    await using pod = await node.containerd.runPod({ name: 'web', runtime });
    const profile = node.profile({
      metadata: ['SIDECARS=proxy,logger', `SIDECARS_DELAY=${delayMs}ms`],
      trapped: ['execve', 'execveat'],
    });
    const command = ['sh', '-c', 'cat /proc/uptime >/began; exec sleep 1000'];
    const start = async (name: string): Promise<PodContainer> =>
      pod.start({ name, image: busyboxImage, command, profile });
    const began = performance.now();
    const [main, proxy] = await Promise.all([start('main'), start('proxy')]);
    const proxyBegan = await beginningOf(proxy);
    const mainBegan = await beginningOf(main);
    expect(performance.now() - began).toBeGreaterThanOrEqual(delayMs);
    expect(proxyBegan).toBeLessThan(mainBegan);

    const joined = performance.now();
    expect(await main.shell('echo joined')).toBe('joined\n');
    expect(performance.now() - joined).toBeLessThan(delayMs);
  });

  test('DEFAULT_ACTION=kill-container: a call that nobody answers ends its container', async () => {
    await using pod = await node.containerd.runPod({ name: 'web', runtime });
    const other = await pod.start({ name: 'other', ...sleep });
    const profile = node.profile({
      metadata: ['DEFAULT_ACTION=kill-container'],
      trapped: ['chmod', 'fchmodat'],
    });
    const container = await pod.start({ name: 'front', ...sleep, profile });
    expect(await container.state()).toBe('CONTAINER_RUNNING');
    // whoever calls may end before or after its answer
    const calling = container.shell('chmod 700 /tmp').catch(() => undefined);
    const killed = 128 + 9;
    expect(await container.exitCode()).toBe(killed);
    await calling;
    expect(await other.shell('echo here')).toBe('here\n');
  });

  const killable = ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'];
  // runc has no flags for filters
  const filters = runtime === 'crun' ? [{ flags: [] }, { flags: killable }] : [{ flags: [] }];
  test.for(filters)(
    'DEFAULT_ACTION=freeze-container: a call that nobody answers freezes it, $flags',
    async ({ flags }) => {
      await using pod = await node.containerd.runPod({ name: 'web', runtime });
      const other = await pod.start({ name: 'other', ...sleep });
      const profile = node.profile({
        metadata: ['DEFAULT_ACTION=freeze-container'],
        trapped: ['chmod', 'fchmodat'],
        flags,
      });
      const container = await pod.start({ name: 'front', ...sleep, profile });
      const freezer = new ContainerFreezer(await container.firstPid());
      expect(freezer.isFrozen).toBe(false);
      const calling = container.shell('chmod 700 /tmp; stat -c %a /tmp');
      try {
        await until('the container to be frozen', () => freezer.isFrozen || undefined);
        expect(await other.shell('echo here')).toBe('here\n');
      } finally {
        freezer.thaw();
      }
      expect(await calling).toBe('chmod: /tmp: Operation not permitted\n755\n');
      expect(await container.state()).toBe('CONTAINER_RUNNING');
    },
  );
});
