// SPDX-License-Identifier: Apache-2.0
// C and Rust: every function of the host, with what it is called with and what it gives back.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { buildHandler } from '../../guest-sdk/build/handler.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { defaultLimits } from '../../host/handler/outline.ts';
import type { LoadLimits } from '../../host/handler/outline.ts';
import { errnoNumber } from '../../host/syscalls/errno.ts';
import { credentialsLayout, resourceNumbers, statNumbers } from '../../host/native.ts';
import { describeAction, describeCall } from '../../host/trial/described.ts';
import { HandlerHarness } from '../../host/trial/handler-harness.ts';
import type { RecordingHost } from '../../host/trial/recording-host.ts';
import { failureOf } from '../support/agent-failure.ts';
import { cCompilers, withClang } from '../support/c-compilers.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const fixtures = join(import.meta.dirname, '../fixtures/languages');

async function built(
  language: string,
  limits: LoadLimits = defaultLimits,
): Promise<LoadedComponent> {
  using folder = new TemporaryFolder();
  const outFile = folder.at('handler.wasm');
  await buildHandler({ directory: join(fixtures, language), outFile });
  return loadComponent(readFileSync(outFile), limits);
}

/** Languages, each with its handler of test/fixtures/languages; C as each clang compiles it. */
const languages: (readonly [name: string, component: LoadedComponent])[] = [
  ['Rust', await built('rust')],
];
for (const path of await cCompilers()) {
  languages.push([`C by ${path}`, await withClang(path, async () => built('c'))]);
}

/** 1, 2, 3, … as 64-bit numbers. */
function counted(count: number): Uint8Array {
  return new Uint8Array(
    BigInt64Array.from({ length: count }, (_, index) => BigInt(index + 1)).buffer,
  );
}

function someCaller(): Uint8Array {
  const bytes = new Uint8Array(credentialsLayout.groups + 8);
  const view = new DataView(bytes.buffer);
  for (let id = 0; id < 4; id += 1) {
    view.setUint32(credentialsLayout.uid + id * 4, id + 1, true);
    view.setUint32(credentialsLayout.gid + id * 4, id + 5, true);
  }
  view.setUint32(credentialsLayout.umask, 9, true);
  view.setUint32(credentialsLayout.noNewPrivileges, 1, true);
  view.setBigUint64(credentialsLayout.capabilities + 32, 3n, true);
  view.setUint32(credentialsLayout.commLength, 2, true);
  bytes.set([0x63, 0xff], credentialsLayout.comm);
  view.setUint32(credentialsLayout.groupCount, 2, true);
  view.setUint32(credentialsLayout.groups, 4, true);
  view.setUint32(credentialsLayout.groups + 4, 4, true);
  return bytes;
}

interface Row {
  /** In the fixtures. */
  readonly number: number;
  readonly prepare?: (host: RecordingHost) => void;
  readonly action: unknown;
  /** As `describeCall` has it; absent: the call is not recorded. */
  readonly call?: readonly [name: string, given: Readonly<Record<string, unknown>>];
}

const zero = { value: 0n };
const errno =
  (name: Parameters<typeof errnoNumber>[0]) =>
  (host: RecordingHost): void =>
    host.prepare(errnoNumber(name));
const gives =
  (bytes: Uint8Array) =>
  (host: RecordingHost): void =>
    host.prepare({ answer: 0, bytes });
/** Of the sum that the fixtures make of a status whose numbers are 1, 2, 3, … */
const statusSum =
  2n + 3n * 2n + 4n * 3n + 5n * 4n + 7n * 5n + 8n * 6n + 10n * 7n + 11n * 8n + 15n * 9n + 13n * 10n;

const rows: readonly Row[] = [
  { number: 0, action: zero, call: ['filesystem.mkdir', { path: '/p', mode: 0o755n }] },
  {
    number: 1,
    action: zero,
    call: ['filesystem.mknod', { path: '/p', mode: 0o600n, device: '1:3' }],
  },
  {
    number: 2,
    prepare: (host) => host.prepare({ answer: 0, descriptor: 5 }),
    action: { descriptor: { index: 5n, 'close-on-exec': true } },
    call: [
      'filesystem.open',
      { path: '/p', 'open-flags': 0x80000n, mode: 0o644n, resolve: 0x1200000001n },
    ],
  },
  {
    number: 3,
    prepare: errno('EACCES'),
    action: { fail: 'EACCES' },
    call: ['filesystem.chmod', { path: '/p', mode: 0o640n, 'at-flags': 0x100n }],
  },
  {
    number: 4,
    action: zero,
    call: ['filesystem.chown', { path: '/p', uid: 5n, gid: 0xffffffffn, 'at-flags': 0x1000n }],
  },
  {
    number: 5,
    action: zero,
    call: ['filesystem.rename', { path: '/p', 'new-path': '/other', 'rename-flags': 1n }],
  },
  {
    number: 6,
    action: zero,
    call: ['filesystem.link', { path: '/p', 'new-path': '/other', 'at-flags': 0x400n }],
  },
  { number: 7, action: zero, call: ['filesystem.symlink', { target: '/other', path: '/p' }] },
  { number: 8, action: zero, call: ['filesystem.unlink', { path: '/p', 'at-flags': 0x200n }] },
  {
    number: 9,
    prepare: gives(counted(statNumbers.length)),
    action: { value: statusSum },
    call: ['filesystem.stat', { path: '/p', 'at-flags': 0x100n }],
  },
  {
    number: 10,
    prepare: gives(Uint8Array.of(1, 2)),
    action: { value: 0x102n },
    call: ['filesystem.read-link', { path: '/p' }],
  },
  {
    number: 11,
    prepare: errno('ENODATA'),
    action: { fail: 'ENODATA' },
    call: ['filesystem.get-xattr', { path: '/p', 'at-flags': 0x100n, name: 'user.a' }],
  },
  {
    number: 12,
    action: zero,
    call: [
      'filesystem.set-xattr',
      {
        path: '/p',
        'at-flags': 0x100n,
        name: 'user.a',
        value: { hex: '00ff' },
        'xattr-flags': 1n,
      },
    ],
  },
  {
    number: 13,
    prepare: gives(new Uint8Array(0)),
    action: zero,
    call: ['filesystem.list-xattr', { path: '/p', 'at-flags': 0n }],
  },
  {
    number: 14,
    action: zero,
    call: ['filesystem.remove-xattr', { path: '/p', 'at-flags': 0n, name: 'user.a' }],
  },
  {
    number: 15,
    action: zero,
    call: [
      'mounts.mount',
      {
        source: null,
        target: '/p',
        'filesystem-type': 'proc',
        'mount-flags': 0x10000000en,
        data: null,
      },
    ],
  },
  {
    number: 16,
    action: zero,
    call: [
      'mounts.mount',
      {
        source: '/p',
        target: '/other',
        'filesystem-type': '/p',
        'mount-flags': 0n,
        data: { hex: '00ff' },
      },
    ],
  },
  { number: 17, action: zero, call: ['mounts.unmount', { target: '/p', 'unmount-flags': 8n }] },
  {
    number: 18,
    action: zero,
    call: ['mounts.unmount-sparing', { target: '/p', 'unmount-flags': 2n, spared: '/other' }],
  },
  {
    number: 19,
    action: zero,
    call: [
      'mounts.set-attributes',
      {
        path: '/p',
        'is-recursive': true,
        set: 0x100000001n,
        clear: 0x200000002n,
        idmap: null,
      },
    ],
  },
  {
    number: 20,
    action: zero,
    call: [
      'mounts.set-attributes',
      { path: '/p', 'is-recursive': false, set: 1n, clear: 0n, idmap: 7n },
    ],
  },
  {
    number: 21,
    prepare: (host) => {
      host.memory = new Map([[1, new Uint8Array(70_000)]]);
    },
    action: { value: 70_000n },
  },
  {
    number: 22,
    prepare: (host) => {
      host.memory = new Map([[1, Uint8Array.of(1, 2, 3, 4, 5, 6)]]);
    },
    action: { value: 0x030405n },
    call: ['memory.read', { argument: 1n, offset: 2n, length: 3n }],
  },
  {
    number: 23,
    action: zero,
    call: ['memory.write', { argument: 2n, offset: 0x100000000n, bytes: { hex: '00ff' } }],
  },
  {
    number: 60,
    prepare: (host) => {
      const items = [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3, 4, 5)];
      host.strings = new Map([[1, { items, isTruncated: true }]]);
    },
    action: { value: 10_305n },
    call: ['memory.read-strings', { argument: 1n }],
  },
  {
    number: 60,
    action: { fail: 'EINVAL' },
    call: ['memory.read-strings', { argument: 1n }],
  },
  { number: 24, action: { fail: 'EBADF' } },
  {
    number: 25,
    prepare: (host) => host.prepare(4),
    action: { value: 4n },
    call: ['descriptors.take', { fd: 9n }],
  },
  {
    number: 26,
    prepare: (host) => host.prepare(11),
    action: { value: 11n },
    call: ['descriptors.install', { descriptor: 3n, 'close-on-exec': true }],
  },
  {
    number: 27,
    action: zero,
    call: ['descriptors.replace', { descriptor: 3n, fd: 4n, 'close-on-exec': false }],
  },
  {
    number: 28,
    prepare: gives(counted(statNumbers.length)),
    action: { value: statusSum },
    call: ['descriptors.stat', { descriptor: 6n }],
  },
  {
    number: 29,
    action: zero,
    call: ['devices.make', { path: '/p', mode: 0o666n, device: '1:3' }],
  },
  {
    number: 30,
    prepare: (host) => {
      host.caller = someCaller();
    },
    action: { value: 4n + 50n + 800n + 9000n + 1_000_000n + 30_000_000n },
  },
  {
    number: 31,
    prepare: (host) => {
      host.caller = someCaller();
    },
    action: { value: 0x63ffn },
  },
  {
    number: 32,
    prepare: (host) => host.prepare(1),
    action: { value: 100n },
    call: ['caller.has-capability', { capability: 21n, where: 'of-mounts' }],
  },
  { number: 33, action: { value: 0x6331n } },
  {
    number: 34,
    prepare: (host) => {
      host.annotations = [
        ['a', 'b'],
        ['ü', 'c'],
      ];
    },
    action: { value: 0xc3bc63n },
  },
  { number: 34, action: zero },
  {
    number: 35,
    prepare: (host) => {
      host.resources = counted(resourceNumbers.length);
    },
    action: { value: 1n + 40n + 1000n },
  },
  {
    number: 35,
    prepare: (host) => {
      host.resources = errnoNumber('ESRCH');
    },
    action: { fail: 'ESRCH' },
  },
  { number: 36, action: zero, call: ['container.kill', {}] },
  { number: 37, prepare: errno('EIO'), action: { fail: 'EIO' }, call: ['container.freeze', {}] },
  { number: 38, action: zero, call: ['container.thaw', {}] },
  {
    number: 39,
    prepare: gives(Uint8Array.of(0x79)),
    action: { value: 0x79n },
    call: ['overlay.get-xattr', { path: '/p', 'at-flags': 0n, name: 'user.a' }],
  },
  {
    number: 40,
    action: zero,
    call: [
      'overlay.set-xattr',
      { path: '/p', 'at-flags': 0n, name: 'user.a', value: { hex: '00ff' }, 'xattr-flags': 2n },
    ],
  },
  {
    number: 41,
    prepare: gives(Uint8Array.of(0x61, 0)),
    action: { value: 0x6100n },
    call: ['overlay.list-xattr', { path: '/p', 'at-flags': 0x100n }],
  },
  {
    number: 42,
    action: zero,
    call: ['overlay.remove-xattr', { path: '/p', 'at-flags': 0n, name: 'user.a' }],
  },
  { number: 43, action: { value: 77n } },
  {
    number: 43,
    prepare: (host) => {
      host.remember('ü', Uint8Array.of(8, 9));
    },
    action: { value: 0x809n },
  },
  { number: 44, prepare: errno('ENOSPC'), action: { fail: 'ENOSPC' } },
  { number: 45, action: { value: 2n } },
  { number: 46, action: { value: -30_000n } },
  { number: 47, action: { value: 1n } },
  {
    number: 48,
    action: 'perform',
    call: ['log.log', { level: 'warn', message: '\0\u{fffd}' }],
  },
  { number: 49, action: { value: 0x1234n + 4000n } },
  { number: 50, action: { delay: { milliseconds: 11n, answer: { fail: 'EHWPOISON' } } } },
  {
    number: 51,
    action: { delay: { milliseconds: 86_400_000n, answer: { value: 0x123456789an } } },
  },
  { number: 52, action: { delay: { milliseconds: 1n, answer: 'continue' } } },
  {
    number: 56,
    action: 'continue',
    call: ['log.log', { level: 'debug', message: 'x'.repeat(4000) }],
  },
  { number: 99, action: 'next' },
];

/** fchmod is decoded, has no pointers and registers of its own: fd and mode. */
const syscall = 'fchmod';

test.for(
  languages.flatMap(([name, component]) =>
    rows.map((row) => [name, row.number, row.call?.[0] ?? '', component, row] as const),
  ),
)('language contract: %s: number %i %s', ([, , , component, { number, prepare, action, call }]) => {
  const harness = new HandlerHarness(component);
  prepare?.(harness.host);
  expect(describeAction(harness.ask(syscall, number, 0x1234))).toEqual(action);
  const calls = harness.calls.map((each) => describeCall(each));
  expect(calls).toEqual(call === undefined ? [] : [{ name: call[0], arguments: call[1] }]);
});

test.for(languages)(
  'language contract: %s: names and registers of a call arrive',
  ([, component]) => {
    const harness = new HandlerHarness(component);
    expect(harness.ask('getpid', 54)).toMatchObject({ value: 0x676574706964n });
    expect(harness.ask('getpid', 55, 3, 0, 0, 0, 2n ** 40n)).toMatchObject({
      value: 2n ** 41n + 3n,
    });
  },
);

test.for(languages)(
  'language contract: %s: what cannot be late traps, and so does a setting that is missing',
  ([, component]) => {
    for (const number of [53, 57]) {
      const harness = new HandlerHarness(component);
      expect(failureOf(() => harness.ask(syscall, number))).toMatchObject({
        code: 'AGENT_HANDLER_FAILED',
      });
    }
  },
);

/** Hardly more than an instance begins with. */
const fewPages = 4;

test.for([
  ['C', 'c'],
  ['Rust', 'rust'],
] as const)(
  'language contract: %s: a hundred thousand calls need no more memory than a few',
  async ([, language]) => {
    const limits = { ...defaultLimits, maximumPages: fewPages };
    const harness = new HandlerHarness(await built(language, limits));
    for (let round = 0; round < 25_000; round += 1) {
      // an empty list, a long one, and texts of any length
      const isEmpty = round % 2 === 0;
      harness.host.annotations = isEmpty ? [] : [['key', 'v'.repeat(round % 2000)]];
      for (const number of [56, 34, 49, 46]) harness.ask(syscall, number, 0x1234);
      harness.host.calls.length = 0;
    }
    expect(harness.instance.isBroken).toBe(false);
  },
);
