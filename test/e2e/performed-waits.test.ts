// SPDX-License-Identifier: Apache-2.0
// Opens that wait for another process, as long as their callers do: a helper answers them.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import type { Asked } from '../support/asked-caller.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { ociBundleWith } from '../support/oci-bundle.ts';
import { until } from '../support/polling.ts';
import { childrenOf, untilChildless, waitingPlace } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

/** As many of one container may wait. */
const mostWaiting = 64;

/** Whether a signal can take the calls of a container back. */
const kinds = ['with WAIT_KILLABLE_RECV', 'without it'] as const;
type Kind = (typeof kinds)[number];

/** What a program prints, in an empty folder, alone or as a container. */
async function printed(words: readonly string[], kind?: Kind): Promise<string> {
  using folder = new TemporaryFolder();
  await using agent =
    kind === 'without it'
      ? await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' })
      : undefined;
  const run =
    kind === undefined ? [] : [seccompagent, 'run', '-bundle', testBundle('perform'), '--'];
  const runner = agent === undefined ? run : [compiled('enter'), agent.socket, '-'];
  const [program = '', ...rest] = words;
  const { code, stdout, stderr } = await runCommand(
    ['sh', '-c', 'cd "$0" && exec "$@"', folder.path, ...runner, compiled(program), ...rest],
    { deadlineMs: 60_000 },
  );
  if (code !== 0) throw new Error(`${program}: ${code} ${stdout} ${stderr}`);
  return stdout;
}

/** In the wait for the other end of a FIFO. */
function waitsForOther(pid: number): boolean {
  return waitingPlace(pid) === 'wait_for_partner';
}

describe.for(kinds)('performed waits %s', (kind) => {
  let stack: DisposableStack;
  let fifo = '';
  let oci = '';

  beforeAll(async () => {
    stack = new DisposableStack();
    fifo = stack.use(new TemporaryFolder()).at('fifo');
    oci = stack.use(ociBundleWith(['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'])).path;
    await runCommand(['mkfifo', fifo]);
  });
  afterAll(() => {
    stack.dispose();
  });

  interface Waiting {
    readonly caller: AskedCaller;
    readonly answer: Promise<Asked>;
    /** Its pid. */
    readonly helper: number;
  }

  async function startWaiting(agent: WatchedAgent): Promise<Waiting> {
    const killable = kind === 'without it' ? {} : { killableBundle: oci };
    const caller = new AskedCaller({ socket: agent.socket, ...killable });
    onTestFinished(async () => caller[Symbol.asyncDispose]());
    const answer = caller.ask(`open ${fifo}`);
    // of a caller that is ended there is none
    answer.catch(() => undefined);
    const helper = await until('a helper to wait', () => childrenOf(agent.pid).find(waitsForOther));
    return { caller, answer, helper };
  }

  test('A9: performed waits: signals end or restart them as without us', async () => {
    const [bare, performed] = await Promise.all(
      [undefined, kind].map(async (way) => printed(['fifo-caller', 'signals'], way)),
    );

    expect(bare?.split('\n').length).toBeGreaterThan(8);
    expect(performed).toBe(bare);
  });

  test('A9, G4: performed waits: a container has so many, and its other calls go on', async () => {
    const more = 16;

    const lines = await printed(['fifo-caller', 'crowd', String(mostWaiting + more)], kind);

    expect(lines).toBe(`refused ${more} ENFILE\nbeside open\nopened ${mostWaiting}\n`);
  });

  test('A9: performed waits: what is called next is done, however soon the other end comes', async () => {
    expect(await printed(['fifo-caller', 'turns', '2000'], kind)).toBe('wrong 0, writer 0\n');
  });

  test('A9: performed waits: FIFOs and terminals are opened in a storm of signals', async () => {
    // each signal takes the call back where it can
    const turns = kind === 'without it' ? 1000 : 3400;

    const words = /^wrong 0, interrupted 0, left open (\d+)\n$/u.exec(
      await printed(['open-storm', `${turns}`], kind),
    );

    // a signal that comes and is gone between descriptor and answer has the call made anew
    expect(Number(words?.[1] ?? NaN)).toBeLessThanOrEqual(kind === 'without it' ? turns / 10 : 0);
  });

  test('A9, G11: performed waits: they are interrupted where the agent stops', async () => {
    await using agent = await startWatchedAgent({
      bundle: testBundle('perform'),
      log: 'warn',
      // of a container that goes on without it
      mayWarn: true,
    });
    const waiting = await startWaiting(agent);
    await using _caller = waiting.caller;

    const end = await agent.stop();

    expect(await waiting.answer).toMatchObject({ answer: 'EINTR' });
    expect(end).toMatchObject({ code: 0 });
  });

  test('A9: performed waits: one whose helper is killed gets the failure policy’s answer', async () => {
    await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    const waiting = await startWaiting(agent);
    await using caller = waiting.caller;

    process.kill(waiting.helper, 'SIGKILL');

    expect(await waiting.answer).toMatchObject({ answer: 'EPERM' });
    expect(await caller.ask('open /etc/passwd')).toMatchObject({ answer: '0' });
    await agent.untilLogged('call-failed', { syscall: 'openat', code: 'AGENT_CALLER' });
  });

  const freezers = '/sys/fs/cgroup/freezer';
  test.runIf(existsSync(freezers))(
    'A9: performed waits: the freezer of version 1 stops callers, and they wait on afterwards',
    async () => {
      await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
      const waiting = await startWaiting(agent);
      await using caller = waiting.caller;
      using cgroup = new DisposableStack();
      const folder = `${freezers}/seccompagent-test-waits-${process.pid}`;
      mkdirSync(folder);
      cgroup.defer(() => {
        writeFileSync(`${folder}/freezer.state`, 'THAWED');
        for (const pid of readFileSync(`${folder}/cgroup.procs`, 'utf8').split('\n'))
          if (pid !== '') writeFileSync(`${freezers}/cgroup.procs`, pid);
        rmdirSync(folder);
      });
      writeFileSync(`${folder}/cgroup.procs`, String(caller.pid));
      const state = (): string => readFileSync(`${folder}/freezer.state`, 'utf8').trim();

      writeFileSync(`${folder}/freezer.state`, 'FROZEN');
      await until('the caller to be frozen', () => state() === 'FROZEN' || undefined, 5000);
      writeFileSync(`${folder}/freezer.state`, 'THAWED');
      await until('a helper to wait', () => childrenOf(agent.pid).find(waitsForOther));
      await runCommand(['sh', '-c', `: > ${fifo}`]);

      expect(await waiting.answer).toMatchObject({ answer: '0' });
    },
  );

  test('A9: performed waits: a helper is gone once its caller is', async () => {
    await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    const waiting = await startWaiting(agent);

    await waiting.caller[Symbol.asyncDispose]();

    await untilChildless(agent.pid);
    expect(agent.log()).toEqual([]);
  });
});
