// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent run`: exit codes, signals, standard streams and what is left behind.
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { runCommand, RunningCommand, seccompagent } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { failed } from '../support/failures.ts';
import { recordsOf } from '../support/log-records.ts';
import { endOfMentioning } from '../support/process-table.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const underDemo = [seccompagent, 'run', '-resolver=demo-basic', '--'] as const;

/** That of util-linux makes a directory in /run, and the handlers make it a new one each time. */
const mountTmpfs = 'busybox mount -t tmpfs none';

const streams = [0, 1, 2].map((fd) => `/proc/self/fdinfo/${fd}`);

const caughtOnce = (signal: string): string =>
  `trap 'echo caught ${signal}; exit 7' ${signal}; echo ready; read -r line; echo not caught`;

test.for([0, 3, 255])('exit code: %i of the command is handed on', async (code) => {
  const result = await runCommand([...underDemo, 'sh', '-c', `exit ${code}`]);
  expect(result).toEqual({ code, signal: null, stdout: '', stderr: '' });
});

function notExecuted(command: string, errno: string): unknown {
  return expect.objectContaining({
    level: 'fatal',
    event: 'command-not-executed',
    command,
    errno,
  });
}

test('exit code: 127 with a message that names a command that is missing', async () => {
  const { code, stdout, stderr } = await runCommand([...underDemo, 'no-such-command']);
  expect({ code, stdout }).toEqual({ code: 127, stdout: '' });
  expect(recordsOf(stderr)).toEqual([notExecuted('no-such-command', 'ENOENT')]);
});

test('exit code: 126 with a message that names a file that is not executable', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('text');
  writeFileSync(file, 'no program\n');
  const { code, stdout, stderr } = await runCommand([...underDemo, file]);
  expect({ code, stdout }).toEqual({ code: 126, stdout: '' });
  expect(recordsOf(stderr)).toEqual([notExecuted(file, 'EACCES')]);
});

test.for([
  { signal: 'KILL', code: 137 },
  { signal: 'TERM', code: 143 },
])('exit code: $code for a command that SIG$signal has ended', async ({ signal, code }) => {
  const result = await runCommand([...underDemo, 'sh', '-c', `kill -${signal} $$`]);
  expect(result.code).toBe(code);
});

test.for(['ALRM', 'HUP', 'INT', 'IO', 'PWR', 'QUIT', 'TERM', 'USR1', 'USR2', 'WINCH'] as const)(
  'signals: SIG%s is handed on to the command when stdin is no terminal',
  async (signal) => {
    await using running = new RunningCommand([...underDemo, 'sh', '-c', caughtOnce(signal)]);
    await running.printed(/^ready$/mu);
    running.kill(`SIG${signal}`);
    const { code, stdout } = await running.ended;
    expect({ code, stdout }).toEqual({ code: 7, stdout: `ready\ncaught ${signal}\n` });
  },
);

test('signals: SIGINT of a terminal reaches the command once', async () => {
  // a shell that waits for us would be ended by the signal
  const command = `exec ${underDemo.join(' ')} sh -c 'trap "echo caught" INT; echo ready; while :; do read -r line && exit 7; done'`;
  const options = ['--quiet', '--return', '--flush', '--echo', 'never', '--command', command];
  await using terminal = new RunningCommand(['script', ...options, '/dev/null']);
  await terminal.printed(/^ready\r$/mu);
  terminal.write('\u0003');
  await terminal.printed(/^caught\r$/mu);
  terminal.write('end\n');
  const { code, stdout } = await terminal.ended;
  expect(code).toBe(7);
  expect(stdout.match(/caught/gu)).toHaveLength(1);
});

test('signals: one that comes right after the start is handed on', async () => {
  const command = [...underDemo, compiled('signal-parent')] as const;
  const environment = { LD_PRELOAD: compiled('slow-sigaction.so') };
  const result = await runCommand(command, { environment });
  expect(result).toEqual({ code: 7, signal: null, stdout: '', stderr: '' });
});

test('signals: the command ends with an agent that is killed', async () => {
  const marker = randomUUID();
  await using running = new RunningCommand(
    [...underDemo, 'sh', '-c', 'echo ready; read -r line; :'],
    { environment: { SECCOMPAGENT_TEST: marker } },
  );
  await running.printed(/^ready$/mu);
  running.kill('SIGKILL');
  await endOfMentioning(marker);
  expect((await running.ended).signal).toBe('SIGKILL');
});

test('usage: an unknown system call is refused by its name', async () => {
  const command = [seccompagent, 'run', '-syscalls=mkdir,no_such_call', '--', 'true'] as const;
  const result = await runCommand(command);
  expect(result).toEqual(failed('AGENT_USAGE', '"no_such_call"', 'seccompagent run -help'));
  expect(result.stdout).toBe('');
});

test('usage: resolver none needs -syscalls', async () => {
  const result = await runCommand([seccompagent, 'run', '--', 'true']);
  expect(result).toEqual(failed('AGENT_USAGE', '"none"', '-syscalls'));
  expect(result.stdout).toBe('');
});

test('usage: a command is needed', async () => {
  const result = await runCommand([seccompagent, 'run', '-resolver=demo-basic', '--']);
  expect(result).toEqual(failed('AGENT_USAGE', '--'));
});

test('usage: -help says how to run a command', async () => {
  const { code, stdout, stderr } = await runCommand([seccompagent, 'run', '-help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^.*seccompagent run /u);
});

test('syscalls: those of the list are trapped, and resolver none lets them continue', async () => {
  using folder = new TemporaryFolder();
  const options = ['-resolver=none', '-syscalls=mkdir,mkdirat'] as const;
  const command = [seccompagent, 'run', ...options, '--', 'mkdir', folder.at('abc')] as const;
  const result = await runCommand(command);
  expect(result).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  expect(readdirSync(folder.path)).toEqual(['abc']);
});

test('mkdir: has the number of the command in its name', async () => {
  using folder = new TemporaryFolder();
  const { stdout } = await runCommand([...underDemo, 'sh', '-c', 'echo $$; mkdir abc'], {
    cwd: folder.path,
  });
  expect(readdirSync(folder.path)).toEqual([`abc-pid-${stdout.trim()}`]);
});

test('mounts: mounts inside are not visible outside', async () => {
  using folder = new TemporaryFolder();
  const script = `${mountTmpfs} ${folder.path} && cat /proc/self/mountinfo && echo ready; read -r line`;
  await using running = new RunningCommand([...underDemo, 'sh', '-c', script]);
  await running.printed(/^ready$/mu);
  expect(running.stdout).toContain(folder.path);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(folder.path);
});

test('streams: stdin, stdout and stderr are those of the command', async () => {
  const result = await runCommand([...underDemo, 'sh', '-c', 'cat; echo err >&2'], {
    input: 'first\nlast',
  });
  expect(result).toEqual({ code: 0, signal: null, stdout: 'first\nlast', stderr: 'err\n' });
});

test('streams: have the flags that they have without the agent', async () => {
  const command = ['grep', '-h', '^flags', ...streams] as const;
  const { stdout: flags } = await runCommand(command);
  const { stdout } = await runCommand([...underDemo, ...command]);
  expect(stdout).toBe(flags);
});

test('streams: nothing is lost when the reader is slower than the command', async () => {
  const length = 1_000_000;
  // the reader starts once the pipe is full, or the writer has failed
  const script = `"$@" head -c ${length} /dev/zero | { head -c 1 >/dev/null; wc -c; }`;
  const { stdout, stderr } = await runCommand(['sh', '-c', script, 'sh', ...underDemo]);
  expect({ stdout, stderr }).toEqual({ stdout: `${length - 1}\n`, stderr: '' });
});

test('end: no process, no mount and no file stays', async () => {
  using folder = new TemporaryFolder();
  const marker = randomUUID();
  const script = `${mountTmpfs} ${folder.path}; mkdir ${folder.path}/abc; ls ${folder.path}`;
  const { code, stdout } = await runCommand([...underDemo, 'sh', '-c', script], {
    environment: { SECCOMPAGENT_TEST: marker, TMPDIR: folder.path },
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^abc-pid-\d+\n$/u);
  // helpers end with the agent, but a moment later
  await endOfMentioning(marker);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(folder.path);
  expect(readdirSync(folder.path)).toEqual([]);
});

test('log: trace shows each answered call, as debug does', async () => {
  const { stderr } = await runCommand([
    seccompagent,
    'run',
    '-resolver=demo-basic',
    '-log=trace',
    '--',
    'chmod',
    '777',
    '/',
  ]);
  expect(recordsOf(stderr)).toContainEqual(
    expect.objectContaining({
      level: 'debug',
      event: 'call-answered',
      container: expect.stringMatching(/^run-\d+$/u),
      syscall: expect.stringMatching(/^fchmodat2?$/u),
      answer: 'EBADMSG',
    }),
  );
});
