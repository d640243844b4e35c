// SPDX-License-Identifier: Apache-2.0
// Opens that wait for another process, as long as their callers do: a helper answers them.

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

/** What fifo-caller.c prints, in an empty folder. */
async function printed(words: readonly string[], isPerformed: boolean): Promise<string> {
  using folder = new TemporaryFolder();
  const runner = isPerformed ? [seccompagent, 'run', '-bundle', testBundle('perform'), '--'] : [];
  const [program = '', ...rest] = [...runner, compiled('fifo-caller'), ...words];
  const { code, stdout, stderr } = await runCommand(
    ['sh', '-c', 'cd "$0" && exec "$@"', folder.path, program, ...rest],
    { deadlineMs: 60_000 },
  );
  if (code !== 0) throw new Error(`fifo-caller: ${code} ${stdout} ${stderr}`);
  return stdout;
}

/** In the wait for the other end of a FIFO. */
function waitsForOther(pid: number): boolean {
  return waitingPlace(pid) === 'wait_for_partner';
}

describe('performed waits', () => {
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
    const caller = new AskedCaller({ socket: agent.socket, killableBundle: oci });
    onTestFinished(async () => caller[Symbol.asyncDispose]());
    const answer = caller.ask(`open ${fifo}`);
    // of a caller that is ended there is none
    answer.catch(() => undefined);
    const helper = await until('a helper to wait', () => childrenOf(agent.pid).find(waitsForOther));
    return { caller, answer, helper };
  }

  test('A9: performed waits: signals end or restart them as without us', async () => {
    const [bare, performed] = await Promise.all(
      [false, true].map(async (isPerformed) => printed(['signals'], isPerformed)),
    );

    expect(bare?.split('\n').length).toBeGreaterThan(8);
    expect(performed).toBe(bare);
  });

  test('A9, G4: performed waits: a container has so many, and its other calls go on', async () => {
    const more = 16;

    const lines = await printed(['crowd', String(mostWaiting + more)], true);

    expect(lines).toBe(`refused ${more} ENFILE\nbeside open\nopened ${mostWaiting}\n`);
  });

  test('A9: performed waits: what is called next is done, however soon the other end comes', async () => {
    expect(await printed(['turns', '2000'], true)).toBe('wrong 0, writer 0\n');
  });

  test('A9: performed waits: FIFOs and terminals are opened in a storm of signals', async () => {
    using folder = new TemporaryFolder();
    const runner = [seccompagent, 'run', '-bundle', testBundle('perform'), '--'];
    const turns = 3400;
    const { stdout } = await runCommand(
      [
        'sh',
        '-c',
        'cd "$0" && exec "$@"',
        folder.path,
        ...runner,
        compiled('open-storm'),
        `${turns}`,
      ],
      { deadlineMs: 60_000 },
    );
    expect(stdout).toBe('wrong 0, interrupted 0, left open 0\n');
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

  test('A9: performed waits: a helper is gone once its caller is', async () => {
    await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    const waiting = await startWaiting(agent);

    await waiting.caller[Symbol.asyncDispose]();

    await untilChildless(agent.pid);
    expect(agent.log()).toEqual([]);
  });
});
