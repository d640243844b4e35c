// SPDX-License-Identifier: Apache-2.0
// The API server of the tests is one to `kubectl` too, which shares no code with us.
import { expect, test } from 'vitest';

import { FakeApiServer } from '../support/fake-api-server.ts';
import { Kubectl } from '../support/kubectl.ts';
import { until } from '../support/polling.ts';

const [first, second] = [crypto.randomUUID(), crypto.randomUUID()];

test('fake API server: kubectl lists pods, of one node or of all', async () => {
  await using server = await FakeApiServer.start();
  using kubectl = new Kubectl(server);
  server.setPod({ name: 'web-1', uid: first });
  server.setPod({ name: 'web-2', node: 'node-2' });
  const names = ['get', 'pods', '-A', '-o', 'jsonpath={.items[*].metadata.name}'];
  expect((await kubectl.run(names)).stdout).toBe('web-1 web-2');
  const ofNode = await kubectl.run([...names, '--field-selector', 'spec.nodeName=node-2']);
  expect(ofNode.stdout).toBe('web-2');
  const uid = ['get', 'pod', 'web-1', '-o', 'jsonpath={.metadata.uid}'];
  expect((await kubectl.run(uid)).stdout).toBe(first);
  expect((await kubectl.run(['get', 'pod', 'nobody'])).stderr).toContain('NotFound');
});

test('fake API server: kubectl watches pods come, change and go', async () => {
  await using server = await FakeApiServer.start();
  using kubectl = new Kubectl(server);
  server.setPod({ name: 'web-1' });
  await using watching = kubectl.start('get', 'pods', '-w', '--output-watch-events');
  await watching.printed(/^ADDED +web-1 /mu);
  server.setPod({ name: 'web-2', uid: second });
  await watching.printed(/^ADDED +web-2 /mu);
  server.bookmark();
  server.setPod({ name: 'web-2', uid: second, containers: { app: 'c1' } });
  await watching.printed(/^MODIFIED +web-2 /mu);
  server.deletePod({ name: 'web-2' });
  await watching.printed(/^DELETED +web-2 /mu);
  expect(watching.stderr).toBe('');
});

test('fake API server: kubectl goes on after its resource version is gone', async () => {
  await using server = await FakeApiServer.start();
  using kubectl = new Kubectl(server);
  server.setPod({ name: 'web-1' });
  const condition = '--for=jsonpath={.metadata.annotations.is}=done';
  await using waiting = kubectl.start('wait', condition, '--timeout=20s', 'pod/web-1');
  await until('a watch', () => server.watchCount > 0 || undefined);
  server.expire();
  await until('no watch', () => server.watchCount === 0 || undefined);
  server.setPod({ name: 'web-1', annotations: { is: 'done' } });
  const { stdout, stderr } = await waiting.ended;
  expect(stdout + stderr).toContain('pod/web-1 condition met');
});

test('fake API server: kubectl is refused with an old token, and with none of its words', async () => {
  await using server = await FakeApiServer.start();
  using kubectl = new Kubectl(server);
  const list = ['get', 'pods', '--request-timeout=5s'];
  expect((await kubectl.run(list)).code).toBe(0);
  server.rotateToken();
  expect((await kubectl.run(list)).code).toBe(0);
  server.token = 'another';
  expect((await kubectl.run(list)).stderr).toContain('Unauthorized');
  server.mode = 'forbidden';
  expect((await kubectl.run(list)).stderr).toContain('Forbidden');
});

test('fake API server: kubectl applies what is there for a while, or tries to', async () => {
  await using server = await FakeApiServer.start();
  using kubectl = new Kubectl(server);
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { a: 'b' } };
  const apply = ['apply', '--validate=false', '-f', '-'];
  const tried = await kubectl.run([...apply, '--dry-run=server'], JSON.stringify(map));
  expect(tried.stdout).toContain('configmap/m created (server dry run)');
  const get = ['get', 'configmap', 'm', '-o', 'jsonpath={.data.a}'];
  expect((await kubectl.run(get)).stderr).toContain('NotFound');
  expect((await kubectl.run(apply, JSON.stringify(map))).stdout).toContain('configmap/m created');
  expect((await kubectl.run(get)).stdout).toBe('b');
});
