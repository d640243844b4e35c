// SPDX-License-Identifier: Apache-2.0
// Configurations for tests: a whole one, and mistakes with their lines.
import { stringify } from 'yaml';

import type { Named } from './failures.ts';

/** All that there is to say. */
export const wholeConfig = `# what the operator grants
bundles:
  mkdir-suffix:
    grants:
      filesystem: { operations: [mkdir], paths: [/work] }
  idle: { signers: [acme] }
signers:
  - name: acme
    key: /keys/acme.pub
    grants: { mounts: { filesystems: [proc] }, errnos: { names: [EPERM] } }
  - { name: other, key: /keys/other.pub }
registries:
  - host: registry.example.com:5000
    plain-http: true
    ca: /keys/ca.pem
    signers: [acme, other]
  - { host: "[::1]", signers: [other] }
bundle-folders: [/bundles]
default: errno:ENOSYS
failure: kill-container
limits: { component-bytes: 1MiB, memory: 2MiB, deadline: 1.5s, store: 2GiB }
resolver: falco
bundle: [idle, ./mine]
bundle-shadow: mkdir-suffix
log: [debug, json]
socketfile: /run/other.socket
take-over: true
allow-uids: [1000, "1001"]
metrics-bind-address: "[::1]:8080"
control-socket: none
audit-log: /var/log/audit.jsonl
audit-arguments: true
falco-socket: none
falco-output: file:/var/log/falco.jsonl
container-rate: 1MiB
rotate-size: 10MiB
rotate-files: 5
`;

/** Keys that are options of the agent, and do not go together, or are none that it takes. */
export const optionMistakes: readonly ConfigMistake[] = [
  [
    'an address that is none',
    '\nmetrics-bind-address: here\n',
    2,
    '',
    '"here"',
    '-metrics-bind-address',
  ],
  ['a word that is none', 'log: [json, loud]\n', 1, '', '"loud"', '-log'],
  ['a user that is none', '\n\nallow-uids: root\n', 3, '', '"root"', '-allow-uids'],
  ['a node of another resolver', 'resolver: none\nnode-name: a\n', 2, '', '-node-name'],
  ['arguments for nobody', 'audit-arguments: true\n', 1, '', '-audit-arguments', '-audit-log'],
];

export type ConfigMistake = readonly [
  name: string,
  text: string,
  line: number,
  /** Of the value; empty: of the whole text, or of an option. */
  key: string,
  /** What the message has of the value. */
  ...named: readonly Named[],
];

const signer = '{ name: acme, key: /k }';
const registry = (text: string): string => `signers: [${signer}]\nregistries:\n  - ${text}\n`;
const grants = (text: string): string => `bundles:\n  a:\n    grants:\n      ${text}\n`;

export const configMistakes: readonly ConfigMistake[] = [
  ['a list', '- a\n', 1, ''],
  ['an unknown key', 'default: continue\nbundels: {}\n', 2, 'bundels'],
  ['bundles as a list', '\n\nbundles: [a]\n', 3, 'bundles'],
  ['a name that is none', 'bundles:\n  A_b: {}\n', 2, 'bundles.A_b: "A_b"'],
  ['a bundle as a text', 'bundles:\n  a: all\n', 2, 'bundles.a'],
  ['an unknown key of a bundle', 'bundles:\n  a: { grant: {} }\n', 2, 'bundles.a.grant'],
  ['an entry for nobody', 'bundles:\n  a: { signers: [] }\n', 2, 'bundles.a.signers'],
  ['a grant that is none', grants('files: {}'), 4, 'bundles.a.grants.files'],
  [
    'an operation that is none',
    grants('filesystem:\n        operations:\n          - mkdir\n          - rmdir'),
    7,
    'bundles.a.grants.filesystem.operations',
  ],
  [
    'a path that is none',
    grants('filesystem: { paths: [/a/../b] }'),
    4,
    'bundles.a.grants.filesystem.paths',
    '"/a/../b"',
  ],
  [
    'a reason, which bundles have',
    grants('caller: { reason: why }'),
    4,
    'bundles.a.grants.caller.reason',
  ],
  ['signers as an object', 'signers: {}\n', 1, 'signers'],
  ['a signer without a key', 'signers:\n  - name: a\n', 2, 'signers.key'],
  ['a key that is no path', 'signers:\n  - name: a\n    key: k\n', 3, 'signers.key', '"k"'],
  ['a name with a space', 'signers: [{ name: a b, key: /k }]\n', 1, 'signers.name', '"a b"'],
  ['no host', registry('{ signers: [acme] }'), 3, 'registries.host'],
  ['a URL', registry('{ host: https://a, signers: [acme] }'), 3, 'registries.host', '"https://a"'],
  ['no signers', registry('{ host: a }'), 3, 'registries.signers'],
  ['nobody', registry('{ host: a, signers: [] }'), 3, 'registries.signers'],
  [
    'plain HTTP as a text',
    registry('{ host: a, signers: [acme], plain-http: "yes" }'),
    3,
    'registries.plain-http',
  ],
  ['a relative folder', 'bundle-folders:\n  - /a\n  - b\n', 3, 'bundle-folders', '"b"'],
  ['a default that is none', '\ndefault: EPERM\n', 2, 'default', '"EPERM"'],
  ['a failure that is none', 'failure: errno:X\n', 1, 'failure', '"errno:X"'],
  ['a number', 'limits:\n  memory: 16\n', 2, 'limits.memory'],
  ['a size that is none', 'limits:\n  memory: 16MB\n', 2, 'limits.memory', '"16MB"'],
  ['a limit that is none', 'limits: { time: 1s }\n', 1, 'limits.time'],
  ['options that are no texts', 'log: json\nsocketfile: 1\n', 2, 'socketfile'],
  ['bundle for bundles', 'bundle: { a: {} }\n', 1, 'bundle'],
  ['a port', 'metrics-bind-address: 9090\n', 1, 'metrics-bind-address'],
  ['a flag that is a text', 'take-over: "yes"\n', 1, 'take-over'],
  ['a list of lists', 'bundle: [[a]]\n', 1, 'bundle'],
  ['a time that is none', 'limits: { deadline: soon }\n', 1, 'limits.deadline', '"soon"'],
];

/** Those that the JSON Schema cannot know. */
export const configMistakesBeyondSchema: readonly ConfigMistake[] = [
  [
    'a signer twice',
    `signers:\n  - ${signer}\n  - { name: acme, key: /l }\n`,
    3,
    'signers',
    '"acme"',
  ],
  [
    'a registry twice',
    registry('{ host: a, signers: [acme] }\n  - { host: a, signers: [acme] }'),
    4,
    'registries',
    '"a"',
  ],
  [
    'a signer that is not there',
    registry('{ host: a, signers: [acme, b] }'),
    3,
    'registries.signers',
  ],
  [
    'an entry for a signer that is not there',
    `signers: [${signer}]\nbundles:\n  a: { signers: [b] }\n`,
    3,
    'bundles.a.signers',
  ],
  ['a small size', 'limits: { memory: 1KiB }\n', 1, 'limits.memory', '"1KiB"'],
  ['a large size', 'limits: { component-bytes: 2GiB }\n', 1, 'limits.component-bytes', '"2GiB"'],
  ['a small store', 'limits: { store: 64KiB }\n', 1, 'limits.store', '"64KiB"'],
  ['a long time', 'limits: { deadline: 61s }\n', 1, 'limits.deadline', '"61s"'],
  [
    'long folders',
    stringify({ bundles: { a: { grants: { filesystem: { paths: longPaths() } } } } }),
    5,
    'bundles.a.grants.filesystem.paths',
  ],
];

function longPaths(): readonly string[] {
  return Array.from({ length: 33 }, (_, index) => `/${index}`);
}

/** No YAML, or more than is good. */
export const brokenYaml: readonly ConfigMistake[] = [
  ['a key twice', 'default: continue\ndefault: errno:EIO\n', 2, ''],
  ['an open bracket', 'bundles: [\n', 2, ''],
  ['a tab', 'limits:\n\tmemory: 1MiB\n', 2, ''],
  ['two documents', 'default: continue\n---\nfailure: continue\n', 2, ''],
  ['an unknown tag', 'default: !secret continue\n', 1, ''],
  ['an anchor that is none', 'default: *a\n', 1, ''],
];
