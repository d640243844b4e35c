// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent test`: what passes, what fails and how that is said.
import { appendFileSync, cpSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { RunningCommand, projectRoot, runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { naming } from '../support/naming.ts';
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

test('test: nothing is written to the folder', async () => {
  using folder = exampleFolder();
  const before = readFileSync(folder.at('bundle.json'), 'utf8');
  expect(await tried(folder)).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(folder.at('bundle.json'), 'utf8')).toBe(before);
  expect(() => readFileSync(folder.at('mkdir-suffix-c.wasm'))).toThrow('ENOENT');
});

test('test: it needs no root', async () => {
  using folder = exampleFolder();
  const { code, stdout } = await runCommand(
    ['setpriv', '--reuid=65534', '--clear-groups', '--', seccompagent, 'test'],
    { cwd: realpathSync(folder.path), environment: { HOME: '/nonexistent' } },
  );
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('20 passed') });
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
  const { code, stdout, stderr } = await tried(folder);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('passed  a directory c\n3 passed, 0 failed\n');
});

test('test: a difference in cases of a program is shown without a line', async () => {
  using folder = exampleFolder();
  rmSync(folder.at('handler.test.yaml'));
  writeFileSync(folder.at('handler.cases.ts'), made.replace("'-s' } }] }", "'-t' } }] }"));
  const { code, stdout } = await tried(folder);
  expect(code).toBe(1);
  expect(stdout).toContain('0 passed, 3 failed\n');
  expect(stdout).toMatch(/^ +handler\.cases\.ts: /mu);
});

test.for([
  ['throw new Error("no such file");', 'no such file'],
  ['export const cases = [];', 'has no default export'],
  ['export default { cases: [{}] };', 'must have'],
])('test: a module that says %j is refused in one line', async ([text = '', message = '']) => {
  using folder = exampleFolder();
  rmSync(folder.at('handler.test.yaml'));
  writeFileSync(folder.at('handler.cases.ts'), text);
  const { code, stdout, stderr } = await tried(folder);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^seccompagent: handler\.cases\.ts as YAML.*\n$/u);
  expect(stderr).toContain(message);
});

test('test: a bundle without cases is told where they go', async () => {
  using folder = exampleFolder();
  rmSync(folder.at('handler.test.yaml'));
  const { code, stderr } = await tried(folder);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      'seccompagent: handler.test.yaml does not exist: write the test cases there or in handler.cases.ts\n',
  });
});

test('test: a folder without a bundle is no place for it', async () => {
  using folder = new TemporaryFolder();
  const { code, stderr } = await tried(folder);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      'seccompagent: handler.test.yaml does not exist, nor does bundle.json: name the folder of the bundle, or create one with "seccompagent new"\n',
  });
});

test('test: there is one file of cases, not two', async () => {
  using folder = exampleFolder();
  writeFileSync(folder.at('handler.cases.ts'), made);
  const { code, stderr } = await tried(folder);
  expect(code).toBe(1);
  expect(stderr).toEqual(naming('handler.test.yaml', 'handler.cases.ts'));
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
  [
    'cases:\n  - name: x\n    cal: mkdir\n',
    'handler.test.yaml:3: cases[0] has the unknown key "cal"',
  ],
  [
    'cases:\n  - name: x\n    call: mkdirr\n',
    'handler.test.yaml:3: cases[0].call is no system call',
  ],
  [
    'cases:\n  - name: x\n    call: mkdir\n    arguments: { pth: a }\n    expect: { action: next }\n',
    'handler.test.yaml:4: cases[0].arguments has the unknown key "pth"; known are path, mode',
  ],
  ['cases:\n  - name: x\n    call: mkdir\n', 'handler.test.yaml:2: cases[0] must have "expect"'],
  [
    'cases:\n  - call: mkdir\n    expect: { action: next }\n',
    'handler.test.yaml:2: cases[0] must have "name"',
  ],
  ['cases: [', 'handler.test.yaml: Flow sequence'],
  ['{}', 'handler.test.yaml:1: must have "cases"'],
  [
    'handler: other\ncases:\n  - name: x\n    call: mkdir\n    expect: { action: next }\n',
    'the cases must say with "handler" which one of mkdir-suffix-c they are for',
  ],
] as const)('test: %j is refused in one line', async ([text, message]) => {
  using folder = exampleFolder();
  writeCases(folder, text);
  const { code, stdout, stderr } = await tried(folder);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(`seccompagent: ${message}`);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

test('test: operations beyond the grants of bundle.json are refused, and named', async () => {
  using folder = exampleFolder();
  const manifest = readFileSync(folder.at('bundle.json'), 'utf8');
  writeFileSync(folder.at('bundle.json'), manifest.replace('["mkdir"]', '["chmod"]'));
  writeCases(
    folder,
    'cases:\n  - name: x\n    call: mkdir\n    arguments: { path: /a }\n    expect: { action: { value: 0 } }\n',
  );
  const { code, stdout } = await tried(folder);
  expect(code).toBe(1);
  expect(stdout).toContain('found     { fail: "EPERM" }');
  expect(stdout).toContain('found     refused: filesystem.mkdir');
});

test('test: a setting that the bundle does not declare fails the case', async () => {
  using folder = exampleFolder();
  writeCases(
    folder,
    'cases:\n  - name: x\n    settings: { NONE: a }\n    call: mkdir\n    expect: { action: next }\n',
  );
  const { code, stdout } = await tried(folder);
  expect(code).toBe(1);
  expect(stdout).toMatch(/found {5}.*NONE/u);
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
  const { code, stdout } = await tried(folder);
  expect(code).toBe(1);
  expect(stdout).toContain('FAILED  it goes round');
  expect(stdout).toContain('none after 1000 ms');
});

test('test: with -watch it is tried again when a file has changed', async () => {
  using folder = exampleFolder();
  await using watching = new RunningCommand([seccompagent, 'test', '-watch'], {
    cwd: folder.path,
  });
  await watching.printed(/20 passed, 0 failed\n/u);
  appendFileSync(folder.at('handler.c'), 'a mistake\n');
  await watching.printed(/handler\.c:\d+:\d+: error: /u);
  cpSync(join(projectRoot, 'guest-sdk/examples/mkdir-suffix-c/handler.c'), folder.at('handler.c'));
  await watching.printed(/20 passed, 0 failed\n[^]*20 passed, 0 failed\n/u);
  writeCases(folder, failing);
  const [sum] = await watching.printed(/1 passed, 5 failed\n/u);
  expect(sum).toBe('1 passed, 5 failed\n');
});
