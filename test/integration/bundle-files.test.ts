// SPDX-License-Identifier: Apache-2.0
// Tests that large or odd files in the folder of a bundle disturb no other container.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { closed } from '../support/loopback.ts';
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

const unread = 'whoever reads it takes it away';

function makeFifo(file: string): void {
  expect(spawnSync('mkfifo', [file]).status).toBe(0);
}

/** Files that archives and repositories bring along, too. */
class OddFiles implements AsyncDisposable {
  /** Of pipes in which something is to be read. */
  readonly #filled: number[] = [];
  readonly #servers: Server[] = [];
  readonly makers: Readonly<Record<string, (file: string) => Promise<void> | void>> = {
    fifo: makeFifo,
    filled: (file) => {
      makeFifo(file);
      const fd = openSync(file, constants.O_RDWR | constants.O_NONBLOCK);
      this.#filled.push(fd);
      writeSync(fd, unread);
    },
    device: (file) => {
      symlinkSync('/dev/zero', file);
    },
    // it cannot be opened, which is another failure
    socket: async (file) => {
      const server = createServer();
      this.#servers.push(server);
      const listening = once(server, 'listening');
      server.listen(file);
      await listening;
    },
  };

  /** What is still there of what was in the pipes. */
  takeUnread(): readonly string[] {
    return this.#filled.map((fd) => {
      const bytes = Buffer.alloc(unread.length + 1);
      return bytes.toString('utf8', 0, readSync(fd, bytes));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fd of this.#filled) closeSync(fd);
    await Promise.all(this.#servers.map(async (server) => closed(server)));
  }
}

/** So many bytes it, and children that have ended, have read. */
function bytesReadBy(pid: number): number {
  const text = readFileSync(`/proc/${pid}/io`, 'utf8');
  return Number(/^rchar: (?<bytes>\d+)$/mu.exec(text)?.groups?.['bytes']);
}

async function answerFor(agent: WatchedAgent, bundle: string): Promise<string> {
  await using caller = new AskedCaller({ socket: agent.socket, metadata: `BUNDLE=${bundle}` });
  return (await caller.ask('getpgid 0')).answer;
}

/** So many bytes the agent reads until it has refused the bundle. */
async function bytesReadFor(agent: WatchedAgent, bundle: string): Promise<number> {
  const before = bytesReadBy(agent.pid);
  expect(await answerFor(agent, bundle)).toBe('EPERM');
  await agent.untilLogged('bundles-unresolved', {
    code: 'AGENT_BUNDLE_INVALID',
    error: new RegExp(`/${bundle}/`, 'u'),
  });
  return bytesReadBy(agent.pid) - before;
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
  writeFileSync(bundles.write('broken', { component: 'errno', syscalls, settings }), 'broken');
  await using odd = new OddFiles();
  for (const [kind, make] of Object.entries(odd.makers)) {
    const component = bundles.write(`${kind}-component`, {
      component: 'errno',
      syscalls,
      settings,
    });
    rmSync(component);
    await make(component);
    mkdirSync(bundles.at(`${kind}-manifest`));
    await make(join(bundles.at(`${kind}-manifest`), 'bundle.json'));
  }
  using cgroup = new MemoryCgroup(640 * mebibyte);
  await using agent = await startWatchedAgent({
    resolver: 'none',
    bundleFolders: [bundles.path],
    wrapper: cgroup.wrapper,
  });
  // the first component costs more
  await bytesReadFor(agent, 'broken');
  // a bundle.json may have twice as much
  const most = (await bytesReadFor(agent, 'broken')) + 32 * 1024;
  for (const kind of Object.keys(odd.makers)) {
    for (const place of ['component', 'manifest']) {
      const bytes = await bytesReadFor(agent, `${kind}-${place}`);
      expect(bytes, `${kind}-${place}`).toBeLessThan(most);
    }
  }
  expect(odd.takeUnread()).toEqual([unread, unread]);
  expect(await answerFor(agent, 'good')).toBe('EBADMSG');
});
