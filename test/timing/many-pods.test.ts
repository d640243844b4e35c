// SPDX-License-Identifier: Apache-2.0
// Tests the agent with as many pods at once as a node of Kubernetes has.
import { expect, test } from 'vitest';

import type { RuntimeName } from '../support/container-runtime.ts';
import { busyboxImage } from '../support/cri/containerd.ts';
import { Crowd } from '../support/cri/crowd.ts';
import { PodNode } from '../support/cri/node.ts';
import { FakeApiServer, fakeNode } from '../support/fake-api-server.ts';
import type { ApiServerMode } from '../support/fake-api-server.ts';
import { until } from '../support/polling.ts';
import { settledFdCount } from '../support/process-resources.ts';

const count = 100;
const profileOptions = { metadata: ['MKDIR_TMPL=-{{.Pod}}'], trapped: ['mkdir', 'mkdirat'] };
/** A machine with two cores takes half a minute for a crowd. */
const limitMs = 400_000;
const failures = ['error', 'fatal'];

type Api = 'none' | ApiServerMode;

class NodeWithApi implements AsyncDisposable {
  readonly node: PodNode;
  /** Absent: the agent has not been told of one. */
  readonly server: FakeApiServer | undefined;

  private constructor(node: PodNode, server: FakeApiServer | undefined) {
    this.node = node;
    this.server = server;
  }

  static async start(api: Api): Promise<NodeWithApi> {
    await using started = new AsyncDisposableStack();
    const server = api === 'none' ? undefined : await FakeApiServer.start({ mode: api });
    started.use(server);
    const access =
      server === undefined ? [] : [`-kubeconfig=${server.kubeconfig}`, `-node-name=${fakeNode}`];
    const node = await PodNode.start('-resolver=kubernetes', ...access);
    started.move();
    return new NodeWithApi(node, server);
  }

  /** An API that nobody has asked, whoever has waited for it, and all else that went wrong. */
  get troubles(): readonly string[] {
    const lines = this.node.agent.process.records
      .filter(({ event, level }) => event === 'container-waiting' || failures.includes(level))
      .map((record) => JSON.stringify(record));
    return this.server?.requests.length === 0 ? ['nobody has asked the API', ...lines] : lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
    await this.server?.[Symbol.asyncDispose]();
  }
}

const crowds: readonly (readonly [runtime: RuntimeName, api: Api])[] = [
  ['runc', 'none'],
  ['crun', 'stuck'],
  ['runc', 'dead'],
  ['crun', 'lying'],
];

test.for(crowds)(
  `G7: pods: ${count} of %s that start and stop at once lose no call, with an API that is %s`,
  { timeout: limitMs },
  async ([runtime, api]) => {
    await using both = await NodeWithApi.start(api);
    const { node } = both;
    const { pid } = await node.agent.status();
    const fds = await settledFdCount(pid);
    const profile = node.profile(profileOptions);
    const crowd = await Crowd.start({ node, runtime, count, profile });
    expect((await node.listeners()).toSorted()).toEqual(crowd.ids.toSorted());
    expect(await crowd.faults()).toEqual([]);

    await crowd.stop();
    await until('all listeners to go', async () =>
      (await node.listeners()).length === 0 ? true : undefined,
    );
    // helpers that wait for another container have some for a while
    await until('the descriptors of before', async () =>
      (await settledFdCount(pid)) <= fds ? true : undefined,
    );
    expect(both.troubles).toEqual([]);
  },
);

/** How long a pod takes until it has made its calls, in milliseconds: the fastest of a few. */
async function timeWith(api: Api): Promise<number> {
  await using both = await NodeWithApi.start(api);
  const { node } = both;
  const profile = node.profile(profileOptions);
  const times: number[] = [];
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const began = performance.now();
    const alone = await Crowd.start({ node, runtime: 'runc', count: 1, profile, name });
    times.push(performance.now() - began);
    await alone.stop();
  }
  expect(both.troubles).toEqual([]);
  return Math.min(...times);
}

test(
  'G7: pods: no API that is stuck, dead or lying delays a pod',
  { timeout: limitMs },
  async () => {
    const withoutMs = await timeWith('none');
    const withApi = [await timeWith('stuck'), await timeWith('dead'), await timeWith('lying')];
    // what waits for an API waits for seconds
    expect(Math.max(...withApi)).toBeLessThan(2 * withoutMs + 1000);
  },
);

test('G7: pods: a container has the names that its runtime says, and not those of the API', async () => {
  await using both = await NodeWithApi.start('well');
  const { node, server } = both;
  const uid = 'a6d4b7a1-4c13-4f2a-a8a3-6f5f0a5c3a52';
  server?.setPod({ name: 'somebody', namespace: 'elsewhere', uid });
  await node.agent.process.logged('pods-watched');
  await using pod = await node.containerd.runPod({ name: 'web', uid, runtime: 'runc' });
  const container = await pod.start({
    name: 'front',
    image: busyboxImage,
    command: ['sleep', '1000'],
    profile: node.profile({
      ...profileOptions,
      metadata: ['MKDIR_TMPL=-{{.Namespace}}-{{.Pod}}-{{.Container}}'],
    }),
  });
  expect(await container.shell('mkdir /abc; ls -d /abc*')).toBe('/abc-default-web-front\n');
});
