// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent test`: what passes, what fails and how that is said.
import { appendFileSync, cpSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { RunningCommand, projectRoot, runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { failed, naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** A folder with the example in C: it builds fastest. */
function exampleFolder(): TemporaryFolder {
  const folder = new TemporaryFolder();
  const example = join(projectRoot, 'guest-sdk/examples/mkdir-suffix-c');
  cpSync(example, folder.path, { recursive: true, dereference: true });
  return folder;
}

function writeCases(folder: TemporaryFolder, text: string): void {
  writeFileSync(folder.at('handler.test.yaml'), text);
}

async function tried(folder: TemporaryFolder, ...words: readonly string[]): Promise<CommandResult> {
  return runCommand([seccompagent, 'test', ...words], { cwd: folder.path });
}

interface Report {
  readonly cases: readonly {
    readonly name: string;
    readonly hasPassed: boolean;
    readonly differences: readonly object[];
  }[];
}

function casesIn({ stdout }: Pick<CommandResult, 'stdout'>): Report['cases'] {
  const { cases }: Report = JSON.parse(stdout);
  return cases;
}

test('test: nothing is written to the folder', async () => {
  using folder = exampleFolder();
  const before = readFileSync(folder.at('bundle.json'), 'utf8');
  expect(await tried(folder)).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(folder.at('bundle.json'), 'utf8')).toBe(before);
  expect(() => readFileSync(folder.at('mkdir-suffix-c.wasm'))).toThrow('ENOENT');
});

test('test: it needs no root', async () => {
  using folder = exampleFolder();
  const result = await runCommand(
    ['setpriv', '--reuid=65534', '--clear-groups', '--', seccompagent, 'test', '-json'],
    { cwd: realpathSync(folder.path), environment: { HOME: '/nonexistent' } },
  );
  expect(result.code).toBe(0);
  expect(casesIn(result).filter(({ hasPassed }) => hasPassed)).toHaveLength(20);
});

const made = `
const names: readonly string[] = ['a', 'b', 'c'];
export default {
  settings: { MKDIR_SUFFIX: '-s' },
  cases: names.map((name) => ({
    name: 'a directory ' + name,
    call: 'mkdir',
    arguments: { path: new TextEncoder().encode('/' + name), mode: 0o755 },
    expect: { calls: [{ 'filesystem.mkdir': { path: '/' + name + '-s' } }] },
  })),
};
`;

test('test: cases may be made by a program', async () => {
  using folder = exampleFolder();
  rmSync(folder.at('handler.test.yaml'));
  writeFileSync(folder.at('handler.cases.ts'), made);
  const result = await tried(folder, '-json');
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(casesIn(result).map(({ name, hasPassed }) => [name, hasPassed])).toEqual(
    ['a', 'b', 'c'].map((name) => [`a directory ${name}`, true]),
  );
});

test('test: a difference in cases of a program is shown without a line', async () => {
  using folder = exampleFolder();
  rmSync(folder.at('handler.test.yaml'));
  writeFileSync(folder.at('handler.cases.ts'), made.replace("'-s' } }] }", "'-t' } }] }"));
  const { code, stdout } = await tried(folder);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^0 \D+3\D+$/mu);
  expect(stdout).toMatch(/^ +handler\.cases\.ts: /mu);
});

test.for([
  ['throw new Error("no such file");', 'no such file'],
  ['export const cases = [];', ' default '],
  ['export default { cases: [{}] };', 'cases[0]'],
])('test: a module that says %j is refused in one line', async ([text = '', named = '']) => {
  using folder = exampleFolder();
  rmSync(folder.at('handler.test.yaml'));
  writeFileSync(folder.at('handler.cases.ts'), text);
  const result = await tried(folder);
  expect(result).toEqual(failed('AGENT_CASES_INVALID', 'handler.cases.ts', named));
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(/^seccompagent: .*\n$/u);
});

test('test: a bundle without cases is told where they go', async () => {
  using folder = exampleFolder();
  rmSync(folder.at('handler.test.yaml'));
  expect(await tried(folder)).toEqual(
    failed('AGENT_CASES_INVALID', 'handler.test.yaml', 'handler.cases.ts'),
  );
});

test('test: a folder without a bundle is no place for it', async () => {
  using folder = new TemporaryFolder();
  expect(await tried(folder)).toEqual(
    failed('AGENT_CASES_INVALID', 'handler.test.yaml', 'bundle.json', 'seccompagent new'),
  );
});

test('test: there is one file of cases, not two', async () => {
  using folder = exampleFolder();
  writeFileSync(folder.at('handler.cases.ts'), made);
  expect(await tried(folder)).toEqual(
    failed('AGENT_CASES_INVALID', 'handler.test.yaml', 'handler.cases.ts'),
  );
});

const failing = `
settings: { MKDIR_SUFFIX: '-s' }
cases:
  - name: another answer
    call: mkdir
    arguments: { path: /a, mode: 0o755 }
    expect:
      action: { fail: EPERM }
  - name: another call
    call: mkdir
    arguments: { path: /a, mode: 0o755 }
    expect:
      calls:
        - filesystem.mkdir: { path: /a }
        - filesystem.chmod: { path: /a-s }
  - name: no call
    call: mkdir
    arguments: { path: /a, mode: 0o755 }
    expect: { calls: [] }
  - name: a refusal
    expect: { refusal: never }
  - name: a trap
    call: mkdir
    arguments: { path: /a, mode: 0o755 }
    expect: { failure: trap }
  - name: as it is
    call: mkdir
    arguments: { path: /a, mode: 0o755 }
    expect: { action: { value: 0 } }
`;

test('test: each difference is shown with its line, exit code 1', async () => {
  using folder = exampleFolder();
  writeCases(folder, failing);
  const { code, stdout } = await tried(folder);
  expect(code).toBe(1);
  expect(stdout).toBe(`  FAILED  another answer
          handler.test.yaml:8: action
            expected  { fail: "EPERM" }
            found     { value: 0 }
  FAILED  another call
          handler.test.yaml:13: calls[0]
            expected  filesystem.mkdir: { path: "/a" }
            found     filesystem.mkdir: { path: "/a-s", mode: 493 }
          handler.test.yaml:13: calls[1]
            expected  filesystem.chmod: { path: "/a-s" }
            found     no call
  FAILED  no call
          handler.test.yaml:19: calls[0]
            expected  no call
            found     filesystem.mkdir: { path: "/a-s", mode: 493 }
  FAILED  a refusal
          handler.test.yaml:20: settings
            expected  never
            found     taken
  FAILED  a trap
          handler.test.yaml:25: failure
            expected  trap
            found     { value: 0 }
  passed  as it is
1 passed, 5 failed
`);
});

test('test: the same for programs', async () => {
  using folder = exampleFolder();
  writeCases(folder, failing);
  const { code, stdout } = await tried(folder, '-json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    cases: [
      {
        name: 'another answer',
        line: 4,
        hasPassed: false,
        differences: [
          { line: 8, what: 'action', expected: '{ fail: "EPERM" }', found: '{ value: 0 }' },
        ],
      },
      {},
      {},
      {},
      {},
      { name: 'as it is', hasPassed: true, differences: [] },
    ],
  });
});

test.for([
  ['cases:\n  - name: x\n    cal: mkdir\n', ['handler.test.yaml:3', 'cases[0]', '"cal"']],
  ['cases:\n  - name: x\n    call: mkdirr\n', ['handler.test.yaml:3', 'cases[0].call']],
  [
    'cases:\n  - name: x\n    call: mkdir\n    arguments: { pth: a }\n    expect: { action: next }\n',
    ['handler.test.yaml:4', 'cases[0].arguments', '"pth"', 'path, mode'],
  ],
  ['cases:\n  - name: x\n    call: mkdir\n', ['handler.test.yaml:2', 'cases[0]', '"expect"']],
  [
    'cases:\n  - call: mkdir\n    expect: { action: next }\n',
    ['handler.test.yaml:2', 'cases[0]', '"name"'],
  ],
  ['cases: [', ['handler.test.yaml', 'line 1, column 9']],
  ['{}', ['handler.test.yaml:1', '"cases"']],
  [
    'handler: other\ncases:\n  - name: x\n    call: mkdir\n    expect: { action: next }\n',
    ['"handler"', 'mkdir-suffix-c'],
  ],
] as const)('test: %j is refused in one line', async ([text, named]) => {
  using folder = exampleFolder();
  writeCases(folder, text);
  const result = await tried(folder);
  expect(result).toEqual(failed('AGENT_CASES_INVALID', ...named));
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(/^seccompagent: .+\n$/u);
});

test('test: operations beyond the grants of bundle.json are refused, and named', async () => {
  using folder = exampleFolder();
  const manifest = readFileSync(folder.at('bundle.json'), 'utf8');
  writeFileSync(folder.at('bundle.json'), manifest.replace('["mkdir"]', '["chmod"]'));
  writeCases(
    folder,
    'cases:\n  - name: x\n    call: mkdir\n    arguments: { path: /a }\n    expect: { action: { value: 0 } }\n',
  );
  const result = await tried(folder, '-json');
  expect(result.code).toBe(1);
  expect(casesIn(result)).toMatchObject([
    {
      differences: [
        { what: 'action', found: '{ fail: "EPERM" }' },
        { what: 'grants', found: naming('filesystem.mkdir') },
      ],
    },
  ]);
});

test('test: a setting that the bundle does not declare fails the case', async () => {
  using folder = exampleFolder();
  writeCases(
    folder,
    'cases:\n  - name: x\n    settings: { NONE: a }\n    call: mkdir\n    expect: { action: next }\n',
  );
  const result = await tried(folder, '-json');
  expect(result.code).toBe(1);
  expect(casesIn(result)).toMatchObject([
    { differences: [{ what: 'settings', found: naming('"NONE"') }] },
  ]);
});

test('G1: test: a handler that never comes back is ended', async () => {
  using folder = exampleFolder();
  const source = `#include <seccompagent.h>
static sca_action on_sysinfo(void) {
  for (volatile int i = 0;; i = i + 1) {
  }
}
SCA_EXPORT_SYSINFO(on_sysinfo);
`;
  writeFileSync(folder.at('handler.c'), source);
  const manifest = {
    name: 'loop',
    version: '0.1.0',
    description: 'For tests',
    handlers: [{ component: 'loop.wasm', deadline: '100ms' }],
  };
  writeFileSync(folder.at('bundle.json'), JSON.stringify(manifest));
  writeCases(
    folder,
    'cases:\n  - name: it goes round\n    call: sysinfo\n    expect: { action: next }\n',
  );
  const result = await tried(folder, '-json');
  expect(result.code).toBe(1);
  expect(casesIn(result)).toMatchObject([
    { name: 'it goes round', differences: [{ what: 'time', found: naming('1000 ms') }] },
  ]);
});

test('test: with -watch it is tried again when a file has changed', async () => {
  using folder = exampleFolder();
  await using watching = new RunningCommand([seccompagent, 'test', '-watch'], {
    cwd: folder.path,
  });
  await watching.printed(/^20 \D+0\D+\n/mu);
  appendFileSync(folder.at('handler.c'), 'a mistake\n');
  await watching.printed(/handler\.c:\d+:\d+: error: /u);
  cpSync(join(projectRoot, 'guest-sdk/examples/mkdir-suffix-c/handler.c'), folder.at('handler.c'));
  await watching.printed(/^20 \D+0\D+\n[^]*^20 \D+0\D+\n/mu);
  writeCases(folder, failing);
  const [sum] = await watching.printed(/^1 \D+5\D+\n/mu);
  expect(sum).toMatch(/^1 .*\n$/u);
});
