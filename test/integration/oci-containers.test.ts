// SPDX-License-Identifier: Apache-2.0
// Containers that select bundles of registries: BUNDLE=oci://….
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RegistryPolicy } from '../../host/bundles/oci/open-bundle.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { ship, shippedBundle, testKey } from '../support/bundle-shipping.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { MeddlingProxy } from '../support/meddling-proxy.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const acme = testKey('acme');
/** In the JSON that the caller sends. */
const newline = String.raw`\n`;
let registry: DockerRegistry;
let folder: TemporaryFolder;
let digest: string;

beforeAll(async () => {
  registry = await DockerRegistry.start();
  folder = new TemporaryFolder();
  writeFileSync(folder.at('acme.pub'), acme.key.export({ format: 'pem', type: 'spki' }));
  const shipped = await ship(`${registry.host}/acme/mkdir`, {
    bundle: shippedBundle('mkdir-suffix'),
    key: acme.privateKey,
  });
  ({ digest } = shipped);
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function policy(store: TemporaryFolder, host: string): RegistryPolicy {
  const signers = [{ name: 'acme', keyFile: folder.at('acme.pub') }];
  return { registries: [{ host, isPlainHttp: true, signers }], store: store.path, pullMs: 20_000 };
}

function metadataFor(host: string, suffix: string): string {
  return `BUNDLE=oci://${host}/acme/mkdir@${digest}${newline}MKDIR_SUFFIX=${suffix}`;
}

/** Who waits for it passes once it is open. */
class Gate {
  open: () => void = () => undefined;
  readonly passed: Promise<void> = new Promise((resolve) => {
    this.open = resolve;
  });
}

test('containers: one waits for its bundle to be pulled, and others do not', async () => {
  using store = new TemporaryFolder();
  const gate = new Gate();
  await using proxy = await MeddlingProxy.start(registry.host, async () => {
    await gate.passed;
    return { kind: 'pass' };
  });
  await using agent = await startWatchedAgent({ registries: policy(store, proxy.host) });

  await using first = new AskedCaller({
    socket: agent.socket,
    metadata: metadataFor(proxy.host, '-first'),
    id: 'first',
  });
  await agent.untilLogged('container-waiting', { container: 'first' });
  const answer = first.ask(`mkdir ${folder.at('made')}`);
  await using other = new AskedCaller({
    socket: agent.socket,
    metadata: `BUNDLE=mkdir-suffix${newline}MKDIR_SUFFIX=-other`,
    id: 'other',
  });
  expect((await other.ask(`mkdir ${folder.at('made')}`)).answer).toBe('0');
  expect(existsSync(folder.at('made-other'))).toBe(true);
  expect(existsSync(folder.at('made-first'))).toBe(false);

  gate.open();
  expect((await answer).answer).toBe('0');
  expect(existsSync(folder.at('made-first'))).toBe(true);
});

test('containers: a pulled bundle serves the next container without the registry', async () => {
  using store = new TemporaryFolder();
  const requests: string[] = [];
  await using proxy = await MeddlingProxy.start(registry.host, (path) => {
    requests.push(path);
    return { kind: 'pass' };
  });
  const registries = policy(store, proxy.host);
  for (const suffix of ['-a', '-b']) {
    // an agent that has not read it yet
    await using agent = await startWatchedAgent({ registries });
    const metadata = metadataFor(proxy.host, suffix);
    await using caller = new AskedCaller({ socket: agent.socket, metadata });
    expect((await caller.ask(`mkdir ${folder.at('again')}`)).answer).toBe('0');
    expect(existsSync(folder.at(`again${suffix}`))).toBe(true);
    if (suffix === '-a') requests.push('the second');
  }
  expect(requests.at(-1)).toBe('the second');
});

test('containers: a bundle that cannot be had makes their calls fail, and the log says why', async () => {
  using store = new TemporaryFolder();
  await using agent = await startWatchedAgent({ registries: policy(store, registry.host) });
  const wanted = [
    [`${registry.host}/no/such`, 'AGENT_OCI', new RegExp(`/no/such: .*${digest}`, 'u')],
    ['other.example.com/acme/mkdir', 'AGENT_GRANT_MISSING', /\bother\.example\.com\b/u],
  ] as const;
  for (const [name, code, error] of wanted) {
    const metadata = `BUNDLE=oci://${name}@${digest}`;
    await using caller = new AskedCaller({ socket: agent.socket, metadata });
    expect((await caller.ask(`mkdir ${folder.at('never')}`)).answer).toBe('EPERM');
    await agent.untilLogged('bundles-unresolved', { code, error });
  }
  expect(existsSync(folder.at('never'))).toBe(false);
});

test('containers: a tag is not enough', async () => {
  using store = new TemporaryFolder();
  await using agent = await startWatchedAgent({ registries: policy(store, registry.host) });
  const metadata = `BUNDLE=oci://${registry.host}/acme/mkdir:latest`;
  await using caller = new AskedCaller({ socket: agent.socket, metadata });
  expect((await caller.ask('getpgid 0')).answer).toBe('EPERM');
  await agent.untilLogged('bundles-unresolved', {
    code: 'AGENT_REFERENCE',
    error: /\/acme\/mkdir:latest.*@sha256:/u,
  });
});

test('containers: a changed bundle in the store is not loaded', async () => {
  using store = new TemporaryFolder();
  const dies = { now: false };
  await using proxy = await MeddlingProxy.start(registry.host, () => ({
    kind: dies.now ? 'drop' : 'pass',
  }));
  const registries = policy(store, proxy.host);
  const metadata = metadataFor(proxy.host, '-stored');
  {
    await using agent = await startWatchedAgent({ registries });
    await using caller = new AskedCaller({ socket: agent.socket, metadata });
    expect((await caller.ask(`mkdir ${folder.at('in')}`)).answer).toBe('0');
    dies.now = true;
    const component = join(store.path, digest.replace(':', '-'), 'mkdir-suffix.wasm');
    writeFileSync(component, 'changed');
    // what it has loaded is what it was
    await using next = new AskedCaller({ socket: agent.socket, metadata });
    expect((await next.ask(`mkdir ${folder.at('loaded')}`)).answer).toBe('0');
  }
  await using agent = await startWatchedAgent({ registries });
  await using caller = new AskedCaller({ socket: agent.socket, metadata });
  expect((await caller.ask(`mkdir ${folder.at('out')}`)).answer).toBe('EPERM');
  await agent.untilLogged('bundles-unresolved', {
    code: 'AGENT_STORE',
    error: new RegExp(`/mkdir-suffix\\.wasm\\b.*http://${proxy.host}/`, 'u'),
  });
});

test('containers: an agent that is ended does not wait for a pull', async () => {
  using store = new TemporaryFolder();
  const gate = new Gate();
  await using proxy = await MeddlingProxy.start(registry.host, async () => {
    await gate.passed;
    return { kind: 'pass' };
  });
  await using agent = await startWatchedAgent({ registries: policy(store, proxy.host) });
  await using caller = new AskedCaller({
    socket: agent.socket,
    metadata: metadataFor(proxy.host, '-never'),
  });
  await agent.untilLogged('container-waiting');
  const answer = caller.ask('getpgid 0');
  expect(await agent.stop()).toMatchObject({ code: 0 });
  // as for every container whose agent is gone
  expect((await answer).answer).toBe('ENOSYS');
  gate.open();
});
