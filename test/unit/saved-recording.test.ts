// SPDX-License-Identifier: Apache-2.0
// Tests into what a recording is written, and into what not.
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';

import { expect, test } from 'vitest';

import { RecordingFile } from '../../host/recording/saved-recording.ts';
import { failure } from '../support/failures.ts';
import { needsRoot } from '../support/needs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

async function writeTo(path: string): Promise<void> {
  await using file = await RecordingFile.open(path);
  await file.write(Buffer.from('recorded'));
}

test('M5: a recording is made, and an own one is emptied, for its owner alone', async () => {
  using folder = new TemporaryFolder();
  const path = folder.at('recording');
  await writeTo(path);
  writeFileSync(path, 'longer than what is recorded', { mode: 0o644 });
  await writeTo(path);
  expect(readFileSync(path, 'utf8')).toBe('recorded');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await writeTo('/dev/null');
});

test('M5: of an empty recording nothing stays, and nothing else goes', async () => {
  using folder = new TemporaryFolder();
  mkdirSync(folder.at('theirs'));
  mkdirSync(folder.at('ours'));
  writeFileSync(folder.at('ours/recording'), 'precious');
  const file = await RecordingFile.open(folder.at('theirs/recording'));
  renameSync(folder.at('theirs'), folder.at('moved'));
  symlinkSync(folder.at('ours'), folder.at('theirs'));
  await file[Symbol.asyncDispose]();
  expect(readdirSync(folder.at('moved'))).toEqual([]);
  expect(readFileSync(folder.at('ours/recording'), 'utf8')).toBe('precious');
});

test('M5: what somebody else has put there is not written', async (context) => {
  needsRoot(context);
  using folder = new TemporaryFolder();
  const victim = folder.at('victim');
  const place = (name: string, make: (path: string) => void): string => {
    make(folder.at(name));
    return folder.at(name);
  };
  writeFileSync(victim, 'precious');
  const link = place('link', (path) => symlinkSync(victim, path));
  const dangling = place('dangling', (path) => symlinkSync(folder.at('nothing'), path));
  const hardLink = place('hard-link', (path) => linkSync(victim, path));
  const foreign = place('foreign', (path) => {
    writeFileSync(path, 'theirs');
    chownSync(path, 1234, 1234);
  });
  const pipe = place('pipe', (path) => execFileSync('mkfifo', [path]));
  for (const path of [link, dangling, hardLink, foreign, pipe]) {
    await expect(writeTo(path)).rejects.toThrow(failure('AGENT_RECORDING', path));
  }
  // no loop of links is at fault
  for (const path of [link, dangling]) {
    await expect(writeTo(path)).rejects.toMatchObject({
      cause: expect.not.objectContaining({ code: 'ELOOP' }),
    });
  }
  expect(existsSync(folder.at('nothing'))).toBe(false);
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(readFileSync(foreign, 'utf8')).toBe('theirs');
});
