// SPDX-License-Identifier: Apache-2.0
// Reloads while a registry says nothing: nobody keeps what is taken away, and others do not wait for it.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { ship, shippedBundle, testKey } from '../support/bundle-shipping.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { HesitantRegistry } from '../support/hesitant-registry.ts';
import { MeddlingProxy } from '../support/meddling-proxy.ts';
import type { Meddling } from '../support/meddling-proxy.ts';
import { Operator } from '../support/operator.ts';
import { patient } from '../support/patience.ts';
import { until } from '../support/polling.ts';

const name = 'mkdir-suffix';
/** A registry has more time than that. */
const atOnceMs = 5000;
const reloadMs = 20_000;

/** With an empty store. */
const privateScript = 'mount -t tmpfs tmpfs /var/lib && exec "$@"';
const privately = ['unshare', '-m', 'sh', '-c', privateScript, 'sh'] as const;

function reference(host: string, digit: number): string {
  return `oci://${host}/a/b@sha256:${String(digit).repeat(64)}`;
}

/** @param grants of the bundle */
function write(operator: Operator, host: string, grants: object): string {
  operator.addKey('acme.pub');
  return operator.write({
    bundles: { [name]: { grants } },
    signers: [{ name: 'acme', key: operator.at('acme.pub') }],
    registries: [{ host, 'plain-http': true, signers: ['acme'] }],
  });
}

test('G3: reload: what is taken away is taken at once, whatever containers wait for', async () => {
  using operator = new Operator();
  operator.add(name, join(shippedBundles(), name));
  await using registry = await HesitantRegistry.start();
  const config = write(operator, registry.host, { filesystem: {} });
  const socket = operator.at('agent.socket');
  await using agent = await AgentProcess.start(socket, `-config=${config}`);

  const caller = (id: string, metadata: string): AskedCaller =>
    new AskedCaller({ socket, id, metadata });
  await using granted = caller('granted', `BUNDLE=${name}`);
  const missing = reference(registry.host, 1);
  await using refused = caller('refused', `BUNDLE=${missing}`);
  const shadow = reference(registry.host, 2);
  await using waiting = caller('waiting', `BUNDLE=demo-basic\\nBUNDLE_SHADOW=${shadow}`);
  const mkdir = async (asked: AskedCaller, path: string): Promise<string> =>
    (await asked.ask(`mkdir ${operator.at(path)}`)).answer;
  const before = Promise.all([mkdir(granted, 'a'), mkdir(refused, 'b'), mkdir(waiting, 'c')]);
  await until('two requests', () => registry.asked.size >= 2 || undefined);
  registry.answer();
  expect(await before).toEqual(['0', 'EPERM', '0']);

  // it says nothing from now on
  write(operator, registry.host, {});
  const began = performance.now();
  agent.signal('SIGHUP');
  await agent.logged('bundles-unresolved', { container: 'granted', code: 'AGENT_GRANT_MISSING' });
  // the line comes a moment before that
  let answer = '0';
  for (let tries = 0; answer === '0' && tries < 100; tries += 1)
    answer = await mkdir(granted, `d${tries}`);
  expect(answer).toBe('EPERM');
  expect(performance.now() - began).toBeLessThan(patient(atOnceMs));
  // also from those that come now
  await using late = caller('late', `BUNDLE=${name}`);
  expect(await mkdir(late, 'f')).toBe('EPERM');

  // and the reload does not wait for the registry as long as that may take
  await agent.logged('reloaded');
  expect(performance.now() - began).toBeLessThan(patient(reloadMs));
  expect(await mkdir(waiting, 'g')).toBe('0');
  expect(await agent.stop('SIGTERM')).toMatchObject({ code: 0 });
});

test('G3: reload: a bundle that comes too late for a reload is there as soon as it has come', async () => {
  using operator = new Operator();
  const acme = testKey('acme');
  writeFileSync(operator.at('acme.pub'), acme.key.export({ format: 'pem', type: 'spki' }));
  let meddling: Promise<Meddling> = Promise.resolve({ kind: 'pass' });
  await using registry = await DockerRegistry.start();
  await using proxy = await MeddlingProxy.start(registry.host, async () => meddling);
  const { digest } = await ship(`${proxy.host}/acme/mkdir`, {
    bundle: shippedBundle(name),
    key: acme.privateKey,
  });
  const config = operator.write({
    signers: [{ name: 'acme', key: operator.at('acme.pub'), grants: { filesystem: {} } }],
    registries: [{ host: proxy.host, 'plain-http': true, signers: ['acme'] }],
  });

  const missing = { status: 404, headers: {}, body: Buffer.alloc(0) };
  meddling = Promise.resolve({ kind: 'replace', answer: missing });
  const socket = operator.at('agent.socket');
  await using agent = await AgentProcess.startBy(privately, socket, `-config=${config}`);
  const metadata = `BUNDLE=oci://${proxy.host}/acme/mkdir@${digest}`;
  await using caller = new AskedCaller({ socket, metadata });
  expect((await caller.ask(`mkdir ${operator.at('a')}`)).answer).toBe('EPERM');

  const hold = new AbortController();
  const later = async (): Promise<Meddling> => {
    await once(hold.signal, 'abort');
    return { kind: 'pass' };
  };
  meddling = later();
  agent.signal('SIGHUP');
  await agent.logged('reloaded');
  expect((await caller.ask(`mkdir ${operator.at('b')}`)).answer).toBe('EPERM');
  hold.abort();
  await agent.logged('bundles-resolved');
  expect((await caller.ask(`mkdir ${operator.at('c')}`)).answer).toBe('0');
  expect(await agent.stop('SIGTERM')).toMatchObject({ code: 0 });
});
