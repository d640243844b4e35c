// SPDX-License-Identifier: Apache-2.0
// The helper that makes mounts: how long it is there, what containers see of it, and what is lent
// beside mounts.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { until } from '../support/polling.ts';
import {
  childrenOf,
  settledFdCount,
  untilChildless,
  untilFdCountIs,
} from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startTrap, trapLines } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const user = 1000;
/** Until a helper that has nothing to do ends. */
const idleMs = 30_000;
const lateMs = 5000;
const trapped = ['mount', 'umount2', 'fchmod'];

let agent: WatchedAgent;

beforeAll(async () => {
  agent = await startWatchedAgent({ bundle: testBundle('mounts'), log: 'warn' });
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});

/** The agent's helpers for mounts: their ids are root's, whoever the caller is. */
function helpers(): readonly number[] {
  return childrenOf(agent.pid);
}

function statusOf(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'utf8');
}

describe('mount helper', () => {
  test('mount helper: it is there as long as its container', async () => {
    using folder = new TemporaryFolder();
    const target = makeFolder(folder.path, 'target');
    const fds = await settledFdCount(agent.pid);
    const operations = [`mount:proc:${target}:proc:0:`, `mount:none:${target}:tmpfs:0:`, 'hold'];
    await using one = startTrap({
      socket: agent.socket,
      trapped,
      wrapper: ['unshare', '-m'],
      operations,
    });
    await one.untilLines(2);

    // both by the same one
    const [helper = 0, ...others] = helpers();
    expect(others).toEqual([]);
    const status = statusOf(helper);
    expect(status).toMatch(/^Uid:\s0\s0\s0\s0$/mu);
    expect(status).toMatch(/^Seccomp:\s2$/mu);
    expect(status).toMatch(/^NoNewPrivs:\s1$/mu);

    await using other = startTrap({
      socket: agent.socket,
      trapped,
      wrapper: ['unshare', '-m'],
      operations,
    });
    await other.untilLines(2);
    expect(helpers()).toHaveLength(2);

    one.release();
    await one.ended;
    await until('the end of the helper', () => !helpers().includes(helper) || undefined);
    expect(helpers()).toHaveLength(1);
    other.release();
    await other.ended;
    await untilChildless(agent.pid);
    await untilFdCountIs(agent.pid, fds);
  });

  test('mount helper: it ends when nothing was mounted for half a minute, and the next mount has another', async () => {
    using folder = new TemporaryFolder();
    const target = makeFolder(folder.path, 'target');
    const fds = await settledFdCount(agent.pid);
    await using container = startTrap({
      socket: agent.socket,
      trapped,
      wrapper: ['unshare', '-m'],
      operations: [
        `mount:none:${target}:tmpfs:0:`,
        'hold',
        `mount:proc:${target}:proc:0:`,
        'sleep:500',
      ],
    });
    await container.untilLines(1);
    const began = performance.now();
    expect(helpers()).toHaveLength(1);
    const [before = 0] = helpers();

    await until(
      'the end of the helper',
      () => helpers().length === 0 || undefined,
      idleMs + lateMs,
    );

    expect(performance.now() - began).toBeGreaterThan(idleMs - lateMs);
    // its container is still there
    expect(container.lines()).toEqual(['mount 0 OK']);
    container.release();
    const [after = 0] = await until('another helper', () => {
      const now = helpers();
      return now.length === 0 ? undefined : now;
    });
    expect(after).not.toBe(before);
    expect((await container.ended).lines).toEqual([
      'mount 0 OK',
      'hold 0 OK',
      'mount 0 OK',
      'sleep 0 OK',
    ]);
    await untilChildless(agent.pid);
    await untilFdCountIs(agent.pid, fds);
  });

  test('A4: mount helper: it holds nothing of the host, and nothing of a container between calls', async () => {
    using folder = new TemporaryFolder();
    const target = makeFolder(folder.path, 'target');
    await using container = startTrap({
      socket: agent.socket,
      trapped,
      wrapper: ['unshare', '-m'],
      operations: [`mount:none:${target}:tmpfs:0:`, 'hold'],
    });
    await container.untilLines(1);
    const [helper = 0] = helpers();
    const mounts = readFileSync(`/proc/${helper}/mountinfo`, 'utf8').trim().split('\n');
    const points = mounts.map((line) => line.split(' ')[4] ?? '');
    expect(points.toSorted()).toEqual(['/', '/empty', '/null']);
    expect(readdirSync(`/proc/${helper}/root`).toSorted()).toEqual(['empty', 'new', 'null']);
    // its socket, what says that it lives, its own proc, the mount namespace that it came from, and
    // the locks
    await until('what it was given to be closed', () => {
      return readdirSync(`/proc/${helper}/fd`).length === 5 || undefined;
    });
    container.release();
    await container.ended;
  });

  test.for([
    { who: 'a user', options: ['-u', String(user)], wrapper: ['unshare', '-m'] },
    {
      who: 'root with what containers have',
      // neither CAP_SYS_ADMIN nor CAP_SYS_PTRACE nor CAP_PERFMON
      options: ['-N'],
      wrapper: [
        'unshare',
        '-m',
        'setpriv',
        '--bounding-set=-all,+chown,+dac_override,+kill,+setuid',
      ],
    },
  ] as const)(
    'A4: mount helper: $who of the same pid namespace sees that it is there, and reaches nothing of it',
    async ({ options, wrapper }) => {
      using folder = new TemporaryFolder();
      const target = makeFolder(folder.path, 'target', { uid: user });
      const script = folder.at('script');
      writeFileSync(
        script,
        `for folder in /proc/[0-9]*; do
           grep -q seccompagent-helper "$folder/cmdline" 2>/dev/null || continue
           grep -q "^PPid:.${agent.pid}$" "$folder/status" || continue
           echo helper
           for file in exe root cwd ns/mnt ns/user fd/3; do
             readlink "$folder/$file" && echo "read $file"
             [ -e "$folder/$file/." ] && echo "reached $file"
           done
           for file in mem environ maps exe auxv stack fd/3 map_files/x; do
             head -c 1 "$folder/$file" >/dev/null 2>&1 && echo "opened $file"
           done
         done
         true`,
      );
      const lines = await trapLines({
        socket: agent.socket,
        trapped,
        options,
        wrapper,
        operations: [`mount:proc:${target}:proc:0:`, `exec:/bin/sh:${script}`],
      });
      expect(lines).toEqual(['mount 0 OK', 'helper', 'exec 0 OK']);
    },
  );

  test.for([
    { who: 'the owner of all files', options: [], answer: '0 OK', owner: 100_000 },
    { who: 'who is not', options: ['-o'], answer: '-1 EPERM', owner: 0 },
  ])(
    'A8: mount helper: ids of a mount are mapped by a user namespace that the caller has: $who',
    async ({ options, answer, owner }) => {
      using folder = new TemporaryFolder();
      const target = makeFolder(folder.path, 'target');
      const lines = await trapLines({
        socket: agent.socket,
        trapped,
        wrapper: ['unshare', '-m'],
        operations: [
          `mount:none:${target}:tmpfs:0:mode=755`,
          `exec:/bin/sh:${scriptIn(folder, [compiled('idmap-caller'), ...options, target])}`,
        ],
      });
      expect(lines).toEqual([
        'mount 0 OK',
        'native -1 EPERM',
        `agent ${answer}`,
        `owner ${owner}`,
        'exec 0 OK',
      ]);
    },
  );

  test('A8: mount helper: a user namespace owns no files of others by a mapping of its ids', async () => {
    using folder = new TemporaryFolder();
    const target = makeFolder(folder.path, 'target');
    const lines = await trapLines({
      socket: agent.socket,
      trapped,
      // its root has all power over its mounts, and none over the file system
      wrapper: [
        'unshare',
        '--mount',
        '--user',
        '--map-users=0,0,200000',
        '--map-groups=0,0,200000',
        '--setuid=0',
      ],
      operations: [
        `exec:/bin/sh:${scriptIn(folder, ['mount', '--bind', target, target])}`,
        `exec:${compiled('idmap-caller')}:${target}`,
      ],
    });
    expect(lines).toEqual([
      'exec 0 OK',
      'native -1 EPERM',
      'agent -1 EPERM',
      'owner 0',
      'exec 0 OK',
    ]);
  });
});

/** For programs with more than one argument. */
function scriptIn(folder: TemporaryFolder, command: readonly string[]): string {
  const script = folder.at('script');
  writeFileSync(script, command.join(' '));
  return script;
}

/** A proc, and what hides nothing, for a container in the agent's pid namespace. */
async function mountOnce(options: readonly string[]): Promise<readonly string[]> {
  using folder = new TemporaryFolder();
  const target = makeFolder(folder.path, 'target');
  return await trapLines({
    socket: agent.socket,
    trapped,
    options,
    wrapper: ['unshare', '-m'],
    operations: [
      `mount:proc:${target}:proc:0:`,
      `exists:${target}/self`,
      `mount:none:${target}:tmpfs:0:`,
    ],
  });
}

describe('first process', () => {
  test('A8: first process: nothing is mounted that hides something if nobody knows it', async () => {
    const from = agent.log().length;
    // a process that is not there
    const lines = await mountOnce(['-p', '4194303']);
    expect(lines).toEqual(['mount -1 EPERM', 'exists -1 ENOENT', 'mount 0 OK']);
    await agent.untilLogged('call-failed', { syscall: 'mount', error: /ESRCH/u }, from);
  });

  test('A8: first process: if its mounts are too many, the log says so', async () => {
    using folder = new TemporaryFolder();
    const target = makeFolder(folder.path, 'target');
    // each line has the mount point
    const long = folder.at(`${'p'.repeat(200)}/`.repeat(15));
    const many = `mkdir -p ${long}; for n in $(seq 400); do mount -t tmpfs none ${long}; done; exec "$0" "$@"`;
    const from = agent.log().length;
    const lines = await trapLines({
      socket: agent.socket,
      trapped,
      wrapper: ['unshare', '-m', 'sh', '-c', many],
      operations: [`mount:proc:${target}:proc:0:`, `mount:none:${target}:tmpfs:0:`],
    });
    expect(lines).toEqual(['mount -1 EPERM', 'mount 0 OK']);
    await agent.untilLogged('call-failed', { syscall: 'mount', error: /E2BIG/u }, from);
  });
});
