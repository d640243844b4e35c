// SPDX-License-Identifier: Apache-2.0
// Tests the reader of bundle.json: what it takes, and that each mistake is named.
import { expect, test } from 'vitest';

import { parseManifest } from '../../host/registry/manifest.ts';
import { failureOf } from '../support/agent-failure.ts';

const place = '/bundles/b/bundle.json';
const handler = {
  component: 'mkdir-suffix.wasm',
  syscalls: ['mkdir'],
  settings: { suffix: '-{{.Pid1}}' },
  grants: ['filesystem'],
};
const bundle = { name: 'b-1', version: '1.2.3', description: 'text', handlers: [handler] };

/** With keys of the bundle replaced; undefined takes one away. */
const changed = (changes: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ ...bundle, ...changes });
const changedHandler = (changes: Readonly<Record<string, unknown>>): string =>
  changed({ handlers: [handler, { ...handler, ...changes }] });

test('manifest: what a bundle says is read', () => {
  const second = { component: 'errno.wasm', settings: {}, grants: [] };
  const text = JSON.stringify({ ...bundle, handlers: [handler, second] });
  expect(parseManifest(text, place)).toEqual({
    ...bundle,
    handlers: [
      { ...handler, settings: [['suffix', '-{{.Pid1}}']], deadlineMs: 1000 },
      { component: 'errno.wasm', settings: [], grants: [], deadlineMs: 1000 },
    ],
    defaultAction: 'continue',
    failure: { kind: 'errno', errno: 'EPERM' },
  });
});

test.for([
  ['continue', 'continue'],
  ['errno:ENOSYS', 'ENOSYS'],
  ['errno:EPERM', 'EPERM'],
] as const)('manifest: the default %s is read', ([text, action]) => {
  expect(parseManifest(changed({ default: text }), place).defaultAction).toBe(action);
});

test.for([
  ['continue', { kind: 'continue' }],
  ['kill-container', { kind: 'kill-container' }],
  ['errno:EIO', { kind: 'errno', errno: 'EIO' }],
] as const)('manifest: the failure policy %s is read', ([text, failure]) => {
  expect(parseManifest(changed({ failure: text }), place).failure).toEqual(failure);
});

test.for([
  ['250ms', 250],
  ['1ms', 1],
  ['1.5s', 1500],
  ['1m', 60_000],
  ['60s', 60_000],
  ['0.5s500ms', 1000],
  // parts of a millisecond count as a whole one
  ['1500us', 2],
] as const)('manifest: the deadline %s is %i ms', ([deadline, deadlineMs]) => {
  const { handlers } = parseManifest(changedHandler({ deadline }), place);
  expect(handlers.map((each) => each.deadlineMs)).toEqual([1000, deadlineMs]);
});

test('manifest: a setting may have any name', () => {
  const text = `{"name":"b","version":"0.0.1-rc.1","description":"","handlers":[
    {"component":"a.wasm","settings":{"__proto__":"x","constructor":"y"},"grants":[]}]}`;
  expect(parseManifest(text, place).handlers[0]?.settings).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
});

const mistakes: readonly (readonly [mistake: string, text: string, message: string])[] = [
  ['no JSON', '{', ': not JSON'],
  ['a list', '[]', ' must be an object'],
  ['null', 'null', ' must be an object'],
  ['an unknown key', changed({ grants: [] }), ': unknown key "grants"; known are name, version'],
  ['no name', changed({ name: undefined }), ': name must be a text'],
  ['an empty name', changed({ name: '' }), ': name: "" does not match'],
  ['a name with a slash', changed({ name: 'a/b' }), ': name: "a/b" does not match'],
  ['a name in capitals', changed({ name: 'Ab' }), ': name: "Ab" does not match'],
  ['a name with a line end', changed({ name: 'a\n' }), ': name: "a\n" does not match'],
  ['no version', changed({ version: undefined }), ': version must be a text'],
  ['half a version', changed({ version: '1.2' }), ': version: "1.2" does not match'],
  ['a version as a number', changed({ version: 1 }), ': version must be a text'],
  ['no description', changed({ description: undefined }), ': description must be a text'],
  ['no handlers', changed({ handlers: undefined }), ': handlers must be a list'],
  ['a default as a number', changed({ default: 1 }), ': default must be a text'],
  ['a default as null', changed({ default: null }), ': default must be a text'],
  ['a default that is none', changed({ default: 'EPERM' }), ': default: not understood'],
  ['a default that kills', changed({ default: 'kill-container' }), ': default: not understood'],
  ['a failure as an object', changed({ failure: {} }), ': failure must be a text'],
  ['a failure that is none', changed({ failure: 'errno:' }), ': failure: not understood'],
  ['an unknown failure', changed({ failure: 'kill' }), ': failure: not understood'],
  [
    'a deadline as a number',
    changedHandler({ deadline: 1000 }),
    ': handlers[1].deadline must be a text',
  ],
  [
    'a deadline without a unit',
    changedHandler({ deadline: '1000' }),
    ': handlers[1].deadline: "1000" is no time from 1ms to 1m',
  ],
  ['no time', changedHandler({ deadline: '0' }), ': handlers[1].deadline: "0" is no time'],
  [
    'less than a millisecond',
    changedHandler({ deadline: '999us' }),
    ': handlers[1].deadline: "999us" is no time',
  ],
  [
    'more than a minute',
    changedHandler({ deadline: '1m1ms' }),
    ': handlers[1].deadline: "1m1ms" is no time',
  ],
  [
    'a time in the past',
    changedHandler({ deadline: '-1s' }),
    ': handlers[1].deadline: "-1s" is no time',
  ],
  [
    'a deadline of the bundle',
    changed({ deadline: '1s' }),
    ': unknown key "deadline"; known are name, version, description, handlers, default, failure',
  ],
  ['handlers as an object', changed({ handlers: {} }), ': handlers must be a list'],
  ['empty handlers', changed({ handlers: [] }), ': handlers is empty'],
  ['a handler as a text', changed({ handlers: ['a'] }), ': handlers[0] must be an object'],
  [
    'an unknown key of a handler',
    changedHandler({ grant: [] }),
    ': handlers[1]: unknown key "grant"',
  ],
  [
    'no component',
    changedHandler({ component: undefined }),
    ': handlers[1].component must be a text',
  ],
  [
    'no settings',
    changedHandler({ settings: undefined }),
    ': handlers[1].settings must be an object of texts',
  ],
  [
    'settings as a list',
    changedHandler({ settings: [] }),
    ': handlers[1].settings must be an object of texts',
  ],
  [
    'a setting as a number',
    changedHandler({ settings: { a: 1 } }),
    ': handlers[1].settings["a"] must be a text',
  ],
  [
    'a setting as null',
    changedHandler({ settings: { a: null } }),
    ': handlers[1].settings["a"] must be a text',
  ],
  ['no grants', changedHandler({ grants: undefined }), ': handlers[1].grants must be a list'],
  ['grants as a text', changedHandler({ grants: 'log' }), ': handlers[1].grants must be a list'],
  [
    'a grant as a number',
    changedHandler({ grants: ['log', 1] }),
    ': handlers[1].grants[1] must be a text',
  ],
  [
    'a grant twice',
    changedHandler({ grants: ['log', 'log'] }),
    ': handlers[1].grants names "log" twice',
  ],
  [
    'syscalls as a text',
    changedHandler({ syscalls: 'mkdir' }),
    ': handlers[1].syscalls must be a list',
  ],
  ['no syscall', changedHandler({ syscalls: [] }), ': handlers[1].syscalls is empty'],
  [
    'a syscall as a number',
    changedHandler({ syscalls: [83] }),
    ': handlers[1].syscalls[0] must be a text',
  ],
  [
    'a syscall twice',
    changedHandler({ syscalls: ['fsopen', 'fsopen'] }),
    ': handlers[1].syscalls names "fsopen" twice',
  ],
  [
    'one call of a family',
    changedHandler({ syscalls: ['mkdirat'] }),
    ': handlers[1].syscalls: "mkdirat" belongs to "mkdir" (mkdir, mkdirat): name that',
  ],
  // a handler that is never asked lets the calls through that it was to refuse
  [
    'a syscall that Linux does not have',
    changedHandler({ syscalls: ['chmodd'] }),
    ': handlers[1].syscalls',
  ],
  [
    'a grant that the agent does not have',
    changedHandler({ grants: ['filesystems'] }),
    ': handlers[1].grants',
  ],
];

test.for(mistakes)('G3: manifest: %s is refused where it stands', ([, text, message]) => {
  const failure = failureOf(() => parseManifest(text, place));
  expect(failure.code).toBe('AGENT_BUNDLE_INVALID');
  expect(failure.message).toContain(`${place}${message}`);
});

test.for([
  '../mkdir.wasm',
  '..',
  'a/b.wasm',
  '/etc/a.wasm',
  './a.wasm',
  'a..wasm',
  'a\0.wasm',
  'a\\b.wasm',
  'A.wasm',
  '.wasm',
  'a.wasm\n',
  'a.wasm.js',
  'a',
  '',
])('G3: manifest: the component %j is refused', (component) => {
  const failure = failureOf(() => parseManifest(changedHandler({ component }), place));
  expect(failure.code).toBe('AGENT_BUNDLE_INVALID');
  expect(failure.message).toContain(`${place}: handlers[1].component: "${component}"`);
});
