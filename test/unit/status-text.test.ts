// SPDX-License-Identifier: Apache-2.0
// Tests how the status of an agent is written.
import { setImmediate as nextTurn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { statusText } from '../../host/control/status-text.ts';
import type { ContainerStatus, OwnStatus } from '../../host/control/status.ts';

const own: OwnStatus = {
  version: '0.1.0',
  pid: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  uptimeSeconds: 1,
  workers: 2,
  agentSocket: null,
  lastReload: null,
  kubernetes: null,
};

function statusOf(id: string): ContainerStatus {
  return { id, calls: 0, since: own.startedAt, bundles: [], handlers: [] };
}

async function textOf(containers: Iterable<ContainerStatus>): Promise<string> {
  let text = '';
  for await (const piece of statusText(own, containers)) text += piece;
  return text;
}

test.for([0, 1, 3])('status: with %i containers it is one JSON object', async (count) => {
  const containers = Array.from({ length: count }, (_, at) => statusOf(`c${at}`));
  expect(JSON.parse(await textOf(containers))).toEqual({ ...own, containers });
});

test('status: between two containers the main thread turns to others', async () => {
  const made: string[] = [];
  function* all(): Generator<ContainerStatus> {
    for (let at = 0; at < 20; at += 1) {
      made.push(`c${at}`);
      yield statusOf(`c${at}`);
    }
  }
  const seen: number[] = [];
  const writing = textOf(all());
  while (made.length < 20) {
    seen.push(made.length);
    await nextTurn();
  }
  await writing;
  const steps = seen.slice(1).map((count, at) => count - (seen[at] ?? 0));
  expect(Math.max(...steps)).toBe(1);
});
