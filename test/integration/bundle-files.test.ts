// SPDX-License-Identifier: Apache-2.0
// Tests that large or odd files in the folder of a bundle disturb no other container.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import {
  allocator,
  component as componentOf,
  coreModule,
  instruction,
  unsigned,
} from '../support/wasm-binary.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const mebibyte = 2 ** 20;
const syscalls = ['getpgid'];
const settings = { errno: 'EBADMSG' };

/** A handler of nearly 16 MiB that answers zero. Nobody has compiled its code before. */
function largeComponent(): Buffer {
  const body = [
    ...instruction.i32(randomInt(2 ** 30)),
    ...instruction.drop,
    ...instruction.i32(16),
  ];
  const any = { name: 'any', signature: 'iiiiIIIIII:i', body };
  const core = coreModule({ functions: [any, allocator()] });
  const bytes = 15.9 * mebibyte;
  // a custom section with an empty name
  return Buffer.concat([
    componentOf({ core, exports: ['any'] }),
    Buffer.from([0, ...unsigned(bytes)]),
    Buffer.alloc(bytes),
  ]);
}

/** A bundle of so many handlers, each of nearly 16 MiB. */
function writeLarge(bundles: BundleFolder, name: string, count: number): void {
  bundles.write(name, { component: 'errno', syscalls, settings });
  const manifestFile = join(bundles.at(name), 'bundle.json');
  const manifest: object = JSON.parse(readFileSync(manifestFile, 'utf8'));
  const handlers = Array.from({ length: count }, (_, index) => {
    const file = `h${index}.wasm`;
    writeFileSync(join(bundles.at(name), file), largeComponent());
    return { component: file, syscalls };
  });
  writeFileSync(manifestFile, JSON.stringify({ ...manifest, handlers }));
}

/** Files that archives and repositories bring along, too. */
const odd = {
  fifo: (file: string): void => {
    expect(spawnSync('mkfifo', [file]).status).toBe(0);
  },
  device: (file: string): void => {
    symlinkSync('/dev/zero', file);
  },
};

async function answerFor(agent: WatchedAgent, bundle: string): Promise<string> {
  await using caller = new AskedCaller({ socket: agent.socket, metadata: `BUNDLE=${bundle}` });
  return (await caller.ask('getpgid 0')).answer;
}

test('G3: bundle files: those of one bundle are not all in memory at once', async () => {
  using bundles = new BundleFolder();
  bundles.write('good', { component: 'errno', syscalls, settings });
  writeLarge(bundles, 'large', 4);
  writeLarge(bundles, 'too-large', 32);
  using cgroup = new MemoryCgroup(448 * mebibyte);
  await using agent = await startWatchedAgent({
    resolver: 'none',
    bundleFolders: [bundles.path],
    wrapper: cgroup.wrapper,
  });
  expect(await answerFor(agent, 'too-large')).toBe('EPERM');
  await agent.untilLogged('bundles-unresolved', {
    code: 'AGENT_BUNDLE_INVALID',
    error: /(?=.*too-large)(?=.*\b67108864\b)/u,
  });
  expect(await answerFor(agent, 'large')).toBe('0');
  expect(await answerFor(agent, 'good')).toBe('EBADMSG');
});

test('G3: bundle files: a file that is not regular is neither read nor waited for', async () => {
  using bundles = new BundleFolder();
  bundles.write('good', { component: 'errno', syscalls, settings });
  for (const [kind, make] of Object.entries(odd)) {
    const component = bundles.write(`${kind}-component`, {
      component: 'errno',
      syscalls,
      settings,
    });
    rmSync(component);
    make(component);
    mkdirSync(bundles.at(`${kind}-manifest`));
    make(join(bundles.at(`${kind}-manifest`), 'bundle.json'));
  }
  using cgroup = new MemoryCgroup(640 * mebibyte);
  await using agent = await startWatchedAgent({
    resolver: 'none',
    bundleFolders: [bundles.path],
    wrapper: cgroup.wrapper,
  });
  for (const kind of ['fifo', 'device']) {
    for (const place of ['component', 'manifest']) {
      expect(await answerFor(agent, `${kind}-${place}`)).toBe('EPERM');
      await agent.untilLogged('bundles-unresolved', {
        code: 'AGENT_BUNDLE_INVALID',
        error: new RegExp(`${kind}-${place}/`, 'u'),
      });
    }
  }
  expect(await answerFor(agent, 'good')).toBe('EBADMSG');
});
