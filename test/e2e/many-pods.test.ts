// SPDX-License-Identifier: Apache-2.0
// Tests the agent with as many pods at once as a node of Kubernetes has.
import { expect, test } from 'vitest';

import { Crowd } from '../support/cri/crowd.ts';
import { PodNode } from '../support/cri/node.ts';
import { until } from '../support/polling.ts';
import { settledFdCount } from '../support/process-resources.ts';

const runtimes = ['runc', 'crun'] as const;
const count = 100;
const metadata = ['MKDIR_TMPL=-{{.Pod}}'];
const trapped = ['mkdir', 'mkdirat'];
/** A machine with two cores takes half a minute. */
const limitMs = 300_000;

test.for(runtimes)(
  `pods: ${count} of %s that start and stop at once lose no call`,
  { timeout: limitMs },
  async (runtime) => {
    await using node = await PodNode.start('-resolver=kubernetes');
    const { pid } = await node.agent.status();
    const fds = await settledFdCount(pid);
    const profile = node.profile({ metadata, trapped });

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
    expect(node.agent.process.log).not.toMatch(/ERROR|FATAL/u);
  },
);
