// SPDX-License-Identifier: Apache-2.0
// Containers that are killed and frozen where there is no other cgroup hierarchy than that of
// version 2, which Debian's kernel is started with here.
import { readFileSync, watch } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Container } from '../support/container-runtime.ts';
import type { ContainerOptions, RuntimeName } from '../support/container-runtime.ts';
import { recordOf } from '../support/log-records.ts';
import type { AnyEvent } from '../support/log-records.ts';
import { until } from '../support/polling.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';
import { inTime } from './in-time.ts';

const mounted = '/sys/fs/cgroup';
const runtimes: readonly RuntimeName[] = ['runc', 'crun'];

/** Where the processes of a container are to be seen, and whether they end with its first one. */
const pidNamespaces = [
  { where: 'a pid namespace of its own', kind: 'own', isWrittenTo: false },
  { where: 'the pid namespace of the machine', kind: 'machine', isWrittenTo: true },
  { where: 'a pid namespace that it shares', kind: 'neighbour', isWrittenTo: true },
] as const;

type PidNamespace = (typeof pidNamespaces)[number]['kind'];

/** Filters of runc have no flags. */
const filters = [
  { runtime: 'runc', flags: [] },
  { runtime: 'crun', flags: [] },
  { runtime: 'crun', flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] },
] as const;

function statusLine(pid: number, name: string): string {
  const line = new RegExp(`^${name}:\\s*(?<value>.*)$`, 'mu');
  return line.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.groups?.['value'] ?? '';
}

/** Not ended yet, whether anybody wants to know or not. */
function isAlive(pid: number): boolean {
  try {
    return !statusLine(pid, 'State').startsWith('Z');
  } catch {
    return false;
  }
}

/** The cgroup of a container. */
class Cgroup {
  readonly folder: string;

  constructor(firstPid: number) {
    const lines = readFileSync(`/proc/${firstPid}/cgroup`, 'utf8');
    const path = /^0::(?<path>\/.+)\n$/u.exec(lines)?.groups?.['path'];
    if (path === undefined) throw new Error(`process ${firstPid} has no cgroup alone: ${lines}`);
    this.folder = join(mounted, path);
  }

  get isFrozen(): boolean {
    return /^frozen 1$/mu.test(this.#read('cgroup.events'));
  }

  processes(): readonly number[] {
    return this.#read('cgroup.procs').trim().split('\n').map(Number);
  }

  #read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }
}

interface Started {
  readonly container: Container;
  readonly cgroup: Cgroup;
  readonly firstPid: number;
}

describe('cgroups of version 2 alone', () => {
  const folder = new TemporaryFolder();
  let agent: WatchedAgent;

  beforeAll(async () => {
    makeRootfs(folder.at('rootfs'));
    agent = await startWatchedAgent({ resolver: 'kubernetes', log: 'debug' });
  });

  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  /** A container of some processes, and another one beside it that makes no call. */
  async function startBoth(
    action: string,
    options: Pick<ContainerOptions, 'runtime' | 'flags'>,
    pids: PidNamespace,
  ): Promise<readonly [Started, Started] & AsyncDisposable> {
    await using starting = new AsyncDisposableStack();
    const start = async (more: Partial<ContainerOptions>): Promise<Started> => {
      const container = await Container.run({
        folder: folder.path,
        rootfs: folder.at('rootfs'),
        listenerPath: agent.socket,
        trapped: ['unshare'],
        metadata: [`DEFAULT_ACTION=${action}`],
        annotations: {
          'io.kubernetes.cri.sandbox-namespace': 'default',
          'io.kubernetes.cri.sandbox-name': 'pod',
          'io.kubernetes.cri.container-name': 'container',
        },
        // neither is stopped by what a shell sends to its children
        script: 'trap "" TERM HUP; (sleep 1000 & exec sleep 1000) & :',
        sharesPids: pids === 'machine',
        ...options,
        ...more,
      });
      starting.use(container);
      const firstPid = await container.firstPid();
      const cgroup = new Cgroup(firstPid);
      await until('its processes', () => cgroup.processes().length === 3 || undefined);
      return { container, cgroup, firstPid };
    };
    const neighbour = await start({});
    const shared = pids === 'neighbour' ? { pidNamespaceOf: neighbour.firstPid } : {};
    const asked = await start(shared);
    const kept = starting.move();
    return Object.assign([asked, neighbour] as const, {
      [Symbol.asyncDispose]: async () => kept.disposeAsync(),
    });
  }

  test('cgroups: no hierarchy of version 1 is there', () => {
    const mounts = readFileSync('/proc/self/mounts', 'utf8').match(/^\S+ \S+ cgroup2? /gmu);
    expect(mounts).toEqual([`cgroup2 ${mounted} cgroup2 `]);
  });

  describe.for(runtimes)('%s', (runtime) => {
    test.for(pidNamespaces)(
      'A10: cgroups: kill-container ends all of a container in $where',
      async ({ kind, isWrittenTo }) => {
        await using both = await startBoth('kill-container', { runtime }, kind);
        const [{ container, cgroup, firstPid }, neighbour] = both;
        const processes = cgroup.processes();
        const others = neighbour.cgroup.processes();
        let writes = 0;
        const watcher = watch(join(cgroup.folder, 'cgroup.kill'), (event) => {
          if (event === 'change') writes += 1;
        });
        // it would kill what is left once the first process has ended
        const runtimeProcess = Number(statusLine(firstPid, 'PPid'));
        expect(statusLine(runtimeProcess, 'Name')).toBe(runtime);
        process.kill(runtimeProcess, 'SIGSTOP');
        try {
          const from = agent.log().length;
          const script = 'unshare -U true; sleep 5; echo survived';
          const executed = await inTime(agent, async () => container.exec(script));
          expect(executed.stdout).not.toContain('survived');
          await until('their end', () => !processes.some((pid) => isAlive(pid)) || undefined);
          await agent.untilLogged('container-killed', { syscall: 'unshare' }, from);
          if (isWrittenTo) await until('a write to cgroup.kill', () => writes > 0 || undefined);
          expect(writes).toBe(isWrittenTo ? 1 : 0);
        } finally {
          watcher.close();
          process.kill(runtimeProcess, 'SIGCONT');
        }
        expect(others.filter((pid) => isAlive(pid))).toEqual(others);
        expect((await neighbour.container.exec('echo here')).stdout).toBe('here\n');
      },
    );
  });

  const frozen = filters.flatMap((filter) =>
    pidNamespaces.map(({ where, kind }) => ({ ...filter, where, kind })),
  );
  test.for(frozen)(
    'A10: cgroups: freeze-container holds one of $runtime in $where, and resume lets it go on ($flags)',
    async ({ runtime, flags, kind }) => {
      const options = { runtime, ...(flags.length === 0 ? {} : { flags }) };
      await using both = await startBoth('freeze-container', options, kind);
      const [{ container, cgroup }, neighbour] = both;
      const from = agent.log().length;
      const since = (event: AnyEvent): number =>
        agent
          .log()
          .slice(from)
          .map((line) => recordOf(line))
          .filter((record) => record?.event === event && record['failure'] !== 'deadline').length;
      expect(await container.status()).toBe('running');
      const processes = cgroup.processes();
      let hasEnded = false;
      const script = 'unshare -U true; echo went on $?';
      const executed = inTime(agent, async () => container.exec(script)).finally(() => {
        hasEnded = true;
      });
      try {
        await until('it to be frozen', () => cgroup.isFrozen || undefined);
        expect(await container.status()).toBe('paused');
        // not only when it is thawed
        await agent.untilLogged('call-answered', { syscall: 'unshare', answer: 'EPERM' }, from);
        expect((await neighbour.container.exec('echo here')).stdout).toBe('here\n');
        expect(neighbour.cgroup.isFrozen).toBe(false);
        expect({ hasEnded, isFrozen: cgroup.isFrozen }).toEqual({
          hasEnded: false,
          isFrozen: true,
        });
      } finally {
        await container.resume();
      }
      expect((await executed).stdout).toMatch(/not permitted\nwent on 1\n$/u);
      expect({ status: await container.status(), isFrozen: cgroup.isFrozen }).toEqual({
        status: 'running',
        isFrozen: false,
      });
      expect(processes.filter((pid) => isAlive(pid))).toEqual(processes);
      // the call was not taken back and made again
      expect([since('container-frozen'), since('call-answered')]).toEqual([1, 1]);
    },
  );
});
