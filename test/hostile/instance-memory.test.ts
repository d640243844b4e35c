// SPDX-License-Identifier: Apache-2.0
// Handlers that use all the memory that they may have, for many listeners: the agent has a bound for
// all of them together, and its own limit never ends it.
import { readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import {
  bulky,
  goodValue,
  greedy,
  looping,
  manyReferences,
  muchCallFeedback,
  muchMachineCode,
} from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { maxResidentBytes } from '../support/process-memory.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { writeGoodBundle } from './attack.ts';

const limitBytes = 1024 * 2 ** 20;
/** So that it takes less to have too much. */
const fewBytes = 512 * 2 ** 20;
/** With 16 MiB each, one worker alone would need the whole limit for so many. */
const many = 64;

async function startLimited(cgroup: MemoryCgroup): Promise<HostileAgent> {
  const agent = await startHostileAgent({ log: 'warn', wrapper: cgroup.wrapper });
  writeGoodBundle(agent);
  agent.bundles.write('greedy', { component: greedy(), syscalls: ['getpgid'] });
  return agent;
}

function greedyCaller({ socket }: HostileAgent): AskedCaller {
  return new AskedCaller({ socket, metadata: 'greedy', id: 'crowd' });
}

async function expectAnswered(caller: AskedCaller): Promise<void> {
  expect((await caller.ask('getpgid 1')).answer).toBe(String(goodValue));
}

test('G5: memory of instances: many listeners whose handlers take all they may end no agent', async () => {
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await startLimited(cgroup);
  await using good = new AskedCaller({ socket: agent.socket, metadata: 'good', id: 'other' });
  await using callers = new AsyncDisposableStack();
  const crowd = Array.from({ length: many }, () => callers.use(greedyCaller(agent)));
  for (let round = 0; round < 3; round += 1) {
    // all at once, so that all workers are asked
    const answered = Promise.all(crowd.map(async (caller) => expectAnswered(caller)));
    expect((await good.ask('getpgid 0')).answer).toBe('EBADMSG');
    await answered;
  }
  await agent.untilLogged('handlers-memory-crowded', { container: 'crowd' });
  expect(cgroup.peakBytes).toBeLessThan(limitBytes * 0.75);
});

test('G5: memory of instances: memory of ended containers is free for others', async () => {
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await startLimited(cgroup);
  for (let round = 0; round < 2 * many; round += 1) {
    await using caller = greedyCaller(agent);
    await expectAnswered(caller);
  }
  expect(cgroup.peakBytes).toBeLessThan(limitBytes * 0.75);
});

test('A4: memory of instances: tables and references to functions end no agent', async () => {
  using cgroup = new MemoryCgroup(fewBytes);
  await using agent = await startLimited(cgroup);
  const component = manyReferences();
  agent.bundles.writeMany(
    'references',
    Array.from({ length: 16 }, () => component),
  );
  await using good = new AskedCaller({ socket: agent.socket, metadata: 'good', id: 'other' });
  await using callers = new AsyncDisposableStack();
  const crowd = Array.from({ length: 16 }, () =>
    callers.use(new AskedCaller({ socket: agent.socket, metadata: 'references', id: 'crowd' })),
  );
  const answered = Promise.all(crowd.map(async (caller) => caller.ask('getpgid 0')));
  expect((await good.ask('getpgid 0')).answer).toBe('EBADMSG');
  // by the kernel, but for calls that have taken too long
  const answers = (await answered).map(({ answer }) => answer);
  expect(answers.filter((answer) => answer !== 'EPERM')).toContainEqual(
    expect.stringMatching(/^\d+$/u),
  );
  expect(cgroup.peakBytes).toBeLessThan(fewBytes * 0.75);
});

test('A4: memory of instances: functions with many calls end no agent', async () => {
  using cgroup = new MemoryCgroup(fewBytes);
  await using agent = await startLimited(cgroup);
  agent.bundles.write('calls', { component: muchCallFeedback(), syscalls: ['getpgid'] });
  await using callers = new AsyncDisposableStack();
  const crowd = Array.from({ length: 32 }, () =>
    callers.use(new AskedCaller({ socket: agent.socket, metadata: 'calls', id: 'crowd' })),
  );
  // instances are made, and their functions entered only then
  for (const argument of [0, 1]) {
    await Promise.all(crowd.map(async (caller) => caller.ask(`getpgid ${argument}`)));
  }
  await using good = new AskedCaller({ socket: agent.socket, metadata: 'good', id: 'other' });
  expect((await good.ask('getpgid 0')).answer).toBe('EBADMSG');
  expect(cgroup.peakBytes).toBeLessThan(fewBytes * 0.75);
});

test('A6: memory of instances: machine code of many components ends no agent', async () => {
  using cgroup = new MemoryCgroup(fewBytes);
  await using agent = await startLimited(cgroup);
  const components = Array.from({ length: 3 }, (_, index) => muchMachineCode(index));
  agent.bundles.writeMany('code', components);
  await using good = new AskedCaller({ socket: agent.socket, metadata: 'good', id: 'other' });
  await using caller = new AskedCaller({ socket: agent.socket, metadata: 'code', id: 'code' });

  expect((await caller.ask('getpgid 0')).answer).toBe('EPERM');

  expect((await good.ask('getpgid 0')).answer).toBe('EBADMSG');
  await agent.untilLogged('bundles-unresolved', {
    container: 'code',
    code: 'AGENT_BUNDLE_INVALID',
    error: /\b64\.0 MiB\b/u,
  });
  expect(cgroup.peakBytes).toBeLessThan(fewBytes * 0.75);
});

/** Of the limit, what the agent itself may have, with all code that there may be. */
const maxOfProcess = 0.6;
/** In a bundle. */
const handlers = 10;

/** An agent that reads bundles as they are named, as users start it. */
class BundlesAgent implements AsyncDisposable {
  readonly bundles: BundleFolder;
  readonly socket: string;
  readonly #process: AgentProcess;
  readonly #resources: DisposableStack;
  #written = 0;

  private constructor(
    { bundles, socket }: Pick<BundlesAgent, 'bundles' | 'socket'>,
    process: AgentProcess,
    resources: DisposableStack,
  ) {
    this.bundles = bundles;
    this.socket = socket;
    this.#process = process;
    this.#resources = resources;
  }

  static async start({ wrapper }: MemoryCgroup): Promise<BundlesAgent> {
    using resources = new DisposableStack();
    const folder = resources.use(new TemporaryFolder());
    const bundles = resources.use(new BundleFolder());
    const socket = folder.at('agent.socket');
    const config = folder.at('config.yaml');
    writeFileSync(config, JSON.stringify({ 'bundle-folders': [bundles.path] }));
    const options = [`-config=${config}`, '-resolver=none', '-log=info,nocolor'];
    const process = await AgentProcess.startBy(wrapper, socket, ...options);
    return new BundlesAgent({ bundles, socket }, process, resources.move());
  }

  /** Bundles whose components no other one has. */
  writeBulky(prefix: string, count: number): readonly string[] {
    return Array.from({ length: count }, (_, index) => {
      const components = Array.from({ length: handlers }, () => {
        this.#written += 1;
        return bulky(this.#written);
      });
      this.bundles.writeMany(`${prefix}${index}`, components);
      return `${prefix}${index}`;
    });
  }

  /** A container with this bundle. */
  container(bundle: string): AskedCaller {
    return new AskedCaller({ socket: this.socket, metadata: `BUNDLE=${bundle}`, id: bundle });
  }

  /** Of a container that calls once and ends. */
  async answerTo(bundle: string): Promise<string> {
    await using caller = this.container(bundle);
    return (await caller.ask('getpgid 0')).answer;
  }

  get maxResident(): number {
    return maxResidentBytes(this.#process.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    this.#resources.dispose();
  }
}

test('A6: memory of code: code of ended containers counts while a worker computes', async () => {
  using cgroup = new MemoryCgroup(limitBytes);
  await using agent = await BundlesAgent.start(cgroup);
  agent.bundles.write('loops', { component: looping(), syscalls: ['getpgid'], deadline: '60s' });
  const names = agent.writeBulky('ended', 14);
  // afterwards it is known that they can be compiled
  for (const name of names) expect(await agent.answerTo(name)).toBe(String(goodValue));
  await using caller = agent.container('loops');
  let isComputing = true;
  const end = (): void => {
    isComputing = false;
  };
  void caller.ask('getpgid 1').then(end, end);

  const answers: string[] = [];
  for (const name of names) {
    answers.push(await agent.answerTo(name));
    // there is no more room
    if (answers.at(-1) === 'EPERM') break;
  }

  expect(isComputing).toBe(true);
  expect(answers[0]).toBe(String(goodValue));
  expect(answers.at(-1)).toBe('EPERM');
  expect(agent.maxResident).toBeLessThan(limitBytes * maxOfProcess);
});

test('A6: memory of code: code of containers and code read for others have one limit', async () => {
  using cgroup = new MemoryCgroup(fewBytes);
  await using agent = await BundlesAgent.start(cgroup);
  const [used = ''] = agent.writeBulky('used', 1);
  const refused = agent.writeBulky('refused', 5);
  for (const name of refused) {
    const file = agent.bundles.at(`${name}/bundle.json`);
    const manifest = JSON.parse(readFileSync(file, 'utf8'));
    manifest.handlers.at(-1).digest = `sha256:${'0'.repeat(64)}`;
    writeFileSync(file, JSON.stringify(manifest));
  }
  await using caller = agent.container(used);
  expect((await caller.ask('getpgid 0')).answer).toBe(String(goodValue));

  for (const name of refused) expect(await agent.answerTo(name)).toBe('EPERM');

  expect(agent.maxResident).toBeLessThan(fewBytes * maxOfProcess);
});
