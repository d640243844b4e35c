// SPDX-License-Identifier: Apache-2.0
// Bundles whose bundle.json says as much as it can: a container that starts again and again with one,
// whether it is valid or not, leaves nothing behind in the agent.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { residentBytes } from '../support/process-memory.ts';
import { allocator, component as componentOf, coreModule } from '../support/wasm-binary.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const mebibyte = 2 ** 20;
/** Memory that the agent needs anyway comes with the first ones. */
const firstStarts = 20;
const starts = 100;
const maxLeft = 48 * mebibyte;

/** Takes any settings: it is not configured. */
function passing(): Uint8Array {
  const any = { name: 'any', signature: 'iiiiIIIIII:i', body: [0x41, 16] };
  return componentOf({
    core: coreModule({ functions: [any, allocator()] }),
    exports: ['any'],
  });
}

/** So many settings of two letters, without a text, of as many handlers as may be. */
function pairs(count: number): object {
  const handlers = Array.from({ length: 32 }, () => ({
    component: 'handler.wasm',
    syscalls: ['getpgid'],
    settings: Object.fromEntries(Array.from({ length: count / 32 }, (_, i) => [`${i}`, ''])),
  }));
  return { handlers };
}

function writeBundle(bundles: BundleFolder, name: string, changes: object): void {
  bundles.write(name, { component: passing(), syscalls: ['getpgid'] });
  const file = join(bundles.at(name), 'bundle.json');
  const manifest: object = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...manifest, ...changes }));
}

async function start({ socket }: WatchedAgent, bundle: string): Promise<string> {
  await using caller = new AskedCaller({ socket, metadata: `BUNDLE=${bundle}`, id: 'again' });
  return (await caller.ask('getpgid 0')).answer;
}

test.for([
  ['as many settings as may be', pairs(1920), '0'],
  ['more settings than may be', pairs(64_000), 'EPERM'],
  ['a text that is escaped', { version: '\u007f'.repeat(1_000_000) }, 'EPERM'],
  ['a long version', { version: `1.0.0-${'a'.repeat(1_000_000)}` }, 'EPERM'],
] as const)(
  'A3: manifests: %s, and a container that starts a hundred times leaves nothing behind',
  async ([, changes, answer]) => {
    using bundles = new BundleFolder();
    writeBundle(bundles, 'much', changes);
    using cgroup = new MemoryCgroup(1024 * mebibyte);
    await using agent = await startWatchedAgent({
      resolver: 'none',
      bundleFolders: [bundles.path],
      log: 'error',
      mayWarn: answer !== '0',
      wrapper: cgroup.wrapper,
    });
    for (let count = 0; count < firstStarts; count += 1) {
      expect(await start(agent, 'much')).toBe(answer);
    }
    const before = residentBytes(agent.pid);
    for (let count = 0; count < starts; count += 1) await start(agent, 'much');
    expect(residentBytes(agent.pid) - before).toBeLessThan(maxLeft);
  },
);
