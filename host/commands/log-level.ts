// SPDX-License-Identifier: Apache-2.0
// `seccompagent log-level`: the log level of a running agent.
import { askForText } from '../control/control-client.ts';
import { defaultControlSocket } from '../control/control-socket.ts';
import { logLevelChangePath, logLevelPath } from '../control/log-level-request.ts';
import type { LogLevelStatus } from '../control/log-level-request.ts';
import { logWords } from '../log/log.ts';
import { isLogLevel, logLevels } from '../log/log-events.ts';
import type { LogLevel } from '../log/log-events.ts';
import { listOf, parseWords, textOf, usage } from '../text/command-line.ts';
import { choicesAt } from '../text/did-you-mean.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

/** As `-log` has it; the last one counts, as there. */
function levelOf(list: string): LogLevel {
  const levels = listOf(list).map((word) => {
    if (isLogLevel(word)) return word;
    if (logWords.includes(word)) {
      usage(`"${word}" cannot change while the agent runs: set it with -log and restart the agent`);
    }
    return usage(`unknown level "${word}"${choicesAt(word, logLevels, 'Levels')}`);
  });
  return levels.at(-1) ?? usage(`the level is empty. Levels: ${logLevels.join(', ')}`);
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, {
    json: { type: 'boolean' },
    'control-socket': { type: 'string' },
  });
  const [list, ...more] = rest;
  if (more.length > 0) usage('log-level takes at most one level');
  const socket = textOf(values, 'control-socket') ?? defaultControlSocket;
  const text = await askForText(
    list === undefined
      ? { socket, method: 'GET', path: logLevelPath }
      : { socket, method: 'POST', path: logLevelChangePath(levelOf(list)) },
  );
  const status: LogLevelStatus = JSON.parse(text);
  const { level, before } = status;
  report(values, status, () => [before === undefined ? level : `${level} (was ${before})`]);
  return 0;
}

export const logLevel: Tool = {
  usage: `Usage: seccompagent log-level [options] [LEVEL]

Prints the log level of a running agent, or changes it until the agent ends: trace, debug, info, warn,
error or fatal, as in -log. It applies to all threads at once; from debug on, each decision is logged.
The format and the colors of the log do not change. Requires root.

Options:
  -control-socket PATH
                      the control socket of the agent (default ${defaultControlSocket})
  -json               print JSON
  -help
`,
  run,
};
