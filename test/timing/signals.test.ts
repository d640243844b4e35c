// SPDX-License-Identifier: Apache-2.0
// Signals that interrupt the agent's threads, and signals that interrupt callers.
import { constants } from 'node:os';

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { metricValues } from '../support/agent-metrics.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { MeasuredAgent } from '../support/measured-agent.ts';
import { plainMkdir } from '../support/plain-mkdir.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { trapLines } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

/** Sends both signals to each thread of the agent, about a thousand times a second. */
function startStorm(agent: WatchedAgent): RunningCommand {
  const { SIGURG, SIGPROF } = constants.signals;
  return new RunningCommand([
    compiled('signal-storm'),
    ...[agent.pid, SIGURG, SIGPROF].map(String),
  ]);
}

async function sentBy(storm: RunningCommand): Promise<number> {
  storm.endInput();
  const { stdout } = await storm.ended;
  return Number(stdout);
}

describe('signals: to the agent', () => {
  // a handler that does nothing still interrupts what a thread waits in
  const signals = ['SIGURG', 'SIGPROF'] as const;

  test('K6: signals: a storm of signals to all threads of the agent changes no answer', async () => {
    await using agent = await startWatchedAgent({ resolver: 'demo-basic', signals, log: 'warn' });
    using folder = new TemporaryFolder();
    await using storm = startStorm(agent);

    const all = await Promise.all(
      Array.from({ length: 8 }, async (_, index) =>
        trapLines({
          socket: agent.socket,
          trapped: ['mkdir', 'chmod', 'getpgid', 'mount'],
          wrapper: ['unshare', '-m', '-p', '-f'],
          options: ['-T', '40'],
          operations: [
            `mkdir:${folder.at(`made-${index}`)}:755`,
            'chmod:/tmp:700',
            'mkdir-unterminated',
            `mount:proc:${folder.path}:proc:0:`,
          ],
        }),
      ),
    );

    expect(await sentBy(storm)).toBeGreaterThan(1000);
    const others = ['chmod -1 EBADMSG', 'mkdir-unterminated -1 EFAULT', 'mount 0 OK'];
    for (const lines of all) {
      expect(lines.slice(0, 4)).toEqual(['mkdir 0 OK', ...others]);
      expect(lines).toHaveLength(160);
      expect(new Set(lines.slice(4))).toEqual(
        // the mount of the first round hides the folder
        new Set(['mkdir -1 ENOENT', ...others]),
      );
    }
    expect(agent.log()).toEqual([]);
    expect(readdirSync(folder.path)).toHaveLength(8);
  });

  test('K6: signals: containers that come during a storm are all taken and let go', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, signals, log: 'info' });
    using folder = new TemporaryFolder();
    await using storm = startStorm(agent);

    await Promise.all(
      Array.from({ length: 4 }, async (_, index) => {
        for (let round = 0; round < 10; round += 1) {
          const name = `made-${index}-${round}`;
          const lines = await trapLines({
            socket: agent.socket,
            trapped: ['mkdir'],
            options: ['-i', name],
            operations: [`mkdir:${folder.at(name)}:755`],
          });
          expect(lines).toEqual(['mkdir 0 OK']);
        }
      }),
    );

    for (const name of readdirSync(folder.path)) {
      await agent.untilLogged('container-detached', { container: name });
    }
    expect(await sentBy(storm)).toBeGreaterThan(1000);
    expect(agent.log().filter((line) => !line.includes(' INFO '))).toEqual([]);
  });
});

/** Sum of the metrics whose names begin so, all labels together. */
async function sumsOf(agent: MeasuredAgent): Promise<(name: string) => number> {
  const values = [...(await metricValues(agent.agent.process))];
  return (name) =>
    values
      .filter(([key]) => key === `seccompagent_${name}` || key.startsWith(`seccompagent_${name}{`))
      .reduce((sum, [, value]) => sum + value, 0);
}

describe('signals: to callers', () => {
  const caller = compiled('signalled-caller');

  test('K5, K7: signals: calls without an effect are all answered while a signal comes each millisecond', async () => {
    await using agent = await startWatchedAgent({ bundle: testBundle('errno-getpgid') });

    // so many that some calls are taken back before they are received
    const all = await Promise.all(
      Array.from({ length: 8 }, async () =>
        trapLines({
          socket: agent.socket,
          trapped: ['getpgid'],
          operations: [`exec:${caller}:getpgid`],
        }),
      ),
    );

    for (const [answers, signals, end] of all) {
      expect(answers).toBe('EBADMSG 4000');
      expect(Number(signals?.replace('signals ', ''))).toBeGreaterThan(10);
      expect(end).toBe('exec 0 OK');
    }
    expect(agent.log().filter((line) => !line.includes(' INFO '))).toEqual([]);
  });

  test.for([
    ['getpgid', ['-bundle=errno']],
    ['mkdir', ['-resolver=demo-basic']],
  ] as const)(
    'K7: signals: all that was received of %s is counted by what became of it',
    async ([mode, options]) => {
      await using agent = await MeasuredAgent.start(...options);
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          using folder = new TemporaryFolder();
          await trapLines({
            socket: agent.agent.socket,
            trapped: [mode],
            folder: folder.path,
            operations: [`exec:${caller}:${mode},300`],
          });
        }),
      );
      const sums = await until('all calls to end', async () => {
        const sum = await sumsOf(agent);
        return sum('queued_calls') === 0 && sum('workers{state="busy"}') === 0 ? sum : undefined;
      });
      const ends = ['calls_total', 'restarted_calls_total', 'withdrawn_calls_total'].map(sums);
      const all = [...ends, sums('queue_refused_total')].reduce((sum, count) => sum + count);
      expect(sums('received_total')).toBe(all);
      expect(sums('received_total')).toBeGreaterThan(sums('calls_total'));
    },
  );

  test('K8: signals: with WAIT_KILLABLE each directory is made once, whatever signals come', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    using folder = new TemporaryFolder();

    const lines = await trapLines({
      socket: agent.socket,
      trapped: ['mkdir'],
      options: ['-k'],
      folder: folder.path,
      operations: [`exec:${caller}:mkdir`],
    });

    expect(lines[0]).toBe('OK 400');
    expect(Number(lines[1]?.replace('signals ', ''))).toBeGreaterThan(10);
    expect(lines[2]).toBe('exec 0 OK');
    expect(readdirSync(folder.path)).toHaveLength(400);
    expect(agent.log()).toEqual([]);
  });

  // kept answers, which calls get that come again, are lost as others are: in one of a thousand
  test('K5, K7: signals: calls with an effect are answered where signals come faster than that takes', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    for (let round = 0; round < 5; round += 1) {
      using folder = new TemporaryFolder();

      const lines = await trapLines({
        socket: agent.socket,
        trapped: ['mkdir'],
        folder: folder.path,
        operations: [`exec:${caller}:mkdir,100`],
      });

      expect(lines[0]).toBe('OK 400');
      expect(Number(lines[1]?.replace('signals ', ''))).toBeGreaterThan(400);
      expect(lines[2]).toBe('exec 0 OK');
      expect(readdirSync(folder.path)).toHaveLength(400);
    }
    expect(agent.log()).toEqual([]);
  });

  test.for([1000, 300, 100])(
    'K5, A7: signals: each device node is made and covered once, with a signal each %s us',
    async (interval) => {
      const bundle = join(shippedBundles(), 'mknod-safe');
      await using agent = await startWatchedAgent({ bundle, log: 'warn' });
      using folder = new TemporaryFolder();

      const lines = await trapLines({
        socket: agent.socket,
        trapped: ['mknodat'],
        wrapper: ['setpriv', '--bounding-set=-mknod', '--inh-caps=-mknod'],
        folder: folder.path,
        operations: [`exec:${caller}:mknod,${interval}`],
      });

      // whole, so that a failure names the other answers
      expect(lines).toEqual(['OK 400', expect.stringMatching(/^signals \d+$/u), 'exec 0 OK']);
      expect(Number(lines[1]?.replace('signals ', ''))).toBeGreaterThan(100);
      expect(agent.log()).toEqual([]);
    },
  );
});
