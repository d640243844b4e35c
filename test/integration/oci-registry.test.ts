// SPDX-License-Identifier: Apache-2.0
// Bundles in a real registry, and what the tools of others make of them: oras and cosign.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { bundleFile } from '../../host/bundles/bundle-folder.ts';
import { findCredentials } from '../../host/bundles/oci/credentials.ts';
import type { Credentials } from '../../host/bundles/oci/credentials.ts';
import { readPrivateKey, readPublicKey } from '../../host/bundles/oci/signing-key.ts';
import {
  openRegistry,
  pullInto,
  ship,
  shippedBundle,
  snapshotOf,
  testKey,
} from '../support/bundle-shipping.ts';
import { runCommand } from '../support/command.ts';
import { DockerRegistry, registryUser } from '../support/docker-registry.ts';
import { failure, naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { TokenServer } from '../support/token-server.ts';

const password = 'key-4711';
let registry: DockerRegistry;
let keys: TemporaryFolder;

beforeAll(async () => {
  registry = await DockerRegistry.start();
  keys = new TemporaryFolder();
  await cosign(['generate-key-pair', '--output-key-prefix', keys.at('ann')]);
  await cosign(['generate-key-pair', '--output-key-prefix', keys.at('bob')]);
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  keys[Symbol.dispose]();
});

/** Runs a stranger's tool. @throws Error unless it succeeds */
async function run(command: readonly [string, ...string[]], input?: string): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, {
    environment: { COSIGN_PASSWORD: password, COSIGN_EXPERIMENTAL: '1', HOME: keys.path },
    ...(input === undefined ? {} : { input }),
  });
  if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  return stdout;
}

async function cosign(words: readonly string[]): Promise<string> {
  return run(['cosign', ...words]);
}

async function cosignSign(reference: string, more: readonly string[]): Promise<void> {
  await cosign([
    'sign',
    '--yes',
    '--tlog-upload=false',
    '--key',
    keys.at('ann.key'),
    ...more,
    reference,
  ]);
}

async function cosignVerify(key: string, reference: string): Promise<string> {
  return cosign(['verify', '--insecure-ignore-tlog', '--key', key, reference]);
}

function signer(name: string): { name: string; key: ReturnType<typeof readPublicKey> } {
  return { name, key: readPublicKey(keys.at(`${name}.pub`)) };
}

const sameFiles = (folder: string, files: ReadonlyMap<string, Buffer>): void => {
  for (const [name, bytes] of files) expect(readFileSync(join(folder, name))).toEqual(bytes);
};

test('push and pull: the pulled bundle is the pushed one, under the same digest', async () => {
  using store = new TemporaryFolder();
  const reference = `${registry.host}/round/trip:1`;
  const artifact = await ship(reference);
  const { bundle } = await pullInto(store.path, reference);
  expect(bundle.digest).toBe(artifact.digest);
  expect(bundle.references).toEqual([reference]);
  const names = ['errno.wasm', 'mkdir-suffix.wasm', 'mount.wasm'];
  expect(readdirSync(bundle.folder).toSorted()).toEqual(
    [...names, bundleFile, 'manifest.json', 'origin.json', 'room.json'].toSorted(),
  );
  expect(bundle.text).toBe(readFileSync(join(bundle.folder, bundleFile), 'utf8'));
  const shipped = shippedBundle('demo-basic');
  sameFiles(bundle.folder, new Map(names.map((name) => [name, readFileSync(join(shipped, name))])));
  const byDigest = await pullInto(store.path, `${registry.host}/round/trip@${artifact.digest}`);
  expect(byDigest.bundle.folder).toBe(bundle.folder);
});

test('push: without a tag it is there by its digest; and pushing again sends no contents', async () => {
  using store = new TemporaryFolder();
  const artifact = await ship(`${registry.host}/no/tag`);
  const { digest } = await ship(`${registry.host}/no/tag`);
  expect(digest).toBe(artifact.digest);
  const pulled = await pullInto(store.path, `${registry.host}/no/tag@${digest}`);
  expect(pulled.bundle.digest).toBe(digest);
});

test('pull: a missing bundle is named', async () => {
  using store = new TemporaryFolder();
  await expect(pullInto(store.path, `${registry.host}/no/such:missing`)).rejects.toThrow(
    failure('AGENT_OCI', `${registry.host}/no/such`, 'missing'),
  );
});

test('oras: it pulls what was pushed, a folder that is the bundle', async () => {
  using folder = new TemporaryFolder();
  const reference = `${registry.host}/for/oras:1`;
  const artifact = await ship(reference);
  await run(['oras', 'pull', '--plain-http', '-o', folder.path, reference]);
  const files = new Map(
    artifact.blobs.flatMap(({ descriptor, bytes }) =>
      Object.values(descriptor.annotations ?? {}).map(
        (name) => [name, Buffer.from(bytes)] as const,
      ),
    ),
  );
  expect(files.size).toBe(4);
  sameFiles(folder.path, files);
});

test('oras: a bundle that it pushed is pulled', async () => {
  using store = new TemporaryFolder();
  using folder = new TemporaryFolder();
  const { blobs } = await ship(`${registry.host}/source/of:oras`, {
    bundle: shippedBundle('errno'),
  });
  for (const { descriptor, bytes } of blobs) {
    const [name] = Object.values(descriptor.annotations ?? {});
    if (name !== undefined) writeFileSync(folder.at(name), bytes);
  }
  const reference = `${registry.host}/from/oras:1`;
  const { code, stderr } = await runCommand(
    [
      'oras',
      'push',
      '--plain-http',
      '--artifact-type=application/vnd.seccompagent.bundle.v1',
      reference,
      'bundle.json:application/vnd.seccompagent.bundle.manifest.v1+json',
      'errno.wasm:application/vnd.seccompagent.component.v1+wasm',
    ],
    { cwd: folder.path },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { bundle } = await pullInto(store.path, reference);
  expect(bundle.outline.name).toBe('errno');
  sameFiles(folder.path, new Map([[bundleFile, Buffer.from(bundle.text)]]));
  const component = 'errno.wasm';
  sameFiles(folder.path, new Map([[component, readFileSync(join(bundle.folder, component))]]));
});

test('pull: an artifact of another kind is refused', async () => {
  using store = new TemporaryFolder();
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('a.txt'), 'text');
  const reference = `${registry.host}/other/kind:1`;
  await runCommand(['oras', 'push', '--plain-http', reference, 'a.txt'], { cwd: folder.path });
  await expect(pullInto(store.path, reference)).rejects.toThrow(
    failure('AGENT_BUNDLE_INVALID', 'application/vnd.unknown.artifact.v1'),
  );
  expect(snapshotOf(store.path)).toEqual([]);
});

/** How many signatures there are, and no part of an address. */
const one = /(?<![\w.:])1(?!\w|\.\d)/u;

/** The forms in which cosign can sign. */
const signs = {
  tag: async (reference: string) => cosignSign(reference, []),
  referrers: async (reference: string) =>
    cosignSign(reference, ['--registry-referrers-mode=oci-1-1']),
  'sigstore bundle': async (reference: string) =>
    attest(reference, 'https://sigstore.dev/cosign/sign/v1'),
} as const;

test.for(['tag', 'referrers', 'sigstore bundle'] as const)(
  'cosign: what it signed in the form "%s" is verified',
  async (form) => {
    using store = new TemporaryFolder();
    const repository = `${registry.host}/cosign/${form.replace(' ', '-')}`;
    const { digest } = await ship(repository);
    const reference = `${repository}@${digest}`;
    await expect(pullInto(store.path, reference, { signers: [signer('ann')] })).rejects.toThrow(
      failure('AGENT_SIGNATURE', reference, 'ann'),
    );
    await signs[form](reference);
    const pulled = await pullInto(store.path, reference, {
      signers: [signer('ann'), signer('bob')],
    });
    expect(pulled.signers).toEqual(['ann']);
    await expect(pullInto(store.path, reference, { signers: [signer('bob')] })).rejects.toThrow(
      failure('AGENT_SIGNATURE', reference, one, 'bob'),
    );
  },
);

/** The form in which newer versions of cosign sign as well. */
async function attest(reference: string, predicateType: string): Promise<void> {
  writeFileSync(keys.at('predicate.json'), '{}');
  const words = ['attest', '--new-bundle-format', '--yes', '--tlog-upload=false'];
  const what = ['--type', predicateType, '--predicate', keys.at('predicate.json')];
  await cosign([...words, '--key', keys.at('ann.key'), ...what, reference]);
}

test('cosign: a statement of another kind is no signature', async () => {
  using store = new TemporaryFolder();
  const repository = `${registry.host}/cosign/statement`;
  const { digest } = await ship(repository);
  await attest(`${repository}@${digest}`, 'https://example.com/has-bugs');
  await expect(
    pullInto(store.path, `${repository}@${digest}`, { signers: [signer('ann')] }),
  ).rejects.toThrow(failure('AGENT_SIGNATURE', 'ann', 'https://example.com/has-bugs'));
});

test('cosign: it verifies what was signed with its key, and with two', async () => {
  using store = new TemporaryFolder();
  const reference = `${registry.host}/signed/twice:1`;
  for (const name of ['ann', 'bob', 'ann']) {
    const key = await readPrivateKey(keys.at(`${name}.key`), async () => Promise.resolve(password));
    await ship(reference, { key });
  }
  for (const name of ['ann', 'bob']) {
    const [verified] = JSON.parse(await cosignVerify(keys.at(`${name}.pub`), reference));
    expect(verified).toMatchObject({
      critical: { identity: { 'docker-reference': `${registry.host}/signed/twice` } },
    });
  }
  const { bundle, signers } = await pullInto(store.path, reference, {
    signers: [signer('ann'), signer('bob')],
  });
  expect(signers).toEqual(['ann', 'bob']);
  // the second time of `ann` added nothing
  expect(bundle.signatures).toHaveLength(2);
});

test.for(['rsa', 'ed25519', 'ec'] as const)(
  'cosign: it verifies what a key of openssl signed: %s',
  async (kind) => {
    using folder = new TemporaryFolder();
    const pem = { format: 'pem' } as const;
    if (kind === 'ec') {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      writeFileSync(folder.at('k'), privateKey.export({ ...pem, type: 'sec1' }));
      writeFileSync(folder.at('p'), publicKey.export({ ...pem, type: 'spki' }));
    } else {
      const { privateKey, publicKey } =
        kind === 'rsa'
          ? generateKeyPairSync('rsa', { modulusLength: 2048 })
          : generateKeyPairSync('ed25519');
      writeFileSync(folder.at('k'), privateKey.export({ ...pem, type: 'pkcs8' }));
      writeFileSync(folder.at('p'), publicKey.export({ ...pem, type: 'spki' }));
    }
    const reference = `${registry.host}/signed/${kind}:1`;
    await ship(reference, {
      key: await readPrivateKey(folder.at('k'), async () => Promise.resolve('')),
    });
    await expect(cosignVerify(folder.at('p'), reference)).resolves.toContain(
      'docker-manifest-digest',
    );
  },
);

function signatureTag(digest: string): string {
  return `${digest.replace(':', '-')}.sig`;
}

test('signatures: one of another bundle does not count', async () => {
  using store = new TemporaryFolder();
  const key = testKey('k');
  const repository = `${registry.host}/replayed/signature`;
  const good = await ship(`${repository}:good`, { key: key.privateKey });
  const evil = await ship(`${repository}:evil`, { bundle: shippedBundle('errno') });
  // whoever may write to the repository may copy a signature
  await run([
    'oras',
    'cp',
    '--from-plain-http',
    '--to-plain-http',
    `${repository}:${signatureTag(good.digest)}`,
    `${repository}:${signatureTag(evil.digest)}`,
  ]);
  await expect(pullInto(store.path, `${repository}:evil`, { signers: [key] })).rejects.toThrow(
    failure('AGENT_SIGNATURE', evil.digest, good.digest),
  );
  expect(snapshotOf(store.path)).toEqual([]);
});

test('a bundle that is signed later: the next pull brings the signature', async () => {
  using store = new TemporaryFolder();
  const key = testKey('k');
  const reference = `${registry.host}/signed/later:1`;
  await ship(reference);
  expect((await pullInto(store.path, reference)).bundle.signatures).toEqual([]);
  await ship(reference, { key: key.privateKey });
  const { signers } = await pullInto(store.path, reference, { signers: [key] });
  expect(signers).toEqual(['k']);
});

function loginWith(secret: string): () => Promise<Credentials> {
  return async () =>
    Promise.resolve({ kind: 'password', username: registryUser.username, password: secret });
}

test('login: a password is sent when it is asked for, and a wrong one is refused', async () => {
  await using guarded = await DockerRegistry.start({ login: 'password' });
  using store = new TemporaryFolder();
  const reference = `${guarded.host}/guarded/bundle:1`;
  await expect(ship(reference)).rejects.toMatchObject({
    code: 'AGENT_OCI',
    message: naming(guarded.host),
    cause: failure('AGENT_OCI', '-username'),
  });
  await expect(ship(reference, { credentials: loginWith('wrong') })).rejects.toThrow(
    // in the words of the registry
    failure('AGENT_OCI', guarded.host, 'authentication required'),
  );
  await ship(reference, { credentials: loginWith(registryUser.password) });
  const pulled = await pullInto(store.path, reference, {
    credentials: loginWith(registryUser.password),
  });
  expect(pulled.bundle.outline.name).toBe('demo-basic');
});

test('login: credentials kept by oras are used', async () => {
  await using guarded = await DockerRegistry.start({ login: 'password' });
  using folder = new TemporaryFolder();
  const file = folder.at('config.json');
  await run(
    [
      'oras',
      'login',
      '--plain-http',
      '--registry-config',
      file,
      '-u',
      registryUser.username,
      '--password-stdin',
      guarded.host,
    ],
    registryUser.password,
  );
  const credentials = async (): ReturnType<typeof findCredentials> =>
    findCredentials(guarded.host, { REGISTRY_AUTH_FILE: file });
  const { outline } = await ship(`${guarded.host}/kept/login:1`, { credentials });
  expect(outline.name).toBe('demo-basic');
});

test('login: tokens are fetched for the repository, and for pushing only when it is pushed to', async () => {
  await using tokens = await TokenServer.start(registryUser);
  await using guarded = await DockerRegistry.start({ login: tokens.authority });
  using store = new TemporaryFolder();
  const reference = `${guarded.host}/with/tokens:1`;
  const credentials = loginWith(registryUser.password);
  await ship(reference, { credentials });
  const pushed = tokens.scopes.splice(0);
  expect(pushed[0]).toBe('repository:with/tokens:pull');
  // the registry names them in any order
  expect(pushed).toContainEqual(expect.stringMatching(/:(?:pull,push|push,pull)$/u));
  await pullInto(store.path, reference, { credentials });
  expect(tokens.scopes).toEqual(['repository:with/tokens:pull']);
  const wrong = loginWith('wrong');
  await expect(pullInto(store.path, reference, { credentials: wrong })).rejects.toMatchObject({
    code: 'AGENT_OCI',
    cause: failure('AGENT_OCI', tokens.authority.realm),
  });
});

test('login: an identity token is exchanged for tokens', async () => {
  await using tokens = await TokenServer.start(registryUser);
  await using guarded = await DockerRegistry.start({ login: tokens.authority });
  const credentials = async (): Promise<Credentials> =>
    Promise.resolve({ kind: 'identity-token', token: tokens.identityToken });
  await ship(`${guarded.host}/with/identity:1`, { credentials });
  expect(tokens.scopes).toContainEqual(expect.stringMatching(/:(?:pull,push|push,pull)$/u));
});

test('TLS: a certificate is trusted if its authority is named', async () => {
  await using secure = await DockerRegistry.start({ tls: true });
  using store = new TemporaryFolder();
  const reference = `${secure.host}/over/tls:1`;
  const ca = readFileSync(secure.ca ?? '', 'utf8');
  await ship(reference, { plainHttp: false, ca });
  const { bundle } = await pullInto(store.path, reference, { plainHttp: false, ca });
  expect(bundle.outline.name).toBe('demo-basic');
  await expect(pullInto(store.path, reference, { plainHttp: false })).rejects.toThrow(
    failure('AGENT_OCI', `https://${secure.host}/`, '-ca'),
  );
  await expect(
    pullInto(store.path, `${registry.host}/round/trip:1`, { plainHttp: false }),
  ).rejects.toThrow(failure('AGENT_OCI', `https://${registry.host}/`, 'HTTP'));
});

test('a registry that is not there is said to be', async () => {
  await using client = openRegistry('127.0.0.1:1/a/b');
  await expect(client.manifest('1')).rejects.toMatchObject({
    code: 'AGENT_OCI',
    cause: { message: expect.stringContaining('ECONNREFUSED') },
  });
});
