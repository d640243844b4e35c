// SPDX-License-Identifier: Apache-2.0
// Commands that are executed in containers by the hundred, with as many bundles as they may name:
// nobody else waits for them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { Agent } from '../../host/agent.ts';
import { BundleStore } from '../../host/bundles/bundle-store.ts';
import { ComponentCache } from '../../host/bundles/component-cache.ts';
import { defaultPolicies } from '../../host/registry/policy.ts';
import type { Resolver } from '../../host/resolvers/resolver.ts';
import { noneResolver } from '../../host/resolvers/none.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { dear, trapping } from '../support/hostile-components.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { instruction } from '../support/wasm-binary.ts';

const nsPerMs = 1e6;
/** Of the main thread at once, and of a start while they wait. */
const longestMs = 1000;
const [bundleCount, handlerCount] = [16, 32];
const names = Array.from({ length: bundleCount }, (_, index) => `b${index}`);

/** An agent in this process, so that its main thread is ours. */
class Served implements AsyncDisposable {
  readonly bundles = new BundleFolder();
  readonly #folder = new TemporaryFolder();
  readonly #components = new ComponentCache({ waits: false });
  #store = new BundleStore({ folders: [this.bundles.path] }, this.#components);
  #agent: Agent | undefined;

  static async start(): Promise<Served> {
    const served = new Served();
    const { bundles } = served;
    bundles.write('good', {
      component: 'errno',
      syscalls: ['getpgid'],
      settings: { errno: 'EBADMSG' },
    });
    // later, that would keep the main thread
    for (const program of ['execution-crowd', 'asked-caller']) compiled(program);
    const agent = await Agent.start({
      resolver: served.#resolver(),
      log: { level: 'fatal', format: 'text', isColored: false },
    });
    served.#agent = agent;
    served.#components.used = () => agent.components.all();
    agent.listen({ path: served.socket, allowedUids: [] });
    // its bundle is known from now on
    await served.answersGood();
    return served;
  }

  get socket(): string {
    return this.#folder.at('agent.socket');
  }

  get listeners(): number {
    return this.#agent?.containerCount ?? 0;
  }

  crowd(id: string, count: number): RunningCommand {
    const metadata = `BUNDLE=${names.join(',')}`;
    const words = [this.socket, metadata, id, String(count)];
    return new RunningCommand([compiled('execution-crowd'), ...words]);
  }

  /** @returns how long a container with a bundle that is known takes until its first call is answered */
  async answersGood(): Promise<number> {
    const began = performance.now();
    await using caller = new AskedCaller({ socket: this.socket, metadata: 'BUNDLE=good' });
    const { answer } = await caller.ask('getpgid 0');
    if (answer !== 'EBADMSG') throw new Error(`the call was answered ${answer}`);
    return performance.now() - began;
  }

  /** As SIGHUP does. */
  async reload(): Promise<void> {
    this.#store = await this.#store.renewed(() => undefined);
    const resolver = this.#resolver();
    const { signal } = new AbortController();
    await this.#agent?.regrant(async () => resolver);
    await this.#agent?.reload(resolver, { hurry: signal, over: signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.stop();
    this.#folder[Symbol.dispose]();
    this.bundles[Symbol.dispose]();
  }

  #resolver(): Resolver {
    return noneResolver({ store: this.#store, policies: defaultPolicies, selection: [] });
  }
}

/** @returns for how long the main thread was kept at most while it was done, in milliseconds */
async function keptWhile(work: () => Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  // it counts from its first look on
  await pause(20);
  await work();
  await pause(20);
  delay.disable();
  return delay.max / nsPerMs;
}

/** Small ones that nobody has compiled before. */
function writeNew(bundles: BundleFolder): void {
  const [first, second] = [0, 0].map(() => 0x80 + Math.floor(Math.random() * 0x80));
  for (const [at, name] of names.entries()) {
    const components = Array.from({ length: handlerCount }, (_, index) => {
      const number = [first ?? 0, second ?? 0, 0x80 + at, 0x80 + index, 0];
      return dear({ body: [0x41, ...number, ...instruction.drop] });
    });
    bundles.writeMany(name, components);
  }
}

test('arrivals: executions that wait for new bundles keep neither the main thread nor another start', async () => {
  await using served = await Served.start();
  writeNew(served.bundles);
  await using _crowd = served.crowd('crowd', 240);

  const starts: number[] = [];
  const keptMs = await keptWhile(async () => {
    for (let at = 0; at < 10; at += 1) starts.push(await served.answersGood());
  });

  expect(served.listeners).toBeLessThan(240);
  expect(keptMs).toBeLessThan(longestMs);
  expect(Math.max(...starts)).toBeLessThan(longestMs);
});

/** Their bundle.json is large, and right but for the digest of its last handler. */
function writeLarge(bundles: BundleFolder): void {
  const settings = Object.fromEntries(
    Array.from({ length: 250 }, (_, index) => [
      `S${index}`,
      { type: 'template', description: 'd'.repeat(60), default: '{{.Pod}}'.repeat(5) },
    ]),
  );
  for (const name of names) {
    mkdirSync(bundles.at(name));
    writeFileSync(bundles.at(`${name}/h.wasm`), trapping());
    const handlers = Array.from({ length: handlerCount }, (_, index) => ({
      component: 'h.wasm',
      syscalls: ['getpgid'],
      ...(index === handlerCount - 1 ? { digest: `sha256:${'0'.repeat(64)}` } : {}),
    }));
    const manifest = { name, version: '0.1.0', description: 'For tests', settings, handlers };
    writeFileSync(bundles.at(`${name}/bundle.json`), JSON.stringify(manifest));
  }
}

test('arrivals: a reload of many listeners with large bundles that are refused does not keep the main thread', async () => {
  await using served = await Served.start();
  writeLarge(served.bundles);
  await using _one = served.crowd('one', 120);
  await using _other = served.crowd('other', 120);
  await until('their listeners', () => served.listeners >= 240 || undefined);

  const keptMs = await keptWhile(async () => served.reload());

  expect(keptMs).toBeLessThan(longestMs);
});
