// SPDX-License-Identifier: Apache-2.0
// podman as root with runc, in namespaces and folders of its own, so that nothing of it stays.
import { randomUUID } from 'node:crypto';
import { globSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { systemCodeOf } from '../../host/errors.ts';
import { RunningCommand } from './command.ts';
import { firstScript, seccompProfile } from './container-runtime.ts';
import { patient } from './patience.ts';
import { endOfMentioning } from './process-table.ts';

export interface PodmanOptions {
  /** For its images, containers and locks: it is made, and no other process may mention it. */
  readonly folder: string;
  readonly rootfs: string;
  readonly listenerPath: string;
  /** Of seccomp, in place of the one of demo-basic. */
  readonly profile?: object;
  /** Commands of the first process before it waits: lines for a shell. */
  readonly script: string;
}

/** It keeps locks in these whatever it is told, and nothing else that matters is in them. */
const privateMounts = 'mount -t tmpfs none /run && mount -t tmpfs none /dev/shm && exec "$@"';

const environment = { PODMAN_IGNORE_CGROUPSV1_WARNING: '1' } as const;

const privately = [
  'timeout',
  '--signal',
  'KILL',
  '30',
  'unshare',
  '-m',
  '-n',
  'sh',
  '-c',
  privateMounts,
  'sh',
] as const;

export class PodmanContainer implements AsyncDisposable {
  readonly #folder: string;
  readonly #cgroup: string;
  readonly #running: RunningCommand;

  private constructor(folder: string, cgroup: string, running: RunningCommand) {
    this.#folder = folder;
    this.#cgroup = cgroup;
    this.#running = running;
  }

  /** Resolves once the script is through. */
  static async run({ folder, ...options }: PodmanOptions): Promise<PodmanContainer> {
    const cgroup = `seccompagent-test-${randomUUID()}`;
    mkdirSync(folder);
    const pidFile = join(folder, 'pid');
    const profile = join(folder, 'seccomp.json');
    writeFileSync(profile, JSON.stringify(options.profile ?? seccompProfile(options.listenerPath)));
    const own = ['root', 'runroot', 'tmpdir'].map((name) => `--${name}=${join(folder, name)}`);
    const parts = ['--runtime', 'runc', '--storage-driver', 'vfs', '--events-backend', 'none'];
    const container = ['--rm', '--interactive', '--network', 'none', '--pidfile', pidFile];
    const placed = ['--cgroup-manager', 'cgroupfs', 'run', '--cgroup-parent', `/${cgroup}`];
    const secured = ['--security-opt', `seccomp=${profile}`, '--rootfs', options.rootfs];
    const args = [...own, ...parts, ...placed, ...container, ...secured];
    const command = [
      ...privately,
      'podman',
      ...args,
      'sh',
      '-c',
      firstScript(options.script),
    ] as const;
    const running = new RunningCommand(command, { environment });
    const made = new PodmanContainer(folder, cgroup, running);
    try {
      await running.printed(/^ready$/mu);
      return made;
    } catch (thrown) {
      await made[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Output of the script. */
  get output(): string {
    return this.#running.stdout;
  }

  /** The first process, as podman names it. */
  get firstPid(): number {
    return Number(readFileSync(join(this.#folder, 'pid'), 'utf8'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // the first process then ends by itself, which lets podman clean up
    this.#running.endInput();
    await this.#running.ended;
    await endOfMentioning(this.#folder);
    removeCgroups(this.#cgroup);
  }
}

/** Of a name, in all hierarchies: podman leaves the parents of its containers. */
export function removeCgroups(name: string): void {
  for (const cgroup of globSync(`/sys/fs/cgroup/{,*/}${name}`)) removeCgroup(cgroup);
}

/** A container's watcher ends only after it: until then its cgroup is busy. */
function removeCgroup(path: string): void {
  const end = performance.now() + patient(20_000);
  for (;;) {
    try {
      for (const entry of readdirSync(path, { withFileTypes: true })) {
        if (entry.isDirectory()) removeCgroup(join(path, entry.name));
      }
      rmdirSync(path);
      return;
    } catch (thrown) {
      const code = systemCodeOf(thrown);
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || performance.now() > end) throw thrown;
      pauseMs(20);
    }
  }
}

function pauseMs(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
