// SPDX-License-Identifier: Apache-2.0
// The metrics port, as much as anybody who reaches it can ask for: the main thread has time for all
// else, and probes are answered.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { createLog } from '../../host/log/log.ts';
import { MetricsServer } from '../../host/metrics/server.ts';

/** As those of 500 containers. */
const textMs = 120;
const textBytes = 1_000_000;
const floodMs = 5000;
const probeEveryMs = 50;
/** It was nearly all of it. */
const maxShare = 0.4;
/** A kubelet waits that long for the answer to a probe, where nothing else is set. */
const promptMs = 1000;

function text(): string {
  const began = performance.now();
  while (performance.now() - began < textMs);
  return 'x'.repeat(textBytes);
}

async function startServer(): Promise<MetricsServer> {
  return MetricsServer.start({
    address: { host: '127.0.0.1', port: 0 },
    metrics: { contentType: 'text/plain', text: async () => text() },
    downReason: () => undefined,
    readiness: [],
    log: createLog({ level: 'fatal', format: 'text', isColored: false }),
  });
}

/** Keeps 200 connections that ask for this path, or say nothing. */
async function flooding(port: number, path: string): Promise<AsyncDisposable> {
  const file = new URL('../support/metrics-flood.ts', import.meta.url);
  const child = fork(file, [String(port), path], { execArgv: [] });
  await once(child, 'message');
  return {
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

/** Time of a probe; undefined: it was not answered. */
async function probeMs(port: number): Promise<number | undefined> {
  const began = performance.now();
  const asked = get({ host: '127.0.0.1', port, path: '/healthz', agent: false });
  return new Promise((resolve) => {
    asked.once('error', () => {
      resolve(undefined);
    });
    asked.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? performance.now() - began : undefined);
    });
  });
}

test.for([
  ['scrapes', '/metrics'],
  ['probes', '/healthz'],
  ['silence', ''],
])(
  'G4, G1: metrics flood: many connections with %s leave time and answers to others',
  async ([, path = '']) => {
    await using server = await startServer();
    await using _flood = await flooding(server.port, path);
    await pause(500);
    const [before, began] = [performance.eventLoopUtilization(), performance.now()];
    const times: (number | undefined)[] = [];
    while (performance.now() - began < floodMs) {
      times.push(await probeMs(server.port));
      await pause(probeEveryMs);
    }
    expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(maxShare);
    const prompt = times.filter((ms) => ms !== undefined && ms < promptMs);
    expect(prompt.length / times.length).toBeGreaterThan(0.8);
  },
);
