// SPDX-License-Identifier: Apache-2.0
// Tests that a container, however hard it looks, gets nothing of the processes that act for it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

/** Lines of prying-caller.c that say how many. */
const countNames = 6;

/** Counts of prying-caller.c, and a line for each thing that it should not have got. */
interface Found {
  readonly counts: ReadonlyMap<string, number>;
  readonly complaints: readonly string[];
}

describe('prying', () => {
  let agent: WatchedAgent;
  let mountingAgent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    mountingAgent = await startWatchedAgent({ bundle: testBundle('mounts'), log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await mountingAgent[Symbol.asyncDispose]();
  });

  async function pry(
    calls: number,
    options: readonly string[],
    at: WatchedAgent = agent,
  ): Promise<Found> {
    using folder = new TemporaryFolder();
    const { code, signal, stdout, stderr } = await runCommand(
      [
        compiled('prying-caller'),
        '-s',
        at.socket,
        '-a',
        String(at.pid),
        '-n',
        String(calls),
        ...options,
        makeFolder(folder.path, 'root'),
      ],
      { deadlineMs: 50_000 },
    );
    if (code !== 0) throw new Error(`prying-caller: ${signal ?? code} ${stderr}`);
    const lines = stdout.split('\n').slice(0, -1);
    const last = lines.slice(-countNames).map((line) => line.split(' '));
    return {
      counts: new Map(last.map(([name = '', count]) => [name, Number(count)])),
      complaints: lines.slice(0, -countNames),
    };
  }

  test.each([
    { where: 'in the agent’s pid namespace', calls: 10_000, options: [] },
    { where: 'there, with a user namespace', calls: 2500, options: ['-u'] },
  ])('A4: prying: a container $where reaches neither helpers nor the agent', async (container) => {
    const { counts, complaints } = await pry(container.calls, container.options);

    expect(complaints).toEqual([]);
    expect(counts.get('reached')).toBe(0);
    expect(counts.get('calls')).toBe(container.calls);
    // and it had something to try
    expect(counts.get('agents')).toBeGreaterThan(0);
    expect(counts.get('helpers')).toBeGreaterThan(50);
  });

  test.each([
    { what: 'a pid namespace', calls: 10_000, options: ['-p'] },
    { what: 'a pid namespace and a user namespace', calls: 2500, options: ['-p', '-u'] },
  ])('A4: prying: a container with $what sees nobody but itself', async (container) => {
    const { counts, complaints } = await pry(container.calls, container.options);

    expect(complaints).toEqual([]);
    expect(counts.get('reached')).toBe(0);
    expect(counts.get('calls')).toBe(container.calls);
  });

  test.each([
    { where: 'in the agent’s pid namespace', calls: 1600, options: [] },
    { where: 'there, with a user namespace', calls: 1600, options: ['-u'] },
  ])(
    'A4: prying: a container $where that mounts again and again reaches neither helpers nor what they put into it',
    async ({ calls, options }) => {
      const { counts, complaints } = await pry(calls, ['-m', ...options], mountingAgent);

      expect(complaints).toEqual([]);
      expect(counts.get('reached')).toBe(0);
      expect(counts.get('calls')).toBe(calls);
      expect(counts.get('agents')).toBeGreaterThan(0);
      expect(counts.get('helpers')).toBeGreaterThan(10);
      expect(counts.get('children')).toBeGreaterThan(10);
    },
  );

  test('A4: prying: a container with a pid namespace that mounts again and again sees nobody but itself', async () => {
    const calls = 800;
    const { counts, complaints } = await pry(calls, ['-m', '-p'], mountingAgent);

    expect(complaints).toEqual([]);
    expect(counts.get('reached')).toBe(0);
    expect(counts.get('calls')).toBe(calls);
  });
});
