// SPDX-License-Identifier: Apache-2.0
// Bundles of registries as the operator's configuration allows them, with the commands as users start
// them.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { ship, shippedBundle, testKey } from '../support/bundle-shipping.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { failed } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const acme = testKey('acme');
const other = testKey('other');
const grants = { filesystem: { operations: ['mkdir'] } };
/** Not the entry that would grant it. */
const requested = /\bfilesystem\b(?!:)/u;
let registry: DockerRegistry;
let folder: TemporaryFolder;
let reference: string;

beforeAll(async () => {
  registry = await DockerRegistry.start({ tls: true });
  folder = new TemporaryFolder();
  for (const { name, key } of [acme, other]) {
    writeFileSync(folder.at(`${name}.pub`), key.export({ format: 'pem', type: 'spki' }));
  }
  const { digest } = await ship(`${registry.host}/acme/mkdir`, {
    bundle: shippedBundle('mkdir-suffix'),
    key: acme.privateKey,
    plainHttp: false,
    ca: readFileSync(registry.ca ?? '', 'utf8'),
  });
  reference = `oci://${registry.host}/acme/mkdir@${digest}`;
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Allowing {
  readonly signers?: readonly string[];
  readonly bundles?: object;
  /** Of `acme`. */
  readonly signerGrants?: object;
  readonly host?: string;
  readonly ca?: string | undefined;
}

/** A configuration for the registry. @returns its file */
function configFor({
  signers = ['acme'],
  bundles = {},
  signerGrants,
  host = registry.host,
  ca = registry.ca,
}: Allowing): string {
  const config = {
    bundles,
    signers: [
      { name: 'acme', key: folder.at('acme.pub'), ...(signerGrants && { grants: signerGrants }) },
      { name: 'other', key: folder.at('other.pub') },
    ],
    registries: [{ host, ca, signers }],
  };
  const file = folder.at('config.yaml');
  // YAML is JSON as well
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const privateScript = 'mount -t tmpfs tmpfs /var/lib && exec "$@"';
const privately = ['unshare', '-m', 'sh', '-c', privateScript, 'sh'] as const;

/** Runs the command where it has a /var/lib of its own, so that the store is empty. */
async function inPrivate(words: readonly string[]): Promise<CommandResult> {
  return runCommand([...privately, seccompagent, ...words]);
}

async function mkdirUnder(allowing: Allowing, name: string): Promise<CommandResult> {
  const config = configFor(allowing);
  const command = ['--', 'mkdir', folder.at(name)];
  return inPrivate(['run', '-config', config, '-bundle', reference, ...command]);
}

test.for([
  ['to its signer', { signerGrants: grants }],
  ['to its name for its signer', { bundles: { 'mkdir-suffix': { grants, signers: ['acme'] } } }],
  [
    'to both, where only one is enough',
    {
      signerGrants: { mounts: {} },
      bundles: { 'mkdir-suffix': { grants, signers: ['other', 'acme'] } },
    },
  ],
] as const)('oci bundles: it works if it is allowed what it needs, %s', async ([, allowing]) => {
  const name = `made-${Object.keys(allowing).join('-')}`;
  expect(await mkdirUnder(allowing, name)).toMatchObject({ code: 0, stderr: '' });
  expect(existsSync(folder.at(`${name}-suffix`))).toBe(true);
});

test.for([
  ['it is granted nothing', {}, failed('AGENT_GRANT_MISSING', requested)],
  [
    'it is granted something else',
    { signerGrants: { mounts: {} } },
    failed('AGENT_GRANT_MISSING', requested, 'mounts'),
  ],
  [
    'only its name is granted that',
    { bundles: { 'mkdir-suffix': { grants } } },
    failed('AGENT_GRANT_MISSING', requested),
  ],
  [
    'its name is granted that for others',
    { bundles: { 'mkdir-suffix': { grants, signers: ['other'] } } },
    failed('AGENT_GRANT_MISSING', requested),
  ],
  [
    'its name and its signer are granted different things',
    {
      signerGrants: { filesystem: { operations: ['mkdir', 'open'] } },
      bundles: { 'mkdir-suffix': { grants, signers: ['acme'] } },
    },
    failed('AGENT_GRANT_MISSING', '"filesystem"', 'mkdir-suffix', 'acme'),
  ],
  [
    'its operations are not allowed',
    { signerGrants: { filesystem: { operations: ['open'] } } },
    failed('AGENT_GRANT_MISSING', 'filesystem.operations', /\bmkdir\b/u, /\bopen\b/u),
  ],
  [
    'its signer is none of the registry',
    { signers: ['other'], signerGrants: grants },
    failed('AGENT_SIGNATURE', 'other'),
  ],
  [
    'its registry is not allowed',
    { host: 'other.example.com' },
    failed('AGENT_GRANT_MISSING', 'other.example.com'),
  ],
] as const)('oci bundles: it is refused if %s', async ([name, allowing, failure]) => {
  const result = await mkdirUnder(allowing, name);
  expect(result).toEqual(failure);
  expect(result.stderr).toMatch(/^seccompagent: .+\n$/u);
  expect(existsSync(folder.at(`${name}-suffix`))).toBe(false);
});

test('oci bundles: metadata selects them as well', async () => {
  const config = configFor({ signerGrants: grants });
  const metadata = `BUNDLE=${reference}\nMKDIR_SUFFIX=-chosen`;
  const words = ['run', '-config', config, '-metadata', metadata];
  const { code } = await inPrivate([...words, '--', 'mkdir', folder.at('by-metadata')]);
  expect(code).toBe(0);
  expect(existsSync(folder.at('by-metadata-chosen'))).toBe(true);
});

/** An agent with a store of its own, and a container that has a bundle of it. */
async function withStore(
  stack: AsyncDisposableStack,
  {
    name,
    config,
    bundle,
  }: { readonly name: string; readonly config: string; readonly bundle: string },
): Promise<{ agent: AgentProcess; caller: AskedCaller; store: string }> {
  const socket = folder.at(`${name}.socket`);
  const store = folder.at(`${name}-lib`);
  mkdirSync(store);
  const script = `mount --bind ${store} /var/lib && exec "$@"`;
  const wrapper = ['unshare', '-m', 'sh', '-c', script, 'sh'];
  const agent = stack.use(await AgentProcess.startBy(wrapper, socket, '-config', config));
  const caller = stack.use(new AskedCaller({ socket, metadata: `BUNDLE=${bundle}` }));
  expect((await caller.ask(`mkdir ${folder.at(name)}`)).answer).toBe('0');
  return { agent, caller, store: join(store, 'seccompagent/bundles') };
}

function changeStored(store: string): void {
  for (const name of readdirSync(store)) {
    writeFileSync(join(store, name, 'mkdir-suffix.wasm'), 'changed');
  }
}

async function reload(agent: AgentProcess): Promise<void> {
  agent.signal('SIGHUP');
  await agent.logged('reloaded', { containers: 1 });
}

async function stop(agent: AgentProcess): Promise<void> {
  expect(await agent.stop('SIGTERM')).toMatchObject({ code: 0 });
}

test('G3: oci bundles: if the key cannot be read, nobody can tell who has signed, and running containers lose it', async () => {
  await using stack = new AsyncDisposableStack();
  const config = configFor({ signerGrants: grants });
  const { agent, caller } = await withStore(stack, { name: 'keyless', config, bundle: reference });

  writeFileSync(config, readFileSync(config, 'utf8').replace('acme.pub', 'no-such.pub'));
  await reload(agent);

  expect((await caller.ask(`mkdir ${folder.at('keyless-lost')}`)).answer).toBe('EPERM');
  await agent.logged('bundles-unresolved', {
    code: 'AGENT_KEY',
    error: /no-such\.pub\b.*\bENOENT\b/u,
  });
  await stop(agent);
});

test('G3: oci bundles: if the store was changed, what it had is pulled anew', async () => {
  await using stack = new AsyncDisposableStack();
  const config = configFor({ signerGrants: grants });
  const { agent, caller, store } = await withStore(stack, {
    name: 'healed',
    config,
    bundle: reference,
  });

  changeStored(store);
  await reload(agent);

  expect((await caller.ask(`mkdir ${folder.at('healed-again')}`)).answer).toBe('0');
  const [name = ''] = readdirSync(store);
  expect(readFileSync(join(store, name, 'mkdir-suffix.wasm')).length).toBeGreaterThan(100);
  await stop(agent);
});

test('G3: oci bundles: if the store was changed and the registry is gone, running containers lose it', async () => {
  await using stack = new AsyncDisposableStack();
  const own = await DockerRegistry.start({ tls: true });
  stack.defer(async () => own[Symbol.asyncDispose]());
  const { digest } = await ship(`${own.host}/acme/mkdir`, {
    bundle: shippedBundle('mkdir-suffix'),
    key: acme.privateKey,
    plainHttp: false,
    ca: readFileSync(own.ca ?? '', 'utf8'),
  });
  const { agent, caller, store } = await withStore(stack, {
    name: 'broken',
    config: configFor({ signerGrants: grants, host: own.host, ca: own.ca }),
    bundle: `oci://${own.host}/acme/mkdir@${digest}`,
  });

  changeStored(store);
  await own[Symbol.asyncDispose]();
  await reload(agent);

  expect((await caller.ask(`mkdir ${folder.at('broken-lost')}`)).answer).toBe('EPERM');
  await agent.logged('bundles-unresolved', {
    code: 'AGENT_STORE',
    error: /\/mkdir-suffix\.wasm\b/u,
  });
  await stop(agent);
});

test('oci bundles: a signer who is not trusted any more is so for running containers as well', async () => {
  const config = configFor({ signerGrants: grants });
  const socket = folder.at('agent.socket');
  await using agent = await AgentProcess.startBy(privately, socket, '-config', config);
  await using caller = new AskedCaller({ socket, metadata: `BUNDLE=${reference}` });
  expect((await caller.ask(`mkdir ${folder.at('trusted')}`)).answer).toBe('0');
  expect(existsSync(folder.at('trusted-suffix'))).toBe(true);

  configFor({ signerGrants: grants, signers: ['other'] });
  await reload(agent);

  expect((await caller.ask(`mkdir ${folder.at('distrusted')}`)).answer).toBe('EPERM');
  await agent.logged('bundles-unresolved', { code: 'AGENT_STORE', error: /\(other\b/u });
  await stop(agent);
});

test('pull, verify: the registry settings of the configuration are enough', async () => {
  const config = configFor({});
  const words = ['-config', config, '-json', reference];
  const pulled = await inPrivate(['pull', ...words]);
  expect(pulled).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(pulled.stdout)).toMatchObject({ name: 'mkdir-suffix', signers: ['acme'] });
  const verified = await inPrivate(['verify', ...words]);
  expect(JSON.parse(verified.stdout)).toMatchObject({ signers: ['acme'] });

  configFor({ signers: ['other'] });
  const refused = await inPrivate(['verify', ...words]);
  expect(refused).toEqual(failed('AGENT_SIGNATURE', 'other'));
  expect(refused.stdout).toBe('');
});
