// SPDX-License-Identifier: Apache-2.0
// Tests the commands that ship bundles: push, pull, sign, verify, list, key.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { digestOf } from '../../host/bundles/oci/digest.ts';
import { shippedBundle } from '../support/bundle-shipping.ts';
import { projectRoot, runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { DockerRegistry, registryUser } from '../support/docker-registry.ts';
import { failed, naming } from '../support/failures.ts';
import { Page } from '../support/pages.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

let registry: DockerRegistry;
let folder: TemporaryFolder;

beforeAll(async () => {
  registry = await DockerRegistry.start();
  folder = new TemporaryFolder();
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Surroundings {
  readonly password?: string;
  readonly input?: string;
}

async function tool(
  words: readonly string[],
  { password = 'secret', input }: Surroundings = {},
): Promise<CommandResult> {
  return runCommand([seccompagent, ...words], {
    environment: { COSIGN_PASSWORD: password, HOME: folder.path, DOCKER_CONFIG: folder.path },
    ...(input === undefined ? {} : { input }),
  });
}

/** @throws Error unless it succeeds without a word on stderr */
async function succeed(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tool(words);
  if (code !== 0 || stderr !== '') throw new Error(`${words.join(' ')}: ${stderr}`);
  return stdout;
}

async function jsonOf(words: readonly string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await succeed([...words, '-json']));
}

test('shipping: a bundle is pushed, signed, verified, pulled and listed', async () => {
  using own = new TemporaryFolder();
  const reference = `${registry.host}/acme/demo:0.1.0`;
  const keys = own.at('acme');
  const store = own.at('store');
  expect(await jsonOf(['key', 'generate', '-o', keys])).toEqual({
    privateKey: `${keys}.key`,
    publicKey: `${keys}.pub`,
  });
  expect(statSync(`${keys}.key`).mode & 0o777).toBe(0o600);

  const pushed = await jsonOf(['push', '-plain-http', shippedBundle('demo-basic'), reference]);
  const { digest } = pushed;
  expect(pushed).toEqual({
    reference: `oci://${reference}@${String(digest)}`,
    digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/u),
    name: 'demo-basic',
    version: '0.1.0',
    bytes: expect.any(Number),
  });

  const unsigned = await tool(['verify', '-plain-http', '-key', `${keys}.pub`, reference]);
  expect(unsigned).toEqual(failed('AGENT_SIGNATURE', reference, 'acme.pub'));
  expect(unsigned.stdout).toBe('');

  const sign = ['sign', '-plain-http', '-key', `${keys}.key`, reference];
  expect(await jsonOf(sign)).toMatchObject({ digest, isNew: true });
  expect(await jsonOf(sign)).toMatchObject({ digest, isNew: false });
  const verified = await jsonOf(['verify', '-plain-http', '-key', `${keys}.pub`, reference]);
  expect(verified).toMatchObject({ digest, signers: ['acme.pub'] });

  const pull = ['pull', '-plain-http', '-key', `${keys}.pub`, '-store', store];
  const pulled = await jsonOf([...pull, `oci://${reference}`]);
  const inStore = join(store, String(digest).replace(':', '-'));
  expect(pulled).toMatchObject({ digest, name: 'demo-basic', folder: inStore });

  // there is no registry at that address now
  const offline = `127.0.0.1:1/acme/demo@${String(digest)}`;
  const stored = ['verify', '-stored', '-store', store, '-key', `${keys}.pub`, offline];
  expect(await jsonOf(stored)).toEqual({
    reference: `oci://${offline}`,
    digest,
    signers: ['acme.pub'],
  });
  expect(await succeed(stored)).toEqual(naming(`oci://${offline}`, 'acme.pub'));

  expect(await jsonOf(['list', '-store', store, '-key', `${keys}.pub`])).toEqual([
    {
      digest,
      name: 'demo-basic',
      version: '0.1.0',
      description: expect.any(String),
      folder: inStore,
      references: [reference],
      signatures: 1,
      signers: ['acme.pub'],
    },
  ]);
  expect(await succeed(['list', '-store', store])).toContain(` ${reference}\n`);

  const inspect = ['inspect', '-store', store, '-key', `${keys}.pub`, `oci://${offline}`];
  expect(await jsonOf(inspect)).toMatchObject({
    pulled: { digest, signers: ['acme.pub'] },
    name: 'demo-basic',
    handlers: [{ component: 'mkdir-suffix.wasm' }, {}, {}, {}],
  });
  expect(await succeed(inspect)).toContain(' acme.pub\n');

  writeFileSync(join(inStore, 'mount.wasm'), 'changed');
  const changed = await tool(inspect);
  expect(changed).toEqual(failed('AGENT_STORE', join(inStore, 'mount.wasm')));
  expect(changed.stdout).toBe('');
  const broken = await tool(['list', '-store', store]);
  expect(broken.code).toBe(1);
  expect(broken.stdout).toMatch(/^sha256:\w+\n.*mount\.wasm/u);
});

test('docs: the commands of howto/publish.md do what it says, and cosign agrees', async () => {
  const block = new Page('deploy/docs/howto/publish.md').blockWith('sh', 'key generate');
  await using secure = await DockerRegistry.start({ tls: true });
  using work = new TemporaryFolder();
  const commands = block
    .replaceAll('registry.example.com', secure.host)
    .replaceAll('dist/', `${projectRoot}/dist/`)
    .replaceAll('-o acme', `-o ${work.at('acme')}`)
    .replaceAll(/-key acme/gu, `-key ${work.at('acme')}`)
    .replaceAll(
      /^seccompagent (?<name>pull|list)/gmu,
      `seccompagent $<name> -store ${work.at('store')}`,
    )
    .replaceAll(/^seccompagent/gmu, seccompagent);
  const cosign = 'cosign verify --insecure-ignore-tlog --key';
  const reference = `${secure.host}/acme/mkdir-suffix:0.1.0`;
  const ca = secure.ca ?? '';
  const { code, stdout, stderr } = await runCommand(
    ['sh', '-euc', `${commands}\n${cosign} ${work.at('acme.pub')} ${reference}`],
    { environment: { COSIGN_PASSWORD: 'secret', NODE_EXTRA_CA_CERTS: ca, SSL_CERT_FILE: ca } },
  );
  if (code !== 0) throw new Error(stderr);
  // of verify and list
  expect(stdout).toMatch(/^oci:\/\/.* acme\.pub$/mu);
  expect(stdout).toMatch(/ 1 .* acme\.pub$/mu);
  expect(stdout).toContain('docker-manifest-digest');
});

test('push: the digest is that of the manifest in the registry', async () => {
  const reference = `${registry.host}/acme/errno`;
  const { digest } = await jsonOf(['push', '-plain-http', shippedBundle('errno'), reference]);
  const response = await fetch(
    `http://${registry.host}/v2/acme/errno/manifests/${String(digest)}`,
    {
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    },
  );
  expect(digestOf(Buffer.from(await response.arrayBuffer()))).toBe(digest);
});

test('push: a bundle that the agent would not load is not pushed', async () => {
  using bad = new TemporaryFolder();
  const push = ['push', '-plain-http', bad.path, `${registry.host}/a/b:1`];
  writeFileSync(bad.at('bundle.json'), '{"name":"bad"}');
  expect(await tool(push)).toEqual(failed('AGENT_BUNDLE_INVALID', bad.at('bundle.json')));
  const handlers = [{ component: 'bad.wasm' }];
  const manifest = { name: 'bad', version: '0.1.0', description: 'd', handlers };
  writeFileSync(bad.at('bundle.json'), JSON.stringify(manifest));
  expect(await tool(push)).toEqual(failed('AGENT_BUNDLE_INVALID', bad.at('bad.wasm')));
  writeFileSync(bad.at('bad.wasm'), 'no component');
  expect(await tool(push)).toEqual(failed('AGENT_BUNDLE_INVALID', bad.at('bad.wasm')));
});

test('login: name and password are taken from the command line and stdin', async () => {
  await using guarded = await DockerRegistry.start({ login: 'password', tls: true });
  const push = ['push', '-ca', guarded.ca ?? '', shippedBundle('errno'), `${guarded.host}/a/b:1`];
  const refused = await tool(push);
  expect(refused).toEqual(failed('AGENT_OCI', '-username', 'docker', 'podman', 'oras'));
  expect(refused.stdout).toBe('');
  const login = ['-username', registryUser.username, '-password-stdin'];
  const { code, stderr } = await tool([...push, ...login], { input: `${registryUser.password}\n` });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('key: nothing is overwritten, and a wrong password opens nothing', async () => {
  using own = new TemporaryFolder();
  const keys = own.at('other');
  await succeed(['key', 'generate', '-o', keys]);
  const before = readFileSync(`${keys}.key`, 'utf8');
  const again = await tool(['key', 'generate', '-o', keys]);
  expect(again).toEqual(failed('AGENT_KEY', `${keys}.key`, 'EEXIST'));
  expect(again.stdout).toBe('');
  expect(readFileSync(`${keys}.key`, 'utf8')).toBe(before);
  const sign = ['sign', '-plain-http', '-key', `${keys}.key`, `${registry.host}/acme/demo:0.1.0`];
  expect(await tool(sign, { password: 'wrong' })).toEqual(failed('AGENT_KEY', `${keys}.key`));
  expect(await tool(sign)).toMatchObject({ code: 0 });
});

test('key: a password is asked for twice at a terminal, and not shown', async () => {
  using own = new TemporaryFolder();
  const keys = own.at('typed');
  const command = `env -u COSIGN_PASSWORD ${seccompagent} key generate -o ${keys}`;
  // each line once it is asked for: what is typed before is shown by the terminal itself
  const script = `
    asked() {
      until [ "$(tail -c 2 ${keys}.log)" = ': ' ] && [ "$(stat -c %s ${keys}.log)" -gt "$1" ]
      do sleep 0.1; done
    }
    (asked 0; seen=$(stat -c %s ${keys}.log); echo typed; asked "$seen"; echo typed) |
    script -qefc '${command}' ${keys}.log`;
  const { code, stdout } = await runCommand([
    'timeout',
    '20',
    'sh',
    '-c',
    `touch ${keys}.log; ${script}`,
  ]);
  expect(code).toBe(0);
  expect(stdout.match(/: \r$/gmu)).toHaveLength(2);
  expect(stdout).not.toContain('typed\r');
  await succeed(['push', '-plain-http', shippedBundle('errno'), `${registry.host}/typed/key:1`]);
  const sign = ['sign', '-plain-http', '-key', `${keys}.key`, `${registry.host}/typed/key:1`];
  expect(await tool(sign, { password: 'typed' })).toMatchObject({ code: 0 });
});

const bundle = shippedBundle('errno');

test.for([
  ['push', []],
  ['push', [bundle]],
  ['push', [bundle, 'mkdir-suffix']],
  ['push', [bundle, `h/a@sha256:${'0'.repeat(64)}`]],
  ['push', [bundle, 'h/a', '-username', 'me']],
  ['push', [bundle, 'h/a', '-timeout', 'soon']],
  ['pull', []],
  ['pull', ['h/a']],
  ['pull', ['-unsigned', 'h/a', 'more']],
  ['sign', ['h/a']],
  ['verify', ['h/a']],
  ['list', ['more']],
  ['inspect', ['oci://h/a']],
  ['key', []],
  ['key', ['lose']],
] as const)('%s %j: the message and where help is, exit code 2', async ([name, words]) => {
  const { code, stdout, stderr } = await tool([name, ...words]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(new RegExp(`^seccompagent: .+\\n.*seccompagent ${name} -help\\n$`, 'u'));
});

test.for(['push', 'pull', 'sign', 'verify', 'list', 'key'])(
  '%s -help: prints the usage',
  async (name) => {
    const { code, stdout, stderr } = await tool([name, '-help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^.*seccompagent ${name} `, 'u'));
  },
);
