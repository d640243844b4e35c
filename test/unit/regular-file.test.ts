// SPDX-License-Identifier: Apache-2.0
// Tests that files are read to their ends, and that nothing else is read or waited for.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';

import { expect, test } from 'vitest';

import { readRegularFile, streamRegularFile } from '../../host/files/regular-file.ts';
import { naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}

test('regular file: it is read, and so is one that a link leads to', () => {
  using folder = new TemporaryFolder();
  const text = 'x'.repeat(100_000);
  writeFileSync(folder.at('file'), text);
  symlinkSync('file', folder.at('link'));
  writeFileSync(folder.at('empty'), '');
  for (const name of ['file', 'link']) {
    expect(readRegularFile(folder.at(name), { maxBytes: 100_000 }).toString()).toBe(text);
  }
  expect(readRegularFile(folder.at('empty'), { maxBytes: 0 })).toHaveLength(0);
});

test('G3: regular file: a larger one is not read', () => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('file'), 'four');
  expect(() => readRegularFile(folder.at('file'), { maxBytes: 3 })).toThrow(
    expect.objectContaining({ message: naming(/\b4\b/u, /\b3\b/u) }),
  );
});

test('G3: regular file: a check sees its status before it is read', () => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('file'), 'four');
  const fault = new Error('not this one');
  const check = ({ size }: { readonly size: number }): void => {
    if (size === 4) throw fault;
  };
  expect(() => readRegularFile(folder.at('file'), { maxBytes: 9, check })).toThrow(fault);
});

test('G3: regular file: folders, FIFOs, devices and sockets are not opened', async () => {
  using folder = new TemporaryFolder();
  mkdirSync(folder.at('folder'));
  expect(spawnSync('mkfifo', [folder.at('fifo')]).status).toBe(0);
  symlinkSync('/dev/zero', folder.at('zero'));
  symlinkSync('fifo', folder.at('to-fifo'));
  const server = createServer();
  const listening = once(server, 'listening');
  server.listen(folder.at('socket'));
  await listening;
  try {
    for (const name of ['folder', 'fifo', 'zero', 'to-fifo', 'socket']) {
      const thrown = thrownBy(() => readRegularFile(folder.at(name), { maxBytes: 2 ** 20 }));
      // a TypeError would be a fault of ours
      expect(thrown).toHaveProperty('name', 'Error');
      // an error of the file system would say that it was asked to open or read it
      expect(thrown).not.toHaveProperty('code');
    }
  } finally {
    server.close();
  }
});

test('regular file: it is read in pieces, as far as it went', async () => {
  using folder = new TemporaryFolder();
  const text = 'x'.repeat(100_000);
  for (const content of [text, '']) {
    writeFileSync(folder.at('file'), content);
    const stream = streamRegularFile(folder.at('file'), { maxBytes: 100_000 });
    appendFileSync(folder.at('file'), 'more');
    const pieces: Uint8Array[] = await stream.toArray();
    expect(Buffer.concat(pieces).toString()).toBe(content);
  }
  expect(() => streamRegularFile(folder.at('file'), { maxBytes: 3 })).toThrow(
    expect.objectContaining({ message: naming(/\b4\b/u, /\b3\b/u) }),
  );
});
