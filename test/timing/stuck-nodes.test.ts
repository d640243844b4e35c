// SPDX-License-Identifier: Apache-2.0
// Device nodes on which nobody can mount anything for now, in a file system that does not answer.
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { patient } from '../support/patience.ts';
import { until } from '../support/polling.ts';
import { settledFdCount, untilFdCountIs } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

/** Maximal time of a call's operations, and after their child was killed. */
const operationsMs = 10_000;
const lateMs = patient(3000);
const nsPerMs = 1e6;

interface Answered {
  readonly answer: string;
  readonly tookMs: number;
}

test('A5, A7: devices: covers that hang are given up in time, and gone once they can go on', async () => {
  using folder = new TemporaryFolder();
  const nodes = makeFolder(folder.path, 'nodes');
  await using agent = await startWatchedAgent({
    bundle: join(shippedBundles(), 'mknod-safe'),
    log: 'warn',
    mayWarn: true,
  });
  const before = await settledFdCount(agent.pid);
  await using container = new RunningCommand(
    [
      'setpriv',
      '--bounding-set=-mknod',
      '--inh-caps=-mknod',
      compiled('stuck-nodes'),
      '-s',
      agent.socket,
      nodes,
    ],
    { deadlineMs: operationsMs * 6 },
  );
  let known = 0;
  const makeNodes = async (count: number): Promise<readonly Answered[]> => {
    container.write(`${count}\n`);
    const answers = await until(
      'all answers',
      () => {
        const lines = [...container.stdout.matchAll(/^(\w+) (\d+)$/gmu)].slice(known);
        return lines.length < count ? undefined : lines;
      },
      operationsMs * 3,
    );
    known += count;
    return answers.map(([, answer = '', ns]) => ({ answer, tookMs: Number(ns) / nsPerMs }));
  };

  // more wait for those of a container whose calls hang
  const hung = await makeNodes(2);
  expect(hung.map(({ answer }) => answer)).toEqual(['ETIMEDOUT', 'ETIMEDOUT']);
  expect(Math.max(...hung.map(({ tookMs }) => tookMs))).toBeLessThan(operationsMs + lateMs);

  container.write('answer\n');
  await container.printed(/^answered$/mu);

  expect((await makeNodes(1)).map(({ answer }) => answer)).toEqual(['OK']);
  container.endInput();
  expect(await container.ended).toMatchObject({ code: 0, stderr: '' });
  // what has hung is gone, and what says that it is there
  await untilFdCountIs(agent.pid, before);
  expect(agent.log()).toEqual([]);
}, 90_000);
