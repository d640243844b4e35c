// SPDX-License-Identifier: Apache-2.0
// Tests what is said of handlers that let calls continue which they have looked at.
import { mkdirSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { buildProject } from '../../guest-sdk/build/project.ts';
import { continuedPlaces } from '../../guest-sdk/build/continued.ts';
import { racedAnswers } from '../../host/bundles/advisory-calls.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Each has one place of a kind at a line that ends with `here`, and others that say why not. */
const sources = {
  'handler.ts': `// Action.continue() is no answer here
const a = Action.continue(); // here
const b = Action
  .continue(); // not found: written in another way
// sound: the registers decide
const c = Action.continue();
const d = Action.continue(); // sound: nothing is lent
/* sound:
 * nothing follows the word in its own line, and this says: sound: why */
const e = Action.continue();
// sound:
const f = Action.continue().after(1); // here
`,
  'handler.mts': `return proceed(); // here
return { tag: 'continue' }; // here
return { tag: "continue" }; // sound: because
return fail('EPERM');
for (;;) continue;
`,
  'handler.c': `return sca_continue(); // here
return (sca_action){.kind = SCA_ACTION_KIND_CONTINUE}; // here
// sound: by number
return sca_continue();
continue;
`,
  'handler.rs': `Action::Continue // here
Answer::Continue // here
Action::Next
// sound: by number
Action::Continue
continue;
`,
} as const;

test.for(Object.entries(sources))(
  'K1: continued: each answer in %s is found unless a comment says why',
  ([name, text]) => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at(name), text);
    writeFileSync(folder.at(name.replace('handler', 'handler.test')), text);
    const marked = text
      .split('\n')
      .flatMap((line, index) => (line.endsWith('// here') ? [`shown/${name}:${index + 1}`] : []));
    expect(marked).not.toEqual([]);
    const found = continuedPlaces({
      directory: folder.path,
      displayDirectory: 'shown',
      sourceFile: name,
    });
    expect(found).toEqual(marked);
  },
);

test('K1: continued: answers that can be raced are those that were given something to look at', () => {
  const answers = ['mkdir', 'fchmod', 'sysinfo', 'any'];
  expect(racedAnswers({ answers, imports: [] })).toEqual(['mkdir']);
  expect(racedAnswers({ answers, imports: [] }, ['fchmod', 'sysinfo'])).toEqual([]);
  expect(racedAnswers({ answers, imports: ['filesystem'] })).toEqual(['mkdir', 'fchmod']);
  const asked = ['mkdir', 'fallocate', 'execve'];
  expect(racedAnswers({ answers, imports: ['caller'] }, asked)).toEqual(['mkdir']);
  expect(racedAnswers({ answers, imports: ['arguments'] }, asked)).toEqual([
    'mkdir',
    'fallocate',
    'execve',
  ]);
});

const handler = `import { Action, Path } from '@seccompagent/guest-sdk';
export function mkdir(path: Path, _mode: u32): Action {
  return path.at(0) == 47 ? Action.continue() : Action.next();
}
export function execve(_path: Path, _flags: u32): Action {
  return Action.next();
}
`;

async function warningsWith(more: object, source: string = handler): Promise<readonly string[]> {
  using folder = new TemporaryFolder();
  const description = 'text';
  const handlers = [{ component: 'a.wasm', ...more }];
  mkdirSync(folder.at('a'));
  writeFileSync(folder.at('a/handler.ts'), source);
  const manifest = { name: 'a', version: '0.1.0', description, handlers };
  writeFileSync(folder.at('bundle.json'), JSON.stringify(manifest));
  const { components } = await buildProject({ directory: folder.path });
  return components.flatMap(({ warnings }) => warnings);
}

test('K1: continued: a build names the place and the calls, unless they are called advice', async () => {
  const both = await warningsWith({});
  expect(both).toEqual([
    expect.stringMatching(/a\/handler\.ts:3: warning: .*\bmkdir, execve\b.*\bperform\b/u),
  ]);
  expect(await warningsWith({ advisory: ['execve'] })).toEqual([
    expect.stringMatching(/handler of mkdir has/u),
  ]);
  expect(await warningsWith({ syscalls: ['execve'] })).toEqual([
    expect.not.stringMatching(/\bperform\b/u),
  ]);
  expect(await warningsWith({ advisory: ['mkdir', 'execve'] })).toEqual([]);
  expect(await warningsWith({ syscalls: ['mkdir'], advisory: ['mkdir'] })).toEqual([]);
});

test('K1: continued: what is called advice is answered', async () => {
  await expect(warningsWith({ advisory: ['chmod'] })).rejects.toThrow(/"advisory".*chmod/u);
});
