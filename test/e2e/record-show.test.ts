// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent record show` as it is typed.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

import { pack, Packr } from 'msgpackr';
import { expect, test } from 'vitest';

import { RecordingReader } from '../../host/recording/recording-reader.ts';
import { hasControlCharacters } from '../../host/terminal-text.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { failed, naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Records a shell script, whose folder is `$1`. @returns the recording */
async function recordScript(folder: TemporaryFolder, script: string): Promise<string> {
  const file = folder.at('recording');
  mkdirSync(folder.at('d'));
  const command = ['-bundle=mkdir-suffix', '--', 'sh', '-c', script, 'sh', folder.at('d')];
  await runCommand([seccompagent, 'record', '-o', file, ...command]);
  return file;
}

/** Of three calls. */
async function someRecording(folder: TemporaryFolder): Promise<string> {
  return recordScript(folder, 'mkdir "$1/a"; mkdir "$1/a"; mkdir "$1/b"');
}

async function show(...words: readonly string[]): Promise<CommandResult> {
  return runCommand([seccompagent, 'record', 'show', ...words]);
}

/** As `-json` has them. */
function entriesOf({ stdout }: CommandResult): readonly unknown[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

test('record show: a recording as text and as lines of JSON, with errnos by name', async () => {
  using folder = new TemporaryFolder();
  const file = await someRecording(folder);
  const path = folder.at('d/a');
  const made = { path: `${path}-suffix`, mode: 0o777 };
  const asked = (answer: string, outcome: object): object => ({
    kind: 'call',
    syscall: 'mkdir',
    arguments: { path, mode: 0o777 },
    asks: [
      {
        handler: 'mkdir-suffix',
        calls: [{ name: 'filesystem.mkdir', arguments: made, answer }],
        ...outcome,
      },
    ],
    ...outcome,
  });
  const result = await show('-json', file);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(entriesOf(result)).toMatchObject([
    { kind: 'header', format: 'seccompagent-recording', bundles: [{ name: 'mkdir-suffix' }] },
    { call: 1, ...asked('ok', { action: { value: 0 } }) },
    { call: 2, ...asked('EEXIST', { action: { fail: 'EEXIST' } }) },
    { call: 3 },
    { kind: 'end', calls: 3, lost: 0 },
  ]);

  const { code, stdout, stderr } = await show(file);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.split('\n');
  expect(lines.filter((line) => /^\d /u.test(line))).toHaveLength(3);
  const second = lines.findIndex((line) => line.startsWith('2 '));
  expect(lines.slice(second, second + 3)).toEqual([
    naming(/ \d{4}-\S+Z /u, `mkdir(path: "${path}", mode: 511)`, '{ fail: "EEXIST" }'),
    naming('mkdir-suffix', '{ fail: "EEXIST" }'),
    naming(`filesystem.mkdir { path: "${path}-suffix", mode: 511 }`, /\bEEXIST$/u),
  ]);
});

test('record show: what is cut off, broken or no recording is refused behind what can be read', async () => {
  using folder = new TemporaryFolder();
  const file = await someRecording(folder);
  const other = folder.at('other');
  const whole = readFileSync(file);
  for (const [bytes, entries] of [
    [whole.subarray(0, -1), 4],
    [Buffer.concat([whole.subarray(0, -40), pack('nonsense')]), 4],
    ['hello', 0],
    [pack({ format: 'seccompagent-recording', version: 2, kind: 'header' }), 0],
  ] as const) {
    writeFileSync(other, bytes);
    const result = await show('-json', other);
    expect(result).toEqual(failed('AGENT_RECORDING', other));
    expect(result.stdout === '' ? [] : entriesOf(result)).toHaveLength(entries);
  }
  expect(await show(folder.at('none'))).toEqual(failed('AGENT_RECORDING', 'ENOENT'));
  for (const words of [[], [file, file], ['-calls=1', file]]) {
    expect(await show(...words)).toEqual(failed('AGENT_USAGE', 'seccompagent record -help'));
  }
});

test('record show: other handlers and a reader that has enough', async () => {
  using folder = new TemporaryFolder();
  const file = await someRecording(folder);
  const [header] = entriesOf(await show('-json', file));
  const other = { name: 'other', bundle: '', digest: '0'.repeat(64), settings: [] };
  const registry = { kind: 'registry', bundles: [], handlers: [other], given: {} };
  const packr = new Packr({ useRecords: false, variableMapSize: true });
  const reader = await RecordingReader.open(file);
  const { value: call } = await reader.calls().next();
  writeFileSync(file, Buffer.concat([header, registry, call].map((entry) => packr.pack(entry))));
  const result = await show('-json', file);
  expect(entriesOf(result)).toMatchObject([{}, registry, { asks: [{ handler: 'other' }] }]);
  const line = `${seccompagent} record show ${file} | head -n 1`;
  const { stdout, stderr } = await runCommand(['bash', '-c', line]);
  expect({ stdout, stderr }).toEqual({ stdout: naming('run-'), stderr: expect.any(String) });
});

test('M6: record show: names of a container move no cursor', async () => {
  using folder = new TemporaryFolder();
  const script = `mkdir "$1/$(printf 'x\\302\\233\\342\\200\\256\\033[2J\\ny')"`;
  const file = await recordScript(folder, script);
  for (const options of [[], ['-json']]) {
    const { code, stdout } = await show(...options, file);
    expect(code).toBe(0);
    expect(stdout).toContain('\\u009b');
    expect(hasControlCharacters(stdout.replaceAll('\n', ''))).toBe(false);
    expect(stdout).not.toMatch(/^y/mu);
  }
});
