// SPDX-License-Identifier: Apache-2.0
// Files that commands read: in a folder of somebody else's there may stand a FIFO, which is waited for,
// a device without an end, or a link to what only we may read.
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { expect, test } from 'vitest';

import { generateKeyPair } from '../../host/bundles/oci/signing-key.ts';
import type { AgentErrorCode } from '../../host/errors.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { shippedBundle } from '../support/bundle-shipping.ts';
import { patient } from '../support/patience.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

interface ReadFile {
  /** In a folder that has a shipped bundle, a good key and a configuration that names bad files. */
  readonly name: string;
  readonly words: (file: string, folder: string) => readonly string[];
  /** Of what is no regular file; absent: it is one problem of several that are found. */
  readonly code?: AgentErrorCode;
  readonly maxBytes: number;
}

const kib = 1024;
const mib = 2 ** 20;
const reference = `127.0.0.1:1/a/b@sha256:${'ab'.repeat(32)}`;
const keyBytes = 64 * kib;
const certificateBytes = 4 * mib;
const recordingBytes = 16 * 2 ** 30;

const files: Readonly<Record<string, ReadFile>> = {
  'profile lint': {
    name: 'p.json',
    words: (file) => ['profile', 'lint', file],
    code: 'AGENT_PROFILE_INVALID',
    maxBytes: 256 * kib,
  },
  'profile generate -base': {
    name: 'p.json',
    words: (file) => ['profile', 'generate', '-base', file, 'sysinfo'],
    code: 'AGENT_PROFILE_INVALID',
    maxBytes: 256 * kib,
  },
  'test, handler.test.yaml': {
    name: 'handler.test.yaml',
    words: (_, folder) => ['test', folder],
    code: 'AGENT_CASES_INVALID',
    maxBytes: 256 * kib,
  },
  'test, handler.cases.mjs': {
    name: 'handler.cases.mjs',
    words: (_, folder) => ['test', folder],
    code: 'AGENT_CASES_INVALID',
    maxBytes: 256 * kib,
  },
  'build, bundle.json': {
    name: 'bundle.json',
    words: (_, folder) => ['build', folder],
    code: 'AGENT_BUILD',
    maxBytes: 64 * kib,
  },
  'build, handler.ts': {
    name: 'handler.ts',
    words: (_, folder) => ['build', folder],
    code: 'AGENT_BUILD',
    maxBytes: 64 * mib,
  },
  'push, bundle.json': {
    name: 'bundle.json',
    words: (_, folder) => ['push', folder, '127.0.0.1:1/a/b:1'],
    code: 'AGENT_BUNDLE_INVALID',
    maxBytes: 64 * kib,
  },
  'push, component': {
    name: 'errno.wasm',
    words: (_, folder) => ['push', folder, '127.0.0.1:1/a/b:1'],
    code: 'AGENT_BUNDLE_INVALID',
    maxBytes: 16 * mib,
  },
  'push -ca': {
    name: 'ca.pem',
    words: (file, folder) => ['push', '-ca', file, folder, '127.0.0.1:1/a/b:1'],
    code: 'AGENT_OCI',
    maxBytes: certificateBytes,
  },
  'inspect, bundle.json': {
    name: 'bundle.json',
    words: (_, folder) => ['inspect', folder],
    maxBytes: 64 * kib,
  },
  'inspect, component': {
    name: 'errno.wasm',
    words: (file) => ['inspect', file],
    maxBytes: 16 * mib,
  },
  'inspect -recording': {
    name: 'recording',
    words: (file, folder) => ['inspect', '-recording', file, folder],
    code: 'AGENT_RECORDING',
    maxBytes: recordingBytes,
  },
  replay: {
    name: 'recording',
    words: (file) => ['replay', file],
    code: 'AGENT_RECORDING',
    maxBytes: recordingBytes,
  },
  bench: {
    name: 'recording',
    words: (file) => ['bench', file],
    code: 'AGENT_RECORDING',
    maxBytes: recordingBytes,
  },
  'sign -key': {
    name: 'a.key',
    words: (file) => ['sign', '-key', file, reference],
    code: 'AGENT_KEY',
    maxBytes: keyBytes,
  },
  'verify -key': {
    name: 'a.pub',
    words: (file) => ['verify', '-key', file, reference],
    code: 'AGENT_KEY',
    maxBytes: keyBytes,
  },
  'pull -key': {
    name: 'a.pub',
    words: (file) => ['pull', '-key', file, reference],
    code: 'AGENT_KEY',
    maxBytes: keyBytes,
  },
  'list -key': {
    name: 'a.pub',
    words: (file, folder) => ['list', '-store', folder, '-key', file],
    code: 'AGENT_KEY',
    maxBytes: keyBytes,
  },
  'verify -ca': {
    name: 'ca.pem',
    words: (file, folder) => ['verify', '-key', `${folder}/good.pub`, '-ca', file, reference],
    code: 'AGENT_OCI',
    maxBytes: certificateBytes,
  },
  'verify -config': {
    name: 'config.yaml',
    words: (file) => ['verify', '-config', file, reference],
    code: 'AGENT_CONFIG_INVALID',
    maxBytes: mib,
  },
  'run -config': {
    name: 'config.yaml',
    words: (file) => ['run', '-config', file, '-bundle', 'sysinfo', '--', 'true'],
    code: 'AGENT_CONFIG_INVALID',
    maxBytes: mib,
  },
  'config check': {
    name: 'config.yaml',
    words: (file) => ['config', 'check', file],
    code: 'AGENT_CONFIG_INVALID',
    maxBytes: mib,
  },
  'config check, key': {
    name: 'a.pub',
    words: (_, folder) => ['config', 'check', `${folder}/naming.yaml`],
    maxBytes: keyBytes,
  },
  'config check, ca': {
    name: 'ca.pem',
    words: (_, folder) => ['config', 'check', `${folder}/naming.yaml`],
    maxBytes: certificateBytes,
  },
  'doctor -config': {
    name: 'config.yaml',
    words: (file) => ['doctor', '-config', file],
    maxBytes: mib,
  },
};

/** Without the agent's own limits a device would take all memory of the machine. */
const dataBytes = 3 * 2 ** 30;
const deadlineMs = patient(30_000);

async function read(
  { name, words }: ReadFile,
  put: (file: string) => void,
): Promise<CommandResult> {
  using folder = new TemporaryFolder();
  cpSync(shippedBundle('errno'), folder.path, { recursive: true });
  writeFileSync(folder.at('good.pub'), generateKeyPair('').publicPem);
  writeFileSync(
    folder.at('naming.yaml'),
    `signers: [{ name: a, key: ${folder.at('a.pub')} }]
registries: [{ host: r, ca: ${folder.at('ca.pem')}, signers: [a] }]
`,
  );
  const file = folder.at(name);
  rmSync(file, { force: true });
  put(file);
  return await runCommand(
    ['prlimit', `--data=${dataBytes}`, seccompagent, ...words(file, folder.path)],
    { deadlineMs, environment: { COSIGN_PASSWORD: '' } },
  );
}

function makeFifo(file: string): void {
  expect(spawnSync('mkfifo', [file]).status).toBe(0);
}

function linkDevice(file: string): void {
  symlinkSync('/dev/zero', file);
}

const tools = Object.entries(files);

test.for(tools)('%s: a FIFO and a device are refused at once', async ([, tool]) => {
  for (const result of await Promise.all([read(tool, makeFifo), read(tool, linkDevice)])) {
    expect(result).toMatchObject({ code: 1, signal: null });
    expect(result.stderr).toContain(tool.code === undefined ? '' : `[${tool.code}]`);
    expect(result.stdout + result.stderr).toContain(tool.name);
  }
});

test.for(tools)('%s: a file beyond the limit is refused, and which it is', async ([, tool]) => {
  const { maxBytes } = tool;
  const { code, stdout, stderr } = await read(tool, (file) => {
    writeFileSync(file, '');
    truncateSync(file, maxBytes + 1);
  });
  expect(code).toBe(1);
  expect(stdout + stderr).toContain(String(maxBytes));
  expect(stdout + stderr).toContain(String(maxBytes + 1));
});

/** Texts of other kinds, of which parsers show pieces in their errors. */
const secrets = [
  'hush:*:19000:0:99999:7:::\n',
  'hush *hush\n',
  'kind: Config\nusers: *hush\n',
  '"a" hush\n',
  '%hush\n',
  '{"hush": "hush"}\n',
];

test.for(tools)('%s: what a link leads to is not shown', async ([, tool]) => {
  using other = new TemporaryFolder();
  const answers = secrets.map(async (secret, index) => {
    const target = other.at(`${index}.mjs`);
    writeFileSync(target, secret, { mode: 0o600 });
    expect(dirname(target)).not.toContain('hush');
    return await read(tool, (file) => symlinkSync(target, file));
  });
  for (const { code, stdout, stderr } of await Promise.all(answers)) {
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain('hush');
  }
});

test('test: links to files of the folder itself are followed', async () => {
  using folder = new TemporaryFolder();
  cpSync(shippedBundle('errno'), folder.path, { recursive: true });
  writeFileSync(
    folder.at('cases.yaml'),
    'settings: { CHMOD_ERRNO: EACCES }\ncases: [{ name: a, call: chmod, expect: { action: EACCES } }]\n',
  );
  symlinkSync('cases.yaml', folder.at('handler.test.yaml'));
  const { stdout, stderr } = await runCommand([seccompagent, 'test', '-json', folder.path]);
  expect(stderr).not.toContain('AGENT_CASES_INVALID');
  expect(JSON.parse(stdout)).toMatchObject({ cases: [{ name: 'a' }] });
});
