// SPDX-License-Identifier: Apache-2.0
// Tests that `profile lint` has nothing against what `profile generate` makes: for each bundle that is
// shipped, for each runtime and each base.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { profile } from '../../host/commands/profile.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { allowingBase, containerBase } from '../../host/profile/container-base.ts';
import { naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const bundles = readdirSync(shippedBundles()).filter((name) =>
  statSync(join(shippedBundles(), name)).isDirectory(),
);

/** So that all of a bundle's handlers are there. */
const settings: Readonly<Record<string, readonly string[]>> = {
  'exec-delay': ['EXEC_PATTERN=/bin/true', 'EXEC_DURATION=1s'],
  'mkdir-suffix': ['MKDIR_SUFFIX=-a'],
  'read-only': ['READ_ONLY=/etc'],
  kubernetes: [
    'MKDIR_TMPL=-a',
    'EXEC_PATTERN=/bin/true',
    'EXEC_DURATION=1s',
    'MOUNT_PROC=true',
    'MOUNT_SYSFS=true',
    'MOUNT_OTHER_FS_LIST=cifs',
    'MOUNT_NEED_CAP_ADMIN=true',
  ],
};

let folder: TemporaryFolder;
let printed = '';
let said = '';

beforeEach(() => {
  folder = new TemporaryFolder();
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  printed = '';
  said = '';
});

afterEach(() => {
  vi.restoreAllMocks();
  folder[Symbol.dispose]();
});

interface Linted {
  readonly file: string;
  readonly findings: readonly { readonly severity: string; readonly code: string }[];
}

/** Notes for people, of each file. */
async function warningsIn(
  files: readonly string[],
  ...words: readonly string[]
): Promise<readonly string[]> {
  await profile.run(['lint', ...words, '-json', ...files]);
  const linted: readonly Linted[] = JSON.parse(printed);
  expect(linted).toHaveLength(files.length);
  return linted.flatMap(({ file, findings }) =>
    findings
      .filter(({ severity }) => severity !== 'note')
      .map(({ severity, code }) => `${file}: ${severity} ${code}`),
  );
}

const runtimes = [[], ['-runtime', 'runc'], ['-runtime', 'crun']] as const;

test('generated profiles: there are bundles to make them for', () => {
  expect(bundles.length).toBeGreaterThan(10);
});

test.for(bundles.flatMap((bundle) => runtimes.map((words) => ({ bundle, words }))))(
  'K21: generated profiles: lint accepts those for $bundle with $words, on each base',
  async ({ bundle, words }) => {
    const own = folder.at('own.json');
    writeFileSync(own, JSON.stringify(containerBase().json));
    const open = folder.at('open.json');
    writeFileSync(open, JSON.stringify(allowingBase().json));
    const given = (settings[bundle] ?? []).flatMap((setting) => ['-metadata', setting]);
    const files: string[] = [];
    for (const base of ['allow', 'container', own, open]) {
      for (const format of ['oci', 'spo']) {
        // it has no place for an errno of a file's own
        if (base === open && format === 'spo') continue;
        const file = folder.at(`${files.length}.profile`);
        const rest = ['-base', base, '-format', format, '-name', 'a', '-o', file, bundle];
        expect(await profile.run(['generate', ...words, ...given, ...rest])).toBe(0);
        files.push(file);
      }
    }
    expect(await warningsIn(files, ...words)).toEqual([]);
  },
);

/** Notes of `lint` on a profile that is made for a bundle and a runtime. */
async function notesOn(bundle: string, runtime: string): Promise<readonly string[]> {
  const file = folder.at('made.json');
  await profile.run(['generate', '-runtime', runtime, '-base', 'container', '-o', file, bundle]);
  await profile.run(['lint', '-runtime', runtime, '-json', file]);
  const linted: readonly Linted[] = JSON.parse(printed);
  printed = '';
  return linted.flatMap(({ findings }) => findings.map(({ code }) => code));
}

test.for(['setxattr-overlay', 'sysinfo'])(
  'M4: generated profiles: what %s cannot write without the flag is told of, for runc alone',
  async (bundle) => {
    expect(await notesOn(bundle, 'crun')).toEqual([]);
    expect(said).not.toContain('EOPNOTSUPP');
    expect(await notesOn(bundle, 'runc')).toEqual(['memory-unwritten']);
    expect(said).toContain('EOPNOTSUPP');
  },
);

test('M4: generated profiles: handlers that write nothing need no flag', async () => {
  expect(await notesOn('mkdir-suffix', 'runc')).toEqual([]);
});

test('K1: generated profiles: a handler whose answers are advice is named', async () => {
  const file = folder.at('advice.json');
  const given = ['-metadata', 'EXEC_PATTERN=/bin/true', '-metadata', 'EXEC_DURATION=1s'];
  const made = ['-runtime', 'crun', '-base', 'container', '-o', file];
  await profile.run(['generate', ...made, ...given, 'exec-delay']);
  await profile.run(['lint', '-runtime', 'crun', '-json', file]);
  const linted: readonly Linted[] = JSON.parse(printed);
  printed = '';
  expect(linted.flatMap(({ findings }) => findings)).toEqual([
    expect.objectContaining({ code: 'advisory', severity: 'note', message: naming(/\bexecve\b/u) }),
  ]);
});

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
}

test('K21: generated profiles: lint tells of what is taken out of one', async () => {
  const file = folder.at('made.json');
  await profile.run(['generate', '-o', file, 'mount']);
  const made: { readonly syscalls: readonly Rule[] } = JSON.parse(readFileSync(file, 'utf8'));
  const syscalls = made.syscalls
    .filter(({ errnoRet }) => errnoRet !== 38)
    .concat({ names: ['open_by_handle_at'], action: 'SCMP_ACT_ALLOW' });
  writeFileSync(file, JSON.stringify({ ...made, syscalls }));
  expect(await warningsIn([file])).toEqual([`${file}: warning walks-around`]);
});
