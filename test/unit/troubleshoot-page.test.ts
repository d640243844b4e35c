// SPDX-License-Identifier: Apache-2.0
// Every message that the page on troubleshooting quotes is one of the sources, and every warning and error
// of the log is on the page, with its event.
import { expect, test } from 'vitest';

import { logEvents } from '../../host/log/log-events.ts';
import { Page } from '../support/pages.ts';
import { sourceTexts } from '../support/source-messages.ts';

const page = new Page('deploy/docs/howto/troubleshoot.md');

/** Placeholder for names and numbers. */
const gap = '…';

const quoted = page.prose
  .split('\n')
  .filter((line) => line.startsWith('- **`'))
  .flatMap((line) => [...line.matchAll(/\*\*`(?<message>[^`]+)`\*\*/gu)])
  .map(({ groups }) => groups?.['message'] ?? '');

/** Whether a text has the message in it, whatever stands in the gaps. */
function isIn(message: string): (text: string) => boolean {
  const parts = message
    .split(gap)
    .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/gu, String.raw`\$&`));
  const pattern = new RegExp(parts.join('.*'), 'su');
  return (text) => pattern.test(text);
}

test('troubleshoot.md: every message that it quotes is in the sources', () => {
  const texts = [...sourceTexts()];
  expect(quoted.filter((message) => !texts.some(isIn(message)))).toEqual([]);
});

test('troubleshoot.md: no message is there twice', () => {
  expect(quoted).toEqual([...new Set(quoted)]);
});

test('troubleshoot.md: every warning and error of the log is there', () => {
  const missing = Object.entries(logEvents)
    .filter(([, [level]]) => ['warn', 'error', 'fatal'].includes(level))
    .map(([event, [, sentence]]) => `**\`${sentence}\`** (\`${event}\`)`)
    .filter((entry) => !page.prose.includes(entry));
  expect(missing).toEqual([]);
});
