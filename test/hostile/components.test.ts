// SPDX-License-Identifier: Apache-2.0
// Components that cost much to look at are refused before they do.
import { expect, test } from 'vitest';

import { codeBounds } from '../../host/handler/code-bounds.ts';
import { defaultLimits } from '../../host/handler/outline.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import {
  dearWhenHot,
  goodValue,
  inflate,
  manyImports,
  manyInterfaces,
  trapping,
} from '../support/hostile-components.ts';
import { naming } from '../support/failures.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { maxResidentBytes } from '../support/process-memory.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { besideGoodContainer, writeGoodBundle } from './attack.ts';

const mebibyte = 2 ** 20;
const many = 10_000;
/** A line that people can read. */
const maxCharacters = 2000;

test('G5: hostile components: one of 100 MB is refused by its size, before it is read', async () => {
  await using agent = await startHostileAgent({ log: 'warn' });
  writeGoodBundle(agent);
  const original = trapping();
  const file = agent.bundles.write('large', { component: original, syscalls: ['getpgid'] });
  inflate(file, 100e6, original);

  await besideGoodContainer(agent, async () => {
    const before = maxResidentBytes(agent.pid);
    await using caller = new AskedCaller({ socket: agent.socket, metadata: 'large' });

    expect((await caller.ask('getpgid 0')).answer).toBe('EPERM');

    const { error } = await agent.untilLogged('bundles-unresolved', {
      code: 'AGENT_BUNDLE_INVALID',
    });
    // how large it is, and how large it may be
    expect(error).toEqual(naming(file, '100000000', String(defaultLimits.maximumBytes)));
    expect(maxResidentBytes(agent.pid) - before).toBeLessThan(50 * mebibyte);
  });
});

test('G5: hostile components: one with 10,000 imported interfaces is refused in few words', async () => {
  await using agent = await startHostileAgent({ log: 'warn' });
  writeGoodBundle(agent);
  agent.bundles.write('interfaces', { component: manyInterfaces(many), syscalls: ['getpgid'] });

  await besideGoodContainer(agent, async () => {
    await using caller = new AskedCaller({ socket: agent.socket, metadata: 'interfaces' });

    expect((await caller.ask('getpgid 0')).answer).toBe('EPERM');

    await agent.untilLogged('bundles-unresolved', {
      code: 'AGENT_BUNDLE_INVALID',
      error: new RegExp(`\\b${many}\\b.*\\b${codeBounds.sums.imports}\\b`, 'u'),
    });
    for (const line of agent.log()) expect(line.length).toBeLessThan(maxCharacters);
  });
});

test('G5: hostile components: one with 10,000 imported functions is refused or answers', async () => {
  await using agent = await startHostileAgent({ log: 'warn' });
  writeGoodBundle(agent);
  agent.bundles.write('imports', {
    component: manyImports(many),
    syscalls: ['getpgid'],
  });

  await besideGoodContainer(agent, async () => {
    await using caller = new AskedCaller({ socket: agent.socket, metadata: 'imports' });

    const { answer, tookMs } = await caller.ask('getpgid 0');

    expect(['EPERM', String(goodValue)]).toContain(answer);
    expect(tookMs).toBeLessThan(5000);
    for (const line of agent.log()) expect(line.length).toBeLessThan(maxCharacters);
  });
});

test('G5, W1: hostile components: one that is dear once it is hot gets no agent killed', async () => {
  const limitBytes = 768 * mebibyte;
  using cgroup = new MemoryCgroup(limitBytes);
  using cache = new TemporaryFolder();
  await using agent = await startHostileAgent({
    log: 'warn',
    wrapper: cgroup.wrapper,
    // what is known of other runs is not known here
    environment: { CACHE_DIRECTORY: cache.path },
  });
  writeGoodBundle(agent);
  agent.bundles.write('hot', { component: dearWhenHot(), syscalls: ['getpgid'] });
  await using good = new AskedCaller({ socket: agent.socket, metadata: 'good', id: 'other' });
  for (let round = 0; round < 3; round += 1) {
    await using caller = new AskedCaller({ socket: agent.socket, metadata: 'hot' });
    expect((await caller.ask('getpgid 0')).answer).toBe('EPERM');
    expect((await good.ask('getpgid 0')).answer).toBe('EBADMSG');
  }
  await agent.untilLogged('bundles-unresolved', {
    code: 'AGENT_BUNDLE_INVALID',
    error: new RegExp(`\\b${codeBounds.sums['instructions on memories and tables']}\\b`, 'u'),
  });
  expect(cgroup.peakBytes).toBeLessThan(limitBytes);
});
