// SPDX-License-Identifier: Apache-2.0
// `seccompagent new`: a bundle with one handler to begin with.
import { relative } from 'node:path';

import { languages } from '../../guest-sdk/build/language.ts';
import { writeScaffold } from '../../guest-sdk/build/scaffold.ts';
import { listOf, parseWords, textOf, usage } from '../text/command-line.ts';
import { reportingBuildErrors } from './build-failure.ts';
import type { Tool } from './command.ts';

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, {
    language: { type: 'string' },
    syscalls: { type: 'string' },
  });
  const [name, ...more] = rest;
  if (name === undefined || more.length > 0) usage('new needs one name');
  const syscalls = listOf(textOf(values, 'syscalls') ?? '');
  if (syscalls.length === 0) usage('new needs -syscalls, such as -syscalls mkdir,mount');
  const language = textOf(values, 'language') ?? 'as';
  return reportingBuildErrors('AGENT_SCAFFOLD', async () => {
    const folder = await writeScaffold({ name, parent: '.', language, syscalls });
    const shown = relative(process.cwd(), folder);
    process.stdout.write(`created ${shown}. Next:\n  cd ${shown} && seccompagent test\n`);
    return 0;
  });
}

const languageLines = languages
  .map(({ name, title }) => `                        ${name.padEnd(12)}${title}\n`)
  .join('');

export const newBundle: Tool = {
  usage: `Usage: seccompagent new NAME -syscalls LIST [options]

Creates the folder NAME with a bundle of one handler: source, bundle.json, test cases, README and a file
for the editor's language server, which names what is linked in NAME/.seccompagent. The bundle builds and
passes its test as it is. Existing files are not overwritten.

Options:
  -syscalls LIST      the system calls that the handler answers, such as mkdir,mount
  -language NAME      the language of the source (default as)
${languageLines}  -help
`,
  run,
};
