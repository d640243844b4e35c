// SPDX-License-Identifier: Apache-2.0
// Whatever is done for a container, no program of it is executed by the agent or by its helpers.
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

/** Paths that mounting, loading modules and starting programs may look for. */
const temptations = [
  'lib64/ld-linux-x86-64.so.2',
  'sbin/modprobe',
  'sbin/mount.proc',
  'sbin/mount.tmpfs',
  'usr/bin/fusermount3',
  'usr/bin/nsenter',
] as const;

/** Who executes any of the container's programs, of an agent and of this very process. */
class Executions implements AsyncDisposable {
  readonly #watcher: RunningCommand;

  private constructor(watcher: RunningCommand) {
    this.#watcher = watcher;
  }

  static async below(pid: number, files: readonly string[]): Promise<Executions> {
    const watcher = new RunningCommand([compiled('exec-watcher'), String(pid), ...files]);
    const executions = new Executions(watcher);
    try {
      await watcher.printed(/^watching$/mu);
      return executions;
    } catch (thrown) {
      await executions[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Those of the process and its descendants, and those of all others. */
  async finish(): Promise<{ readonly below: number; readonly other: number }> {
    this.#watcher.endInput();
    const { code, stdout, stderr } = await this.#watcher.ended;
    if (code !== 0) throw new Error(`exec-watcher: ${stderr}`);
    const count = (word: string): number =>
      stdout.split('\n').filter((line) => line.startsWith(`${word} `)).length;
    return { below: count('below'), other: count('other') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watcher[Symbol.asyncDispose]();
  }
}

const fileSyscalls = [
  'chmod',
  'chown',
  'fchmodat',
  'fchmodat2',
  'fchownat',
  'lchown',
  'link',
  'linkat',
  'mkdir',
  'mkdirat',
  'mknod',
  'mknodat',
  'rename',
  'renameat',
  'renameat2',
  'rmdir',
  'symlink',
  'symlinkat',
  'unlink',
  'unlinkat',
] as const;

const fileCalls = `
mkdir /tmp/made && chmod 700 /tmp/made && chown 0:0 /tmp/made && echo made
ln -s /bin/sh /tmp/link && ln /tmp/link /tmp/second && mv /tmp/second /tmp/third && echo linked
mkfifo /tmp/made/pipe && rm /tmp/made/pipe && rmdir /tmp/made && echo removed`;

const mounts = `
mkdir /tmp/proc && mount -t proc proc /tmp/proc && echo mounted
mount -t tmpfs tmpfs /tmp/proc 2>/dev/null || echo refused`;

/** What cutter.c does, and the kernel's answers to user 1000. */
const cuts = [
  ['truncate:/tmp/file:7', 'OK'],
  ['utimensat:/tmp/file:1000000000', 'OK'],
  ['truncate:/tmp:0', 'EISDIR'],
  ['truncate:/dev/null:0', 'EINVAL'],
  ['truncate:/bin/cutter:0', 'ETXTBSY'],
  ['truncate:/bin/busybox:0', 'EACCES'],
  ['utimensat:/bin/busybox:1', 'EPERM'],
  ['utimensat:/bin/busybox:now', 'EACCES'],
  ['truncate:/tmp/file:-1', 'EINVAL'],
  ['limit:8', 'OK'],
  ['truncate:/tmp/file:8', 'OK'],
  ['truncate:/tmp/file:9', 'EFBIG'],
] as const;

const cutScript = `
echo text > /tmp/file && chmod 644 /tmp/file
cutter ${cuts.map(([call]) => call).join(' ')}
touch -d @1000000000 /tmp/file && stat -c '%s %X %Y' /tmp/file`;

describe.each(['runc', 'crun'] as const)('%s', (runtime) => {
  test.each([
    {
      what: 'what it does to files',
      bundle: testBundle('perform'),
      trapped: fileSyscalls,
      script: fileCalls,
      output: 'made\nlinked\nremoved\nready\n',
    },
    {
      what: 'lengths and times of files',
      bundle: testBundle('perform'),
      trapped: ['truncate', 'utimens'].flatMap((family) => familyMembers(family)),
      uid: 1000,
      script: cutScript,
      output: `${cuts.map((line) => line.join(' ')).join('\n')}\n8 1000000000 1000000000\nready\n`,
    },
    {
      what: 'mounts',
      bundle: join(shippedBundles(), 'unprivileged-build'),
      trapped: ['mount', 'fsopen', 'fsconfig', 'fsmount', 'move_mount', 'open_tree'],
      script: mounts,
      output: 'mounted\nrefused\nready\n',
    },
  ])('A6: for $what no program of the container is executed', async (done) => {
    const { bundle, trapped, uid = 0, script, output } = done;
    using folder = new TemporaryFolder();
    const rootfs = folder.at('rootfs');
    makeRootfs(rootfs);
    const busybox = join(rootfs, 'bin/busybox');
    const cutter = join(rootfs, 'bin/cutter');
    copyFileSync(compiled('cutter.static'), cutter);
    chmodSync(cutter, 0o777);
    chmodSync(join(rootfs, 'tmp'), 0o1777);
    const tempting = temptations.map((path) => join(rootfs, path));
    for (const path of tempting) {
      mkdirSync(dirname(path), { recursive: true });
      copyFileSync(busybox, path);
    }
    const files = [busybox, ...tempting];
    await using agent = await startWatchedAgent({ bundle, log: 'warn' });
    // the agent is a child of ours, and so is the runtime: without it nothing is below the agent
    await using ofAgent = await Executions.below(agent.pid, files);
    await using ofAll = await Executions.below(process.pid, files);
    await using container = await Container.run({
      runtime,
      folder: folder.path,
      rootfs,
      listenerPath: agent.socket,
      trapped,
      uid,
      script,
    });

    expect(container.output).toBe(output);
    const executed = await ofAgent.finish();
    expect(executed.below).toBe(0);
    // and it would have been seen: what the container itself executes is
    expect(executed.other).toBeGreaterThan(0);
    expect((await ofAll.finish()).below).toBe(executed.other);
    expect(agent.log()).toEqual([]);
  });
});
