// SPDX-License-Identifier: Apache-2.0
// An agent in which something goes wrong that nobody has thought of: it ends, and is not there in part.
import { existsSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { expect, test } from 'vitest';

import { RunningCommand, seccompagent } from '../support/command.ts';
import { recordsOf } from '../support/log-records.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startTrap } from '../support/trap-container.ts';

/** Loaded by the agent's process before the agent is: a mistake of another part of the process. */
function mistake(statement: string): string {
  return (
    `import { isMainThread } from 'node:worker_threads';\n` +
    `if (isMainThread) process.on('SIGUSR2', () => { ${statement} });\n`
  );
}

const mistakes = [
  ['an exception', `throw new Error('mistake')`],
  ['a rejection', `void Promise.reject(new Error('mistake'))`],
  ['what is no error', `throw 'mistake'`],
] as const;

/** The last that it logs. */
const ending = expect.objectContaining({
  level: 'fatal',
  event: 'internal-error',
  error: 'mistake',
});

/** How a process of Node's loads it first. */
function loading(folder: TemporaryFolder, statement: string): Readonly<Record<string, string>> {
  const file = folder.at('mistake.mjs');
  writeFileSync(file, mistake(statement));
  return { NODE_OPTIONS: `--import=${pathToFileURL(file).href}` };
}

test.for(mistakes)(
  'agent: %s that nobody catches ends it with 1 and a line',
  async ([, statement]) => {
    using folder = new TemporaryFolder();
    await using agent = new RunningCommand(
      [seccompagent, `-socketfile=${folder.at('agent.socket')}`, '-control-socket=none'],
      { environment: loading(folder, statement) },
    );
    await agent.printed(/\bagent-listening\b/u);
    const socket = folder.at('agent.socket');
    // it serves somebody
    await using trap = startTrap({ socket, trapped: ['getpgid'], operations: ['getpgid', 'hold'] });
    await trap.untilLines(1);
    agent.kill('SIGUSR2');
    const { code, stderr } = await agent.ended;
    expect(code).toBe(1);
    expect(recordsOf(stderr)).toContainEqual(ending);
  },
);

test.for(mistakes)(
  'run: %s that nobody catches ends it with 1, a line, and the command',
  async ([, statement]) => {
    using folder = new TemporaryFolder();
    // a call of it is answered, and it waits
    const script = 'mkdir "$1/a"; echo "pid $$"; while :; do sleep 0.1; done';
    const command = ['--', 'sh', '-c', script, 'sh', folder.path];
    await using run = new RunningCommand(
      [seccompagent, 'run', '-bundle=mkdir-suffix', ...command],
      {
        environment: loading(folder, statement),
      },
    );
    const [, pid] = await run.printed(/^pid (?<pid>\d+)$/mu);
    expect(existsSync(folder.at('a-suffix'))).toBe(true);
    run.kill('SIGUSR2');
    const { code, stderr } = await run.ended;
    expect(code).toBe(1);
    expect(recordsOf(stderr)).toContainEqual(ending);
    await until('the end of the command', () => !existsSync(`/proc/${pid}`) || undefined);
  },
);
