// SPDX-License-Identifier: Apache-2.0
// deploy/docs/reference/codes.md: error codes and log events, printed from their tables.
import { agentErrorCodes } from '../../errors.ts';
import { logEvents } from '../../log/log-events.ts';
import { cell, table } from './markdown.ts';

const begin = `# Error codes and log events

For authors of scripts and alerts. Codes and events are stable; the sentences beside them may change in any version. [Troubleshooting](../howto/troubleshoot.md) says what to do about each message. \`npm run generate\` prints this page.

## Error codes

A command that cannot be carried out prints a sentence with one of these codes in brackets on standard error, and exits with 1; messages of a compiler stand before that line. Commands that find faults (\`config check\`, \`doctor\`, \`profile lint\`, \`test\`, \`replay\`, \`bench\`) print their findings instead. A wrong command line (\`AGENT_USAGE\`) is exit code 2, without the code. In the log, the field \`code\` has the code of an error in \`error\` or \`why\`, where it has one.

`;

const eventsBegin = `
## Log events

Each line of the log has its event in the field \`event\`. Have scripts read the log as JSON (\`-log=json\`): in text, where it is the last field, handlers and containers choose words of the rest. \`handler-log\` is a line that a handler wrote. An event that repeats a warning or an error may have the level \`debug\`.

`;

export function codesPage(): string {
  const codes = Object.entries(agentErrorCodes).map(([code, meaning]) => [
    `\`${code}\``,
    cell(meaning),
  ]);
  const events = Object.entries(logEvents).map(([event, [level, sentence]]) => [
    `\`${event}\``,
    level,
    cell(sentence),
  ]);
  return [
    begin,
    table([['code', 'meaning'], ...codes]),
    eventsBegin,
    table([['event', 'level', 'sentence'], ...events]),
  ].join('');
}
