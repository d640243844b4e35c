// SPDX-License-Identifier: Apache-2.0
// Tests the agent with pods, made by containerd through the interface that kubelets use.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { busyboxImage } from '../support/cri/containerd.ts';
import { PodNode } from '../support/cri/node.ts';
import { until } from '../support/polling.ts';
import { settledFdCount } from '../support/process-resources.ts';

const runtimes = ['runc', 'crun'] as const;
const sleep = { image: busyboxImage, command: ['sleep', '1000'] } as const;
const metadata = [
  'BUNDLE=mkdir-suffix,mount',
  'MKDIR_SUFFIX=-{{.Namespace}}-{{.Pod}}-{{.Container}}',
];
const trapped = ['mkdir', 'mkdirat', 'mount'];

let node: PodNode;
let profile: string;

beforeAll(async () => {
  node = await PodNode.start();
  profile = node.profile({ metadata, trapped });
});

afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

describe.for(runtimes)('%s', (runtime) => {
  test('pods: a container’s calls are answered by its names in Kubernetes', async () => {
    await using pod = await node.containerd.runPod({ name: 'web', namespace: 'shop', runtime });
    const script = 'mkdir /abc && exec sleep 1000';
    const container = await pod.start({
      name: 'front',
      image: busyboxImage,
      command: ['sh', '-c', script],
      profile,
    });
    const made = await until('the directory', async () => {
      const output = await container.shell('ls -d /abc*');
      return output.includes('No such file') ? undefined : output;
    });
    expect(made).toBe('/abc-shop-web-front\n');
  });

  test('pods: so are those of processes that join it', async () => {
    await using pod = await node.containerd.runPod({ name: 'web', runtime });
    const container = await pod.start({ name: 'front', ...sleep, profile });
    expect(await container.shell('mkdir /abc; ls -d /abc*')).toBe('/abc-default-web-front\n');
    const script = 'mount -t proc proc root; mount | grep "/root type"';
    expect(await container.shell(script)).toBe('proc on /root type proc (rw,relatime)\n');
  });

  test('pods: containers of a pod are told from each other', async () => {
    await using pod = await node.containerd.runPod({ name: 'web', runtime });
    const made = async (name: string): Promise<string> => {
      const container = await pod.start({ name, ...sleep, profile });
      return container.shell('mkdir /abc; ls -d /abc*');
    };
    expect(await Promise.all([made('front'), made('back')])).toEqual([
      '/abc-default-web-front\n',
      '/abc-default-web-back\n',
    ]);
  });

  test('pods: a container whose profile is another’s is left to the kernel', async () => {
    await using pod = await node.containerd.runPod({ name: 'web', runtime });
    await pod.start({ name: 'front', ...sleep, profile });
    const other = await pod.start({ name: 'other', ...sleep });
    expect(await other.shell('mkdir /abc; ls -d /abc*')).toBe('/abc\n');
  });

  test('pods: the sandbox of a pod with a profile has a listener, and no name', async () => {
    await using pod = await node.containerd.runPod({ name: 'web', runtime, profile });
    const container = await pod.start({ name: 'front', ...sleep, profile });
    expect(await container.shell('mkdir /abc; ls -d /abc*')).toBe('/abc-default-web-front\n');
    const { containers } = await node.agent.status();
    const bundles = new Map(containers.map(({ id, bundles: names }) => [id, names.length]));
    expect(bundles.get(pod.id)).toBe(2);
    expect(bundles.get(container.id)).toBe(2);
  });

  test('G6: pods: a hundred processes that join one after the other leave nothing', async () => {
    await using pod = await node.containerd.runPod({ name: 'web', runtime });
    const container = await pod.start({ name: 'front', ...sleep, profile });
    const { pid } = await node.agent.status();
    const names = Array.from({ length: 100 }, (_absent, index) => `/join-${index}`);
    await container.shell('mkdir /first');
    const fds = await settledFdCount(pid);
    for (const name of names) expect(await container.shell(`mkdir ${name}`)).toBe('');
    const expected = names.map((name) => `${name}-default-web-front\n`).toSorted();
    expect(await container.shell('ls -1d /join*')).toBe(expected.join(''));
    expect((await node.listeners()).filter((id) => id === container.id)).toHaveLength(1);
    // helpers that wait for another container have some for a while
    await until('the descriptors of before', async () =>
      (await settledFdCount(pid)) <= fds ? true : undefined,
    );
  });

  test('pods: a container that starts while no agent listens fails, and its successor starts', async () => {
    const listenerPath = node.containerd.at(`${runtime}.socket`);
    const late = node.profile({ metadata, trapped }, listenerPath);
    await using pod = await node.containerd.runPod({ name: 'early', runtime });
    await expect(pod.start({ name: 'front', ...sleep, profile: late })).rejects.toThrow(
      'StartContainer',
    );
    await using _agent = await AgentProcess.start(listenerPath, '-control-socket=none');
    // as a kubelet makes it
    const again = await pod.start({ name: 'front', attempt: 1, ...sleep, profile: late });
    expect(await again.shell('mkdir /abc; ls -d /abc*')).toBe('/abc-default-early-front\n');
  });

  test('pods: nothing is left of a pod that was removed', async () => {
    await using pod = await node.containerd.runPod({ name: 'web', runtime });
    const container = await pod.start({ name: 'front', ...sleep, profile });
    expect(await node.listeners()).toContain(container.id);
    await pod.stop();
    await until('the listener to go', async () =>
      (await node.listeners()).includes(container.id) ? undefined : true,
    );
  });
});
