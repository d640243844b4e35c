// SPDX-License-Identifier: Apache-2.0
// An agent in which something goes wrong that nobody has thought of: it ends, and is not there in part.
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { expect, test } from 'vitest';

import { RunningCommand, seccompagent } from '../support/command.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startTrap } from '../support/trap-container.ts';

/** Loaded by the agent's process before the agent is: a mistake of another part of the process. */
function mistake(statement: string): string {
  return (
    `import { isMainThread } from 'node:worker_threads';\n` +
    `if (isMainThread) process.on('SIGUSR2', () => { ${statement} });\n`
  );
}

test.for([
  ['an exception', `throw new Error('mistake')`],
  ['a rejection', `void Promise.reject(new Error('mistake'))`],
  ['what is no error', `throw 'mistake'`],
] as const)('agent: %s that nobody catches ends it with 1 and a line', async ([, statement]) => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('mistake.mjs'), mistake(statement));
  await using agent = new RunningCommand(
    [seccompagent, `-socketfile=${folder.at('agent.socket')}`, '-control-socket=none'],
    { environment: { NODE_OPTIONS: `--import=${pathToFileURL(folder.at('mistake.mjs')).href}` } },
  );
  await agent.printed(/\blistening\b/u);
  const socket = folder.at('agent.socket');
  // it serves somebody
  await using trap = startTrap({ socket, trapped: ['getpgid'], operations: ['getpgid', 'hold'] });
  await trap.untilLines(1);
  agent.kill('SIGUSR2');
  const { code, stderr } = await agent.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/FATAL the agent has failed and ends error=mistake/u);
});
