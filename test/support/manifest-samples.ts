// SPDX-License-Identifier: Apache-2.0
// A bundle.json with everything in it, and mistakes that one can have.
import type { Named } from './failures.ts';

const handler = {
  component: 'mkdir-suffix.wasm',
  digest: `sha256:${'ab'.repeat(32)}`,
  syscalls: ['mkdir'],
  settings: { suffix: { from: 'SUFFIX' }, fixed: '{{.ContainerID}}' },
  deadline: '250ms',
  memory: '2MiB',
  only: { mkdir: { argument: 'mode', mask: '0o7000', values: ['0o1000', '0x0'] } },
  refuse: ['CLONE_NEWNS', 'pivot_root', 'chown'],
  advisory: ['execve'],
};
const only = { argument: 'mode', mask: '0o7000', values: ['0o1000'] };
const setting = { type: 'template', default: '-{{.Pid1}}', description: 'what is added' };
const filesystem = { reason: 'makes the directory', operations: ['mkdir'], paths: ['/work'] };
const bundle = {
  $schema: 'https://example.com/bundle.schema.json',
  name: 'b-1',
  version: '1.2.3',
  description: 'text',
  settings: { SUFFIX: setting },
  grants: { filesystem },
  handlers: [handler],
  default: 'errno:ENOSYS',
  failure: 'kill-container',
};

type Changes = Readonly<Record<string, unknown>>;

export const wholeManifest: Readonly<Record<'bundle' | 'handler' | 'setting', Changes>> = {
  bundle,
  handler,
  setting,
};

/** With keys replaced; undefined takes one away. */
const changed = (changes: Changes): string => JSON.stringify({ ...bundle, ...changes });
const changedHandler = (changes: Changes): string =>
  changed({ handlers: [handler, { ...handler, ...changes }] });
const changedSetting = (changes: Changes, key = 'SUFFIX'): string =>
  changed({ settings: { SUFFIX: setting, [key]: { ...setting, ...changes } } });
const grant = (capability: string, json: unknown): string =>
  changed({ grants: { [capability]: json } });
const limited = (capability: string, limits: Changes): string =>
  grant(capability, { reason: 'why', ...limits });

const components = [
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
] as const;

type Mistake = readonly [
  mistake: string,
  text: string,
  /** Of the value; empty: of the whole text. */
  key: string,
  /** What the message has of the value. */
  ...named: readonly Named[],
];

const general: readonly Mistake[] = [
  ['a list', '[]', ''],
  ['null', 'null', ''],
  ['an unknown key', changed({ licence: '' }), '', '"licence"'],
  ['a schema that is no text', changed({ $schema: 1 }), '$schema'],
  ['no name', changed({ name: undefined }), 'name'],
  ['an empty name', changed({ name: '' }), 'name', '""'],
  ['a name with a slash', changed({ name: 'a/b' }), 'name', '"a/b"'],
  ['a name in capitals', changed({ name: 'Ab' }), 'name', '"Ab"'],
  ['a name with a line end', changed({ name: 'a\n' }), 'name', '"a\n"'],
  ['a long name', changed({ name: 'a'.repeat(129) }), 'name', `"${'a'.repeat(129)}"`],
  ['a long version', changed({ version: `1.0.0-${'a'.repeat(123)}` }), 'version', '"1.0.0-aaa'],
  ['no version', changed({ version: undefined }), 'version'],
  ['half a version', changed({ version: '1.2' }), 'version', '"1.2"'],
  ['a version as a number', changed({ version: 1 }), 'version'],
  ['no description', changed({ description: undefined }), 'description'],
  ['an empty description', changed({ description: ' ' }), 'description'],
  ['a description that clears the screen', changed({ description: 'a\u009b2J' }), 'description'],
  ['a description of two lines', changed({ description: 'a\nb' }), 'description'],
  ['a default as a number', changed({ default: 1 }), 'default'],
  ['a default as null', changed({ default: null }), 'default'],
  ['a default that is none', changed({ default: 'EPERM' }), 'default'],
  ['a default that kills too little', changed({ default: 'kill' }), 'default'],
  ['a failure as an object', changed({ failure: {} }), 'failure'],
  ['a failure that is none', changed({ failure: 'errno:' }), 'failure'],
  ['an unknown failure', changed({ failure: 'kill' }), 'failure'],
  ['an unknown errno', changed({ failure: 'errno:EPERMM' }), 'failure'],
  ['a deadline of the bundle', changed({ deadline: '1s' }), '', '"deadline"'],
  ['no handlers', changed({ handlers: undefined }), 'handlers'],
  ['handlers as an object', changed({ handlers: {} }), 'handlers'],
  [
    'too many handlers',
    changed({ handlers: Array.from({ length: 33 }, () => handler) }),
    'handlers',
  ],
  ['empty handlers', changed({ handlers: [] }), 'handlers'],
];

const ofHandlers: readonly Mistake[] = [
  ['a handler as a text', changed({ handlers: ['a'] }), 'handlers[0]'],
  ['an unknown key of a handler', changedHandler({ grants: [] }), 'handlers[1]'],
  ['no component', changedHandler({ component: undefined }), 'handlers[1].component'],
  ...components.map((component): Mistake => [
    `the component ${JSON.stringify(component)}`,
    changedHandler({ component }),
    'handlers[1].component',
    `"${component}"`,
  ]),
  [
    'a digest of another kind',
    changedHandler({ digest: `sha512:${'ab'.repeat(32)}` }),
    'handlers[1].digest',
    '"sha512:',
  ],
  ['half a digest', changedHandler({ digest: 'sha256:ab' }), 'handlers[1].digest', '"sha256:ab"'],
  ['a digest as null', changedHandler({ digest: null }), 'handlers[1].digest'],
  ['a deadline as a number', changedHandler({ deadline: 1 }), 'handlers[1].deadline'],
  [
    'a deadline without a unit',
    changedHandler({ deadline: '1000' }),
    'handlers[1].deadline',
    '"1000"',
  ],
  ['no time', changedHandler({ deadline: '0' }), 'handlers[1].deadline', '"0"'],
  ['a time in the past', changedHandler({ deadline: '-1s' }), 'handlers[1].deadline', '"-1s"'],
  [
    'a declaration for a family that is none',
    changedHandler({ only: { mkdirat: only } }),
    'handlers[1].only["mkdirat"]',
  ],
  [
    'a mask in decimal',
    changedHandler({ only: { mkdir: { ...only, mask: '3584' } } }),
    'handlers[1].only["mkdir"].mask',
    '"3584"',
  ],
  [
    'a declaration without values',
    changedHandler({ only: { mkdir: { ...only, values: [] } } }),
    'handlers[1].only["mkdir"].values',
  ],
  ['no advice', changedHandler({ advisory: [] }), 'handlers[1].advisory'],
  [
    'advice on one call of a family',
    changedHandler({ advisory: ['execveat'] }),
    'handlers[1].advisory',
  ],
  ['nothing to refuse', changedHandler({ refuse: [] }), 'handlers[1].refuse'],
  [
    'a flag of unshare that clone has for something else',
    changedHandler({ refuse: ['CLONE_NEWTIME'] }),
    'handlers[1].refuse',
    '"CLONE_NEWTIME"',
  ],
  [
    'a refused call that Linux does not have',
    changedHandler({ refuse: ['pivotroot'] }),
    'handlers[1].refuse',
  ],
  [
    'one refused call of a family',
    changedHandler({ refuse: ['fchownat'] }),
    'handlers[1].refuse',
    '"fchownat"',
    '"chown"',
  ],
  ['memory as a number', changedHandler({ memory: 65_536 }), 'handlers[1].memory'],
  ['memory without a unit', changedHandler({ memory: '65536' }), 'handlers[1].memory', '"65536"'],
  ['memory of another unit', changedHandler({ memory: '16MB' }), 'handlers[1].memory', '"16MB"'],
  ['no memory', changedHandler({ memory: '0MiB' }), 'handlers[1].memory', '"0MiB"'],
  ['syscalls as a text', changedHandler({ syscalls: 'mkdir' }), 'handlers[1].syscalls'],
  ['no syscall', changedHandler({ syscalls: [] }), 'handlers[1].syscalls'],
  ['a syscall as a number', changedHandler({ syscalls: [83] }), 'handlers[1].syscalls[0]'],
  ['a syscall twice', changedHandler({ syscalls: ['fsopen', 'fsopen'] }), 'handlers[1].syscalls'],
  [
    'one call of a family',
    changedHandler({ syscalls: ['mkdirat'] }),
    'handlers[1].syscalls',
    '"mkdirat"',
    '"mkdir"',
  ],
  // a handler that is never asked lets the calls through that it was to refuse
  [
    'a syscall that Linux does not have',
    changedHandler({ syscalls: ['chmodd'] }),
    'handlers[1].syscalls',
  ],
];

const ofConditions: readonly Mistake[] = [
  ['a condition as a text', changedHandler({ when: 'SUFFIX' }), 'handlers[1].when'],
  [
    'a conditional text without a condition',
    changedHandler({ settings: { a: { text: 'x' } } }),
    'handlers[1].settings["a"].when',
  ],
  ['an empty condition', changedHandler({ when: [] }), 'handlers[1].when'],
  [
    'a condition that is named twice',
    changedHandler({ when: ['SUFFIX', 'SUFFIX'] }),
    'handlers[1].when',
  ],
  ['needs as a text', changedSetting({ needs: 'SUFFIX' }, 'B'), 'settings.B.needs'],
  ['empty needs', changedSetting({ needs: [] }, 'B'), 'settings.B.needs'],
];

const ofSettings: readonly Mistake[] = [
  ['settings as a list', changed({ settings: [] }), 'settings'],
  ['a key with a blank', changedSetting({}, 'A B'), 'settings', '"A B"'],
  ['a key of 129 letters', changedSetting({}, 'k'.repeat(129)), 'settings', `"${'k'.repeat(129)}"`],
  [
    'more settings than one can oversee',
    changed({
      settings: Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`K${i}`, setting])),
    }),
    'settings',
  ],
  ['an empty key', changedSetting({}, ''), 'settings', '""'],
  ['the key BUNDLE', changedSetting({}, 'BUNDLE'), 'settings', '"BUNDLE"'],
  ['the key BUNDLE_SHADOW', changedSetting({}, 'BUNDLE_SHADOW'), 'settings', '"BUNDLE_SHADOW"'],
  ['the key DEFAULT_ACTION', changedSetting({}, 'DEFAULT_ACTION'), 'settings', '"DEFAULT_ACTION"'],
  ['the key MIDDLEWARE', changedSetting({}, 'MIDDLEWARE'), 'settings', '"MIDDLEWARE"'],
  ['a setting as a text', changed({ settings: { A: '' } }), 'settings.A'],
  ['an unknown key of a setting', changedSetting({ kind: '' }), 'settings.SUFFIX'],
  ['a setting without a type', changedSetting({ type: undefined }), 'settings.SUFFIX.type'],
  ['a type that is none', changedSetting({ type: 'number' }), 'settings.SUFFIX.type', '"number"'],
  [
    'a setting without a description',
    changedSetting({ description: undefined }),
    'settings.SUFFIX.description',
  ],
  [
    'a setting with an empty description',
    changedSetting({ description: '' }),
    'settings.SUFFIX.description',
  ],
  [
    'a setting whose description turns the direction of writing',
    changedSetting({ description: 'a\u202eb' }),
    'settings.SUFFIX.description',
  ],
  [
    'required as a text',
    changedSetting({ required: 'yes', default: undefined }),
    'settings.SUFFIX.required',
  ],
  ['a required setting with a default', changedSetting({ required: true }), 'settings.SUFFIX'],
  ['a default as a bool', changedSetting({ default: true }), 'settings.SUFFIX.default'],
  [
    'a default that is no bool',
    changedSetting({ type: 'bool', default: 'yes' }),
    'settings.SUFFIX.default',
    '"yes"',
  ],
  [
    'a default that is no errno',
    changedSetting({ type: 'errno', default: 'EPERMM' }),
    'settings.SUFFIX.default',
    '"EPERMM"',
  ],
  ['settings of a handler as a list', changedHandler({ settings: [] }), 'handlers[1].settings'],
  [
    'more settings of a handler than one can oversee',
    changedHandler({
      settings: Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`k${i}`, ''])),
    }),
    'handlers[1].settings',
  ],
  [
    'a setting of a handler as a number',
    changedHandler({ settings: { a: 1 } }),
    'handlers[1].settings["a"]',
  ],
  [
    'a setting of a handler as null',
    changedHandler({ settings: { a: null } }),
    'handlers[1].settings["a"]',
  ],
  [
    'a setting of a handler with another key',
    changedHandler({ settings: { a: { from: 'SUFFIX', default: '' } } }),
    'handlers[1].settings["a"]',
  ],
];

const ofGrants: readonly Mistake[] = [
  ['grants as a list', changed({ grants: ['caller'] }), 'grants'],
  ['a grant as a text', grant('caller', 'why'), 'grants.caller'],
  ['a grant that the agent does not have', limited('filesystems', {}), 'grants.filesystems'],
  // every handler may use them
  ['a grant that nobody needs', limited('log', {}), 'grants.log'],
  ['a grant without a reason', grant('caller', {}), 'grants.caller.reason'],
  [
    'a reason that hides itself',
    grant('caller', { reason: 'a\u001b[8mb' }),
    'grants.caller.reason',
  ],
  ['an empty reason', grant('caller', { reason: ' ' }), 'grants.caller.reason'],
  ['a limit of another grant', limited('mounts', { paths: ['/a'] }), 'grants.mounts.paths'],
  ['an empty limit', limited('memory', { operations: [] }), 'grants.memory.operations'],
  [
    'a limit twice',
    limited('memory', { operations: ['read', 'read'] }),
    'grants.memory.operations',
  ],
  [
    'an operation of another interface',
    limited('memory', { operations: ['mkdir'] }),
    'grants.memory.operations',
  ],
  ...['work', '/work/', '/work/..', '/./work', '//work', ''].map((path): Mistake => [
    `the path "${path}"`,
    limited('filesystem', { paths: [path] }),
    'grants.filesystem.paths',
    `"${path}"`,
  ]),
  [
    'a file system with a long name',
    limited('mounts', { filesystems: ['f'.repeat(65)] }),
    'grants.mounts.filesystems',
    `"${'f'.repeat(65)}"`,
  ],
  [
    'more devices than handlers are told of',
    limited('devices', { nodes: Array.from({ length: 257 }, (_, i) => `c 1:${i}`) }),
    'grants.devices.nodes',
  ],
  [
    'a file system with a comma',
    limited('mounts', { filesystems: ['proc,sysfs'] }),
    'grants.mounts.filesystems',
    '"proc,sysfs"',
  ],
  [
    'a node without a kind',
    limited('devices', { nodes: ['1:3'] }),
    'grants.devices.nodes',
    '"1:3"',
  ],
  ['no keys', limited('state', { keys: 0 }), 'grants.state.keys'],
  ['too many keys', limited('state', { keys: 65 }), 'grants.state.keys'],
  ['half a key', limited('state', { keys: 1.5 }), 'grants.state.keys'],
  ['an errno that is none', limited('errnos', { names: ['EPER'] }), 'grants.errnos.names'],
  [
    'a syscall that the host does not perform',
    limited('perform', { syscalls: ['mount'] }),
    'grants.perform.syscalls',
  ],
];

/** Those that the JSON Schema cannot know. */
export const mistakesBeyondSchema: readonly Mistake[] = [
  ['no JSON', '{', ''],
  [
    'less than a millisecond',
    changedHandler({ deadline: '999us' }),
    'handlers[1].deadline',
    '"999us"',
  ],
  ['more than a minute', changedHandler({ deadline: '1m1ms' }), 'handlers[1].deadline', '"1m1ms"'],
  ['too little memory', changedHandler({ memory: '63KiB' }), 'handlers[1].memory', '"63KiB"'],
  ['too much memory', changedHandler({ memory: '5GiB' }), 'handlers[1].memory', '"5GiB"'],
  [
    'a setting that is not declared',
    changedHandler({ settings: { a: { from: 'OTHER' } } }),
    'handlers[1].settings["a"].from',
  ],
  [
    'a conditional text that is no template',
    changedHandler({ settings: { a: { text: '{{.Nope}}', when: ['SUFFIX'] } } }),
    'handlers[1].settings["a"].text',
    '"{{.Nope}}"',
  ],
  ['a condition that is no setting', changedHandler({ when: ['SUFIX'] }), 'handlers[1].when'],
  ['the need of what is no setting', changedSetting({ needs: ['SUFIX'] }), 'settings.SUFFIX.needs'],
  ['the need of itself', changedSetting({ needs: ['SUFFIX'] }), 'settings.SUFFIX.needs'],
  ['a setting that no handler is given', changedSetting({}, 'OTHER'), 'settings.OTHER'],
  [
    'a template in a fixed text that is none',
    changedHandler({ settings: { a: '{{.Nope}}' } }),
    'handlers[1].settings["a"]',
    '"{{.Nope}}"',
  ],
  [
    'a default that is no template',
    changedSetting({ default: '{{.Pid' }),
    'settings.SUFFIX.default',
    '"{{.Pid"',
  ],
  [
    'a template with more fields than are filled',
    changedHandler({ settings: { a: '{{.Pid}}'.repeat(65) } }),
    'handlers[1].settings["a"]',
    '{{.Pid}}'.repeat(65),
    / 64 /u,
  ],
  [
    'a default with more fields than are filled',
    changedSetting({ default: '{{.Pid}}'.repeat(65) }),
    'settings.SUFFIX.default',
    '{{.Pid}}'.repeat(65),
    / 64 /u,
  ],
  [
    'a default with more paths than are held',
    changedSetting({ type: 'paths', default: `${'/a,'.repeat(256)}/a` }),
    'settings.SUFFIX.default',
    `"${'/a,'.repeat(256)}/a"`,
    / 256 /u,
  ],
  [
    'a default that is no duration',
    changedSetting({ type: 'duration', default: '2 seconds' }),
    'settings.SUFFIX.default',
    '"2 seconds"',
  ],
  [
    'a default that is no list',
    changedSetting({ type: 'list', default: 'a,,b' }),
    'settings.SUFFIX.default',
    '"a,,b"',
  ],
];

/** Those that the JSON Schema refuses, too. */
export const mistakesOfSchema: readonly Mistake[] = [
  ...general,
  ...ofHandlers,
  ...ofConditions,
  ...ofSettings,
  ...ofGrants,
];

export const manifestMistakes: readonly Mistake[] = [...mistakesOfSchema, ...mistakesBeyondSchema];
