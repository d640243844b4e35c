// SPDX-License-Identifier: Apache-2.0
// Handlers that fail, that only look, that are none; and an agent that ends while they answer.
import { readdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { contentsOf } from '../support/folder-contents.ts';
import { isRecord } from '../support/log-records.ts';
import { plainMkdir } from '../support/plain-mkdir.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startTrap, trapLines } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const stopMs = 2000;

describe('handlers: traps', () => {
  test.each([
    { what: 'a trap', path: '/trap', reason: /unreachable/iu },
    { what: 'a stack overflow', path: '/recurse', reason: /stack/iu },
  ])(
    'G5: handlers: $what fails the one call, and the log says whose it was',
    async ({ path, reason }) => {
      await using agent = await startWatchedAgent({ bundle: testBundle('trap'), log: 'warn' });

      const lines = await trapLines({
        socket: agent.socket,
        trapped: ['mkdir'],
        options: ['-i', 'the-container'],
        operations: ['mkdir:/x:755', `mkdir:${path}:755`, 'mkdir:/x:755', `mkdir:${path}:755`],
      });

      expect(lines).toEqual(['mkdir -1 EDOM', 'mkdir -1 EPERM', 'mkdir -1 EDOM', 'mkdir -1 EPERM']);
      await agent.untilLogged('call-failed', {
        level: 'error',
        container: 'the-container',
        syscall: 'mkdir',
        code: 'AGENT_HANDLER_FAILED',
        error: reason,
      });
      // one line for each failure, and no other
      expect(agent.log()).toHaveLength(2);
    },
  );

  test('G5: handlers: the log of a trap names the handler', async () => {
    await using agent = await startWatchedAgent({ bundle: testBundle('trap'), log: 'warn' });

    await trapLines({
      socket: agent.socket,
      trapped: ['mkdir'],
      options: ['-i', 'the-container'],
      operations: ['mkdir:/trap:755'],
    });

    expect(await agent.untilLogged('call-failed')).toMatchObject({ handler: 'trap' });
  });

  test('G5: handlers: traps of one container touch no other', async () => {
    await using agent = await startWatchedAgent({ bundle: testBundle('trap'), log: 'fatal' });
    const container = { socket: agent.socket, trapped: ['mkdir'] };

    const [trapping, overflowing, ...others] = await Promise.all([
      trapLines({ ...container, options: ['-T', '200'], operations: ['mkdir:/trap:755'] }),
      trapLines({ ...container, options: ['-T', '200'], operations: ['mkdir:/recurse:755'] }),
      trapLines({ ...container, options: ['-T', '2000'], operations: ['mkdir:/x:755'] }),
      trapLines({ ...container, options: ['-T', '2000'], operations: ['mkdir:/x:755'] }),
    ]);

    expect(trapping).toEqual(Array.from({ length: 200 }, () => 'mkdir -1 EPERM'));
    expect(overflowing).toEqual(Array.from({ length: 200 }, () => 'mkdir -1 EPERM'));
    for (const lines of others) {
      expect(lines).toEqual(Array.from({ length: 2000 }, () => 'mkdir -1 EDOM'));
    }
  });
});

describe('handlers: an observer', () => {
  test('handlers: arguments are shown decoded, and each call goes on as if nobody looked', async () => {
    await using agent = await startWatchedAgent({
      bundle: testBundle('observer'),
      log: 'info,json',
    });
    using folder = new TemporaryFolder();
    const path = folder.at('made');

    const lines = await trapLines({
      socket: agent.socket,
      trapped: ['mkdir', 'mkdirat', 'mount', 'getpgid', 'chmod'],
      wrapper: ['unshare', '-m'],
      options: ['-i', 'watched'],
      folder: folder.path,
      operations: [
        `mkdir:${path}:751`,
        'mkdirat:.:zero-extended:700',
        'mkdirat:@64:sign-extended:17777',
        'mkdir-null',
        'mkdir-unterminated',
        'mkdir-length:5000',
        'mkdir-hex:2f6e6f77686572652fc3bc:755',
        `mount::${path}:tmpfs:14:size=4k,mode=700`,
        'mount:::::',
        `chmod:${path}:700`,
        'getpgid',
      ],
    });

    expect(lines.slice(0, -1)).toEqual([
      'mkdir 0 OK',
      'mkdirat 0 OK',
      'mkdirat 0 OK',
      'mkdir-null -1 EFAULT',
      'mkdir-unterminated -1 EFAULT',
      'mkdir-length -1 ENAMETOOLONG',
      'mkdir-hex -1 ENOENT',
      'mount 0 OK',
      'mount -1 EFAULT',
      'chmod 0 OK',
    ]);
    expect(lines.at(-1)).toMatch(/^getpgid [1-9]\d* OK$/u);
    await agent.untilLogged('container-detached');
    const said = { level: 'info', handler: 'observer', container: 'watched' };
    const seen = agent.records().filter((record) => isRecord(record, 'handler-log', said));
    expect(seen.map(({ msg }) => msg)).toEqual([
      `mkdir path=${path} mode=489`,
      'mkdirat dirfd=-100 path=zero-extended mode=448',
      'mkdirat dirfd=-100 path=sign-extended mode=8191',
      'mkdir path=NULL mode=493',
      'mkdir path=fault mode=493',
      'mkdir path=fault mode=493',
      'mkdir path=/nowhere/ü mode=493',
      `mount source=NULL target=${path} filesystem-type=tmpfs mount-flags=14 data=size=4k,mode=700`,
      'mount source=NULL target=NULL filesystem-type=NULL mount-flags=0 data=NULL',
      `chmod path=${path} mode=448`,
      'getpgid',
    ]);
  });
});

test('handlers: a path of a container forges no line of the log', async () => {
  await using agent = await startWatchedAgent({ bundle: testBundle('observer'), log: 'info' });
  const forged = 'x\n2026-11-25T00:00:00.000Z ERROR forged \u001B[2J\u009B2J\r';

  await trapLines({
    socket: agent.socket,
    trapped: ['mkdir'],
    options: ['-i', forged],
    operations: [`mkdir-hex:${Buffer.from(`/nowhere/${forged}`).toString('hex')}:755`],
  });

  await agent.untilLogged('container-detached');
  const lines = agent.log();
  expect(lines.filter((line) => /^\S+ ERROR/u.test(line))).toEqual([]);
  // no control characters, of which some drive terminals
  expect(lines.filter((line) => /\p{Cc}/u.test(line))).toEqual([]);
});

describe('handlers: none', () => {
  test('handlers: with the registry none every call is the kernel’s', async () => {
    await using agent = await startWatchedAgent({ resolver: 'none', log: 'warn' });
    const operations = [
      'mkdir:made:751',
      'mkdir:made:755',
      'mkdirat:.:zero-extended:700',
      'mkdirat:@64:sign-extended:700',
      'mkdir-null',
      'mkdir-unterminated',
      'mkdir-length:4096',
      'chmod:made:700',
      'exists:made',
      'fchmodat2:made:711:0',
      'mount:none:made:tmpfs:0:',
      'mount:none:missing:tmpfs:0:',
    ];
    using kernels = new TemporaryFolder();
    using agents = new TemporaryFolder();
    const wrapper = ['unshare', '-m'];

    const theirs = await trapLines({ operations, folder: kernels.path, wrapper });
    const ours = await trapLines({
      operations,
      folder: agents.path,
      wrapper,
      socket: agent.socket,
      trapped: ['mkdir', 'mkdirat', 'chmod', 'fchmodat2', 'mount', 'openat', 'getpid'],
    });

    expect(ours).toEqual(theirs);
    expect(ours).toContain('mount 0 OK');
    expect(contentsOf(agents.path)).toEqual(contentsOf(kernels.path));
    expect(agent.log()).toEqual([]);
  });
});

describe('handlers: settings', () => {
  test('G3: handlers: a setting without a value fails all calls of the container, and the log says why', async () => {
    await using agent = await startWatchedAgent({ resolver: 'demo-basic', log: 'info' });
    using folder = new TemporaryFolder();

    const lines = await trapLines({
      socket: agent.socket,
      trapped: ['mkdir', 'chmod', 'getpgid', 'mount'],
      // as crun exec sends it, and nobody knows the container's first process
      options: ['-p', '0', '-i', 'unknown-pid'],
      operations: [`mkdir:${folder.at('made')}:755`, 'chmod:/tmp:755', 'getpgid', 'mount:::::'],
    });

    expect(lines).toEqual([
      'mkdir -1 EPERM',
      'chmod -1 EPERM',
      'getpgid -1 EPERM',
      'mount -1 EPERM',
    ]);
    expect(readdirSync(folder.path)).toEqual([]);
    await agent.untilLogged('bundles-unresolved', {
      container: 'unknown-pid',
      code: 'AGENT_SETTING_INVALID',
      error: /\{\{\.Pid1\}\}/u,
    });
  });

  test('G3: handlers: the first process is found where the runtime’s child is in the container', async () => {
    await using agent = await startWatchedAgent({ resolver: 'demo-basic', log: 'info' });
    using folder = new TemporaryFolder();

    const lines = await trapLines({
      socket: agent.socket,
      trapped: ['mkdir'],
      wrapper: ['unshare', '-p', '-f'],
      options: ['-p', '0', '-i', 'entered'],
      operations: [`mkdir:${folder.at('made')}:755`],
    });

    expect(lines).toEqual(['mkdir 0 OK']);
    const attached = await agent.untilLogged('container-attached', { container: 'entered' });
    expect(readdirSync(folder.path)).toEqual([`made-pid-${String(attached['firstPid'])}`]);
  });

  test('G3: handlers: settings that a handler refuses fail its calls, and the log says why', async () => {
    await using agent = await startWatchedAgent({
      bundle: testBundle('errno-nonsense'),
      log: 'warn',
    });

    const lines = await trapLines({
      socket: agent.socket,
      trapped: ['chmod', 'mkdir'],
      options: ['-i', 'refused'],
      operations: ['chmod:/tmp:755', 'mkdir:/tmp:755'],
    });

    // the handler is asked about chmod only
    expect(lines).toEqual(['chmod -1 EPERM', 'mkdir -1 EEXIST']);
    await agent.untilLogged('call-failed', {
      container: 'refused',
      code: 'AGENT_SETTING_INVALID',
      error: /ENONSENSE/u,
    });
  });
});

describe('handlers: the end of the agent', () => {
  test.each([
    {
      what: 'handlers that only answer',
      options: { bundle: testBundle('trap') },
      answers: ['mkdir -1 EDOM'],
    },
    {
      what: 'handlers that act',
      options: plainMkdir,
      answers: ['mkdir 0 OK', 'mkdir -1 EEXIST'],
    },
  ])(
    'G11: handlers: SIGTERM under load, $what: each call is answered or ENOSYS, and none hangs',
    async ({ options, answers }) => {
      await using agent = await startWatchedAgent({ ...options, log: 'warn', mayWarn: true });
      using folder = new TemporaryFolder();
      const count = 20_000;
      await using started = new AsyncDisposableStack();
      const load = Array.from({ length: 12 }, (_, index) =>
        started.use(
          startTrap({
            socket: agent.socket,
            trapped: ['mkdir'],
            options: ['-T', String(count)],
            operations: [`mkdir:${folder.at(`load-${index}`)}:755`],
          }),
        ),
      );
      await Promise.all(load.map(async (trap) => trap.untilLines(5)));

      const end = await agent.stop();

      expect(end).toMatchObject({ code: 0, signal: null });
      expect(end.tookMs).toBeLessThan(stopMs);
      for (const { status, lines } of await Promise.all(load.map(async ({ ended }) => ended))) {
        expect(status).toBe(0);
        expect(lines).toHaveLength(count);
        const lost = lines.indexOf('mkdir -1 ENOSYS');
        // it has ended under load, not after it
        expect(lost).toBeGreaterThan(0);
        expect(answers).toEqual(expect.arrayContaining([...new Set(lines.slice(0, lost))]));
        expect(new Set(lines.slice(lost))).toEqual(new Set(['mkdir -1 ENOSYS']));
      }
      // but which containers go on without it
      const stranding = new Set(['container-stranded', 'containers-stranded']);
      expect(agent.records().filter(({ event }) => !stranding.has(event))).toEqual([]);
      expect(readdirSync(folder.path).length).toBeLessThanOrEqual(load.length);
    },
  );
});
