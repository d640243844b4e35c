// SPDX-License-Identifier: Apache-2.0
// The test cases of a new handler: each call once, and what must come of it.

import { posix } from 'node:path';

import { syscallTable } from '../../host/syscalls/syscall-table.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { linksFolder } from './editor.ts';
import { type ScaffoldAnswer, isLookedUp, toldParameter } from './scaffold-answer.ts';

/** Log lines of the handler. */
function messageOf(
  call: string,
  answer: ScaffoldAnswer,
  given: ReadonlyMap<string, string>,
): string {
  const told = toldParameter(answer);
  if (told?.kind === 'call') return call;
  const path = told === undefined ? undefined : given.get(told.name);
  // a case that says nothing else has it where the text says, from the root
  if (isLookedUp(answer)) return `${answer.name} ${posix.join('/', path ?? '')}`;
  if (path !== undefined) return `${answer.name} ${path}`;
  // a call that has no path has an empty one, or none where the family says so
  return told?.kind === 'path' ? `'${answer.name} '` : answer.name;
}

function caseText(call: string, answer: ScaffoldAnswer): string {
  const row = syscallTable.find(({ name, arch }) => name === call && arch === undefined);
  const given = new Map(
    (row?.arguments ?? []).flatMap(({ name, kind }) => {
      const value = name === 'filesystem-type' ? 'tmpfs' : kind.sample;
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  const listed = [...given].map(([name, value]) => `${name}: ${value}`).join(', ');
  const isFound = isLookedUp(answer);
  const follows = isFound ? 'the host does it' : 'the next handler is asked';
  const lines = [
    `  - name: ${call} is written into the log, and ${follows}`,
    `    call: ${call}`,
    ...(listed === '' ? [] : [`    arguments: { ${listed} }`]),
    '    expect:',
    `      action: ${isFound ? 'perform' : 'next'}`,
    '      calls:',
    ...(isFound ? [`        - filesystem.resolve: { path: ${given.get('path') ?? "''"} }`] : []),
    `        - log.log: { level: info, message: ${messageOf(call, answer, given)} }`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Whether a 64-bit machine has it: cases are tried as if they were made on x86-64. */
function isThere(call: string): boolean {
  return syscallNumbers.some(([name, number]) => name === call && number >= 0);
}

/** Text of handler.test.yaml. */
export function scaffoldCases(answers: readonly ScaffoldAnswer[]): string {
  const cases = answers.flatMap((answer) =>
    answer.calls.filter((call) => isThere(call)).map((call) => caseText(call, answer)),
  );
  return `# yaml-language-server: $schema=./${linksFolder}/schema/handler-test.schema.json
# Calls, and what must come of them: \`seccompagent test\` tries them.
cases:
${cases.join('\n')}`;
}
