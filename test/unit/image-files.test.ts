// SPDX-License-Identifier: Apache-2.0
// Holds what the image gets against what the package has. That it works there, test/e2e shows.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { projectRoot } from '../support/command.ts';

function textOf(file: string): string {
  return readFileSync(join(projectRoot, file), 'utf8');
}

test('image: the files that the compiled agent reads beside itself are copied into it', () => {
  const { files }: { readonly files: readonly string[] } = JSON.parse(textOf('package.json'));
  const beside = files.filter((file) => file.startsWith('host/'));
  expect(beside).not.toEqual([]);
  const copied = textOf('deploy/image.sh')
    .split('\n')
    .filter((line) => line.startsWith('cp '))
    .flatMap((line) => line.split(' '));
  expect(copied).toEqual(expect.arrayContaining(beside));
});
