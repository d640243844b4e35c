// SPDX-License-Identifier: Apache-2.0
// Tests the agent's knowledge of pods, with API servers that work, and with those that do not.
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { Kubernetes } from '../../host/kubernetes/kubernetes.ts';
import type { KubernetesParts, PodContainer } from '../../host/kubernetes/kubernetes.ts';
import { maxPods } from '../../host/kubernetes/known-pods.ts';
import { defaultTimings } from '../../host/kubernetes/pod-watch.ts';
import type { ContainerNote } from '../../host/registry/container-note.ts';
import { failure, naming } from '../support/failures.ts';
import { FakeApiServer, fakeNode, podObject } from '../support/fake-api-server.ts';
import type { ApiServerMode } from '../support/fake-api-server.ts';
import { Kubectl } from '../support/kubectl.ts';
import { KeptLog } from '../support/kept-log.ts';
import { patient } from '../support/patience.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Quicker than those of the agent, for failures that come one after the other. */
const timings = {
  backOff: { firstMs: 20, maxMs: 100 },
  answerMs: 2000,
  steadyMs: 100,
} as const;
const down = 'kubernetes-unavailable';
const back = 'kubernetes-available';
const synced = 'pods-watched';

interface Watched extends Disposable {
  readonly kubernetes: Kubernetes;
  readonly log: KeptLog;
}

async function watching(
  server: FakeApiServer,
  more: Partial<KubernetesParts> = {},
): Promise<Watched> {
  const log = new KeptLog();
  const kubernetes = await Kubernetes.start({
    environment: server.podEnvironment,
    serviceAccount: server.serviceAccount,
    log: log.log,
    ...more,
    timings: { ...timings, ...more.timings },
  });
  return { kubernetes, log, [Symbol.dispose]: () => kubernetes[Symbol.dispose]() };
}

/** One that is in no pod's cgroup. */
function container(
  containerId: string,
  annotations: Readonly<Record<string, string>> = {},
): PodContainer {
  const state = { containerId, annotations: new Map(Object.entries(annotations)) };
  return { state, firstPid: undefined };
}

function refusal(message: string): ContainerNote {
  return { reason: 'Refused', message };
}

async function untilSynced({ kubernetes }: Watched): Promise<void> {
  await until('the pods', () => kubernetes.isSynced || undefined);
}

async function untilNamed({ kubernetes }: Watched, id: string, pod: string): Promise<void> {
  await until(`${id} to be in ${pod}`, () =>
    kubernetes.workloadOf(container(id)).pod === pod ? true : undefined,
  );
}

async function untilFailing({ kubernetes }: Watched): Promise<string> {
  return until('a failure', () => kubernetes.status().failure);
}

/** Codes of the failures so far. */
function failuresIn({ log }: Watched): readonly unknown[] {
  return log.records.filter(({ event }) => event === down).map(({ code }) => code);
}

test('G7: Kubernetes API: pods are listed once and watched, whoever asks for containers', async () => {
  await using server = await FakeApiServer.start();
  server.setPod({ namespace: 'web', name: 'front', uid: 'u1', containers: { app: 'c1' } });
  using watched = await watching(server);
  await untilSynced(watched);
  expect(watched.kubernetes.workloadOf(container('c1'))).toEqual({
    namespace: 'web',
    pod: 'front',
    podUid: 'u1',
    container: 'app',
  });
  await until('a watch', () => server.watchCount === 1 || undefined);
  server.setPod({ name: 'back', uid: 'u2' });
  server.setPod({ name: 'back', uid: 'u2', containers: { db: 'c2' } });
  await untilNamed(watched, 'c2', 'back');
  server.deletePod({ namespace: 'web', name: 'front' });
  await until('the pod to be gone', () => watched.kubernetes.status().pods === 1 || undefined);
  expect(watched.kubernetes.workloadOf(container('c1'))).toEqual({});
  for (let index = 0; index < 100; index += 1)
    watched.kubernetes.workloadOf(container(`x${index}`));
  expect(server.count('list', 'pods')).toBe(1);
  expect(server.count('watch', 'pods')).toBe(1);
  const [list, watch] = server.requests;
  const selector = `spec.nodeName=${fakeNode},status.phase!=Succeeded,status.phase!=Failed`;
  expect(list?.query.get('fieldSelector')).toBe(selector);
  expect(list?.query.get('resourceVersion')).toBe('0');
  expect(watch?.query.get('fieldSelector')).toBe(selector);
  expect(watch?.query.get('allowWatchBookmarks')).toBe('true');
});

test('Kubernetes API: names of runtimes come before it', async () => {
  await using server = await FakeApiServer.start();
  server.setPod({ name: 'front', uid: 'u1', containers: { app: 'c1' } });
  using watched = await watching(server);
  await untilSynced(watched);
  const { kubernetes } = watched;
  const said = {
    'io.kubernetes.cri.sandbox-namespace': 'default',
    'io.kubernetes.cri.sandbox-name': 'front',
    'io.kubernetes.cri.sandbox-uid': 'u1',
  };
  expect(kubernetes.workloadOf(container('c1', said))).toMatchObject({ container: 'app' });
  const whole = { ...said, 'io.kubernetes.cri.container-name': 'other' };
  expect(kubernetes.workloadOf(container('c1', whole))).toMatchObject({ container: 'other' });
  const sandbox = { ...said, 'io.kubernetes.cri.container-type': 'sandbox' };
  expect(kubernetes.workloadOf(container('c1', sandbox))).not.toHaveProperty('container');
  // another pod than the one it is in is not its own
  const elsewhere = { ...said, 'io.kubernetes.cri.sandbox-name': 'another' };
  expect(kubernetes.workloadOf(container('c1', elsewhere))).not.toHaveProperty('container');
});

test('G7: Kubernetes API: processes and pods named by users other than root are not looked up', async () => {
  await using server = await FakeApiServer.start();
  server.setPod({ name: 'front', uid: 'u1', containers: { app: 'c1' } });
  using watched = await watching(server);
  await untilSynced(watched);
  const { kubernetes } = watched;
  expect(kubernetes.workloadOf(container('c1'))).toHaveProperty('pod');
  const others = { ...container('c1'), peerUid: 1000 };
  expect(kubernetes.workloadOf(others)).toEqual({});
  expect(kubernetes.prepare(others)).toBeUndefined();
  const claim = container('c1', {
    'io.kubernetes.cri.sandbox-namespace': 'default',
    'io.kubernetes.cri.sandbox-name': 'front',
    'io.kubernetes.cri.sandbox-uid': 'u1',
  });
  kubernetes.note({ ...claim, peerUid: 1000 }, refusal('by a user'));
  kubernetes.note(claim, refusal('by root'));
  await until('an event', () => server.events.length > 0 || undefined);
  expect(server.events.map(({ message }) => message)).toEqual(['by root']);
});

test('Kubernetes API: a watch goes on from the last bookmark, without a list', async () => {
  await using server = await FakeApiServer.start();
  server.setPod({ name: 'front', uid: 'u1' });
  using watched = await watching(server);
  await until('a watch', () => server.watchCount === 1 || undefined);
  for (let index = 0; index < 10; index += 1) server.bookmark();
  const version = server.objects.version;
  // what was before the bookmark is forgotten, which is nothing to who has heard it
  server.objects.compact();
  await until('it to be steady', () => watched.log.shown.includes(synced) || undefined);
  server.endWatches();
  await until('another watch', () => server.count('watch', 'pods') === 2 || undefined);
  expect(server.requests.at(-1)?.query.get('resourceVersion')).toBe(String(version));
  server.setPod({ name: 'later', uid: 'u2', containers: { app: 'c2' } });
  await untilNamed(watched, 'c2', 'later');
  expect(server.count('list', 'pods')).toBe(1);
  expect(watched.log.shown).toEqual([synced]);
});

test('G7: Kubernetes API: after 410 Gone all pods are read again, from what is newest', async () => {
  await using server = await FakeApiServer.start();
  server.setPod({ name: 'front', uid: 'u1', containers: { app: 'c1' } });
  using watched = await watching(server);
  await until('it to be steady', () => watched.log.shown.includes(synced) || undefined);
  server.expire();
  server.deletePod({ name: 'front' });
  server.setPod({ name: 'back', uid: 'u2', containers: { app: 'c2' } });
  await untilNamed(watched, 'c2', 'back');
  expect(watched.kubernetes.workloadOf(container('c1'))).toEqual({});
  const lists = server.requests.filter(({ query }) => query.get('watch') === null);
  expect(lists.map(({ query }) => query.get('resourceVersion'))).toEqual(['0', null]);
  // and where it was away in the meantime
  await until('a watch', () => server.watchCount === 1 || undefined);
  await server.pause();
  await untilFailing(watched);
  server.setPod({ name: 'back', uid: 'u2', containers: { app: 'c3' } });
  server.objects.advance();
  server.objects.compact();
  await server.resume();
  await untilNamed(watched, 'c3', 'back');
  await until('the end of the failure', () => watched.log.shown.includes(back) || undefined);
  expect(watched.log.shown).toEqual([synced, down, back]);
});

describe('Kubernetes API: a server that was away for long', () => {
  /** The agent’s own pauses pass so much faster. */
  const speed = 10;
  const { backOff, answerMs } = defaultTimings;
  const fast = {
    backOff: { firstMs: backOff.firstMs / speed, maxMs: backOff.maxMs / speed },
    answerMs: answerMs / speed,
  };
  const minuteMs = 60_000 / speed;
  const soonMs = 10_000 / speed;

  test('is asked again soon enough by default', () => {
    expect(answerMs + backOff.maxMs).toBeLessThan(10_000);
  });

  test.for<
    readonly [string, (server: FakeApiServer) => unknown, (server: FakeApiServer) => unknown]
  >([
    ['refuses connections', (server) => server.pause(), (server) => server.resume()],
    [
      'takes connections and says nothing',
      (server) => {
        server.mode = 'stuck';
        server.cut();
      },
      (server) => {
        server.mode = 'well';
      },
    ],
    [
      'fails',
      (server) => {
        server.mode = 'failing';
        server.cut();
      },
      (server) => {
        server.mode = 'well';
      },
    ],
  ])('and %s: pods are known within 10 s of its return', async ([, leave, comeBack]) => {
    await using server = await FakeApiServer.start();
    using watched = await watching(server, { timings: fast });
    await until('a watch', () => server.watchCount === 1 || undefined);
    await leave(server);
    const awayAt = performance.now();
    await untilFailing(watched);
    await until('a minute', () => performance.now() - awayAt > minuteMs || undefined);
    server.setPod({ name: 'later', uid: 'u1', containers: { app: 'c1' } });
    // what it remembers begins later
    server.objects.advance();
    server.objects.compact();
    await comeBack(server);
    const backAt = performance.now();
    await untilNamed(watched, 'c1', 'later');
    expect(performance.now() - backAt).toBeLessThan(patient(soonMs));
  });
});

test('G7: Kubernetes API: a token that has changed is read again', async () => {
  await using server = await FakeApiServer.start();
  using watched = await watching(server);
  await until('it to be steady', () => watched.log.shown.includes(synced) || undefined);
  server.rotateToken();
  server.endWatches();
  await until('another watch', () => server.count('watch', 'pods') === 2 || undefined);
  server.setPod({ name: 'later', uid: 'u2', containers: { app: 'c2' } });
  await untilNamed(watched, 'c2', 'later');
  expect(watched.log.shown).toEqual([synced]);
});

/** The server does not take the old one any more. @returns how it has answered from the start */
async function answersToNewToken(
  server: FakeApiServer,
  watched: Watched,
): Promise<readonly (number | undefined)[]> {
  await untilNamed(watched, 'c1', 'front');
  await until('it to be steady', () => watched.log.shown.includes(synced) || undefined);
  server.rotateToken();
  server.endWatches();
  server.setPod({ name: 'later', uid: 'u2', containers: { app: 'c2' } });
  await untilNamed(watched, 'c2', 'later');
  return server.requests.map(({ status }) => status);
}

test('G7: Kubernetes API: with a kubeconfig, a token that has changed is read again after 401', async () => {
  await using server = await FakeApiServer.start();
  server.setPod({ name: 'front', uid: 'u1', containers: { app: 'c1' } });
  using watched = await watching(server, {
    kubeconfig: server.kubeconfig,
    nodeName: fakeNode,
    environment: {},
  });
  expect(await answersToNewToken(server, watched)).toEqual([200, 200, 401, 200]);
  expect(watched.log.shown).toEqual([synced]);
});

test('Kubernetes API: KUBECONFIG names it, also in several files', async () => {
  await using server = await FakeApiServer.start();
  using folder = new TemporaryFolder();
  const [first, second] = [folder.at('first'), folder.at('second')];
  const kinds = { apiVersion: 'v1', kind: 'Config' };
  const contexts = [{ name: 'c', context: { cluster: 'c', user: 'u' } }];
  const users = [{ name: 'u', user: { token: server.token } }];
  const cluster = {
    server: server.url,
    'certificate-authority': `${server.serviceAccount}/ca.crt`,
  };
  const clusters = [{ name: 'c', cluster }];
  writeFileSync(first, JSON.stringify({ ...kinds, 'current-context': 'c', contexts, users }));
  writeFileSync(second, JSON.stringify({ ...kinds, clusters }));
  const environment = { KUBECONFIG: `${first}:${second}`, NODE_NAME: fakeNode };
  using watched = await watching(server, { environment });
  await untilSynced(watched);
  expect(watched.kubernetes.status().api).toBe(`${first}:${second}`);
});

test('G7: Kubernetes API: a program of the kubeconfig that does not come back is started once', async () => {
  await using server = await FakeApiServer.start();
  using folder = new TemporaryFolder();
  const [kubeconfig, started] = [folder.at('kubeconfig'), folder.at('started')];
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: 'sh',
    args: ['-c', 'echo started >>"$0"; exec sleep 3', started],
    interactiveMode: 'Never',
  };
  const config: object = JSON.parse(readFileSync(server.kubeconfig, 'utf8'));
  writeFileSync(
    kubeconfig,
    JSON.stringify({ ...config, users: [{ name: 'test', user: { exec } }] }),
  );
  using watched = await watching(server, { kubeconfig, timings: { answerMs: 100 } });
  await until('three tries', () => failuresIn(watched).length > 2 || undefined);
  expect(new Set(failuresIn(watched))).toEqual(new Set(['AGENT_KUBERNETES']));
  expect(readFileSync(started, 'utf8')).toBe('started\n');
  expect(server.requests).toEqual([]);
});

/** A kubeconfig whose user is as a program says. */
function kubeconfigOf(server: FakeApiServer, folder: TemporaryFolder, user: object): string {
  const config: object = JSON.parse(readFileSync(server.kubeconfig, 'utf8'));
  const file = folder.at('kubeconfig');
  writeFileSync(file, JSON.stringify({ ...config, users: [{ name: 'test', user }] }));
  return file;
}

test('G7: Kubernetes API: a program of the kubeconfig says who we are, and again after 401', async () => {
  await using server = await FakeApiServer.start();
  using folder = new TemporaryFolder();
  const program = folder.at('say-who');
  // what is relative is so to the kubeconfig
  writeFileSync(
    program,
    `#!/bin/sh
case $KUBERNETES_EXEC_INFO in
  *'"apiVersion":"client.authentication.k8s.io/v1beta1"'*'"interactive":false'*) ;;
  *) exit 1 ;;
esac
printf '{"kind": "ExecCredential", "status": {"token": "%s"}}' "$(cat "$TOKEN_FOLDER/$1")"
`,
    { mode: 0o755 },
  );
  const env = [{ name: 'TOKEN_FOLDER', value: server.serviceAccount }];
  const apiVersion = 'client.authentication.k8s.io/v1beta1';
  const exec = { apiVersion, command: './say-who', args: ['token'], env };
  server.setPod({ name: 'front', uid: 'u1', containers: { app: 'c1' } });
  using watched = await watching(server, {
    kubeconfig: kubeconfigOf(server, folder, { exec }),
    nodeName: fakeNode,
  });
  expect(await answersToNewToken(server, watched)).toEqual([200, 200, 401, 200]);
});

/** In what a program answers, of which nothing is to be said. */
const secret = 'geheim4711';

test.for<readonly [script: string, ...named: readonly (string | RegExp)[]]>([
  [`echo '{"status": {"clientKeyData": "${secret}"}}'`, 'token'],
  [`echo '{"status": {"token": ["${secret}"]}}'`, 'token'],
  [`echo '{"token": "${secret}"}'`, 'token'],
  [`echo ${secret}`, 'JSON'],
  [`echo ${secret}; echo no-such-user >&2; exit 3`, /\b3\b/u, 'no-such-user'],
  [`echo ${secret}; kill -9 $$`, 'SIGKILL'],
])(
  'Kubernetes API: a program of the kubeconfig that does %s is told of',
  async ([script, ...named]) => {
    await using server = await FakeApiServer.start();
    using folder = new TemporaryFolder();
    const exec = { command: 'sh', args: ['-c', script] };
    using watched = await watching(server, { kubeconfig: kubeconfigOf(server, folder, { exec }) });
    const said = await untilFailing(watched);
    expect(said).toEqual(naming(/\bsh\b/u, ...named));
    expect(failuresIn(watched)[0]).toBe('AGENT_KUBERNETES');
    for (const text of [said, JSON.stringify(watched.log.records)])
      expect(text).not.toContain(secret);
    expect(server.requests).toEqual([]);
  },
);

test('Kubernetes API: users that the context does not name are ignored', async () => {
  await using server = await FakeApiServer.start();
  using folder = new TemporaryFolder();
  const config: object = JSON.parse(readFileSync(server.kubeconfig, 'utf8'));
  const others = [
    { name: 'old', user: { 'auth-provider': { name: 'gcp', config: { 'cmd-path': '/x' } } } },
    { name: 'wrong', user: { exec: {} } },
    { name: 'test', user: { token: server.token } },
  ];
  const kubeconfig = folder.at('kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify({ ...config, users: others }));
  using watched = await watching(server, { kubeconfig, nodeName: fakeNode });
  await untilSynced(watched);
  expect(watched.kubernetes.status()).not.toHaveProperty('failure');
});

test('Kubernetes API: a program that cannot be run in our way is refused', async () => {
  await using server = await FakeApiServer.start();
  using folder = new TemporaryFolder();
  const provider = { name: 'gcp', config: { 'cmd-path': '/usr/bin/gcloud' } };
  const kubeconfig = kubeconfigOf(server, folder, { 'auth-provider': provider });
  await expect(watching(server, { kubeconfig })).rejects.toThrow(
    failure('AGENT_KUBERNETES', /\btest\b/u, 'auth-provider', 'gcp', 'cmd-path', /\bexec\b/u),
  );
});

describe('G7: Kubernetes API: a server', () => {
  test.for<readonly [mode: ApiServerMode, ...named: readonly (string | RegExp)[]]>([
    ['stuck', /\b300 ms\b/u],
    ['dead', 'socket hang up'],
    ['unauthorized', /\b401\b/u, 'Unauthorized'],
    ['forbidden', /\b403\b/u, 'pods is forbidden'],
    ['failing', /\b500\b/u, 'etcd has no leader'],
    ['lying'],
  ])(
    'that is %s at first is told of once, and watched when it is well',
    async ([mode, ...named]) => {
      await using server = await FakeApiServer.start({ mode });
      server.setPod({ name: 'front', uid: 'u1', containers: { app: 'c1' } });
      using watched = await watching(server, { timings: { answerMs: 300 } });
      const { kubernetes, log } = watched;
      const why = await untilFailing(watched);
      expect(why).toEqual(naming(...named));
      expect(kubernetes.readiness.reason()).toContain(why);
      // what the connection itself fails at has no code of the agent
      expect(failuresIn(watched)[0]).toBe(mode === 'dead' ? undefined : 'AGENT_KUBERNETES');
      // nobody waits for what does not come
      expect(kubernetes.prepare(container('c1'))).toBeUndefined();
      const before = server.requests.length;
      await until('more tries', () => server.requests.length > before + 3 || undefined);
      server.mode = 'well';
      await untilNamed(watched, 'c1', 'front');
      await until('the end of the failure', () => log.shown.includes(back) || undefined);
      expect(log.shown).toEqual([down, back]);
      expect(kubernetes.readiness.reason()).toBeUndefined();
      expect(kubernetes.status()).toMatchObject({ isSynced: true, pods: 1, node: fakeNode });
      expect(kubernetes.status()).not.toHaveProperty('failure');
    },
  );

  test('that fails later takes nothing away', async () => {
    await using server = await FakeApiServer.start();
    server.setPod({ name: 'front', uid: 'u1', containers: { app: 'c1' } });
    using watched = await watching(server);
    await untilNamed(watched, 'c1', 'front');
    await server.pause();
    await untilFailing(watched);
    expect(watched.kubernetes.workloadOf(container('c1')).pod).toBe('front');
    expect(watched.kubernetes.readiness.reason()).toBeUndefined();
    await server.resume();
    await until('its end', () => watched.kubernetes.status().failure === undefined || undefined);
  });

  test('that comes later is found', async () => {
    const port = await FakeApiServer.start().then(async (first) => {
      await first[Symbol.asyncDispose]();
      return first.port;
    });
    await using other = await FakeApiServer.start();
    const environment = { ...other.podEnvironment, KUBERNETES_SERVICE_PORT: String(port) };
    using watched = await watching(other, { environment });
    expect(await untilFailing(watched)).toContain('ECONNREFUSED');
    await other.pause();
    other.port = port;
    await other.resume();
    await untilSynced(watched);
  });

  test('with another certificate is none', async () => {
    await using server = await FakeApiServer.start();
    await using other = await FakeApiServer.start();
    using watched = await watching(server, { environment: other.podEnvironment });
    expect(await untilFailing(watched)).toMatch(/certificate/u);
    expect(other.requests).toEqual([]);
  });

  test('whose watch says nothing is asked again', async () => {
    await using server = await FakeApiServer.start();
    using watched = await watching(server, { timings: { silenceMs: 500 } });
    await until('more watches', () => server.count('watch', 'pods') > 2 || undefined);
    expect(server.count('list', 'pods')).toBe(1);
    expect(watched.log.shown).toEqual([synced]);
  });

  test('that ends each watch at once is not asked as fast as it ends them', async () => {
    await using server = await FakeApiServer.start();
    const backOff = { firstMs: 200, maxMs: 60_000 };
    using watched = await watching(server, { timings: { backOff } });
    let began = 0;
    for (let count = 1; count <= 4; count += 1) {
      await until('a watch', () => server.watchCount === 1 || undefined);
      began = performance.now();
      server.endWatches();
      await until('no watch', () => server.watchCount === 0 || undefined);
    }
    expect(watched.log.shown).toEqual([down]);
    await until('a watch', () => server.watchCount === 1 || undefined);
    // the fourth pause is of 800 to 1600 ms
    expect(performance.now() - began).toBeGreaterThan(500);
  });

  test('that forgets at once what it has said is not asked as fast as it forgets', async () => {
    await using server = await FakeApiServer.start({ mode: 'lying' });
    server.lie = (response, { url = '' }) => {
      if (url.includes('watch=true')) response.writeHead(410).end('{}');
      else response.end('{"metadata":{"resourceVersion":"1"},"items":[]}');
    };
    const backOff = { firstMs: 100, maxMs: 60_000 };
    using watched = await watching(server, { timings: { backOff } });
    expect(await untilFailing(watched)).toContain('410');
    await until('some tries', () => server.count('list', 'pods') === 5 || undefined);
    const began = performance.now();
    await until('another try', () => server.count('list', 'pods') === 6 || undefined);
    expect(performance.now() - began).toBeGreaterThan(400);
  });
});

/** Of 700 KiB, which the API writes as 4.1 MiB. */
const largePod = { name: 'large', uid: 'u9', variable: '<'.repeat(700 * 1024) } as const;

describe('Kubernetes API: a pod that is too large', () => {
  const large = { ...largePod, containers: { app: 'c9' } };

  test('is left out of the list, and the others are known', async () => {
    await using server = await FakeApiServer.start();
    server.setPod({ name: 'back', uid: 'u1', containers: { app: 'c1' } });
    server.setPod(large);
    server.setPod({ name: 'middle', uid: 'u2', containers: { app: 'c2' } });
    using watched = await watching(server);
    await untilNamed(watched, 'c2', 'middle');
    expect(watched.kubernetes.status().pods).toBe(2);
    expect(watched.log.shown[0]).toBe('pod-too-large');
    await until('a watch', () => watched.log.shown.includes(synced) || undefined);
  });

  test('is left out of a watch, and all are listed anew after it', async () => {
    await using server = await FakeApiServer.start();
    server.setPod({ ...large, variable: 'small' });
    using watched = await watching(server);
    await untilNamed(watched, 'c9', 'large');
    await until('a watch', () => server.watchCount === 1 || undefined);
    server.setPod(large);
    server.deletePod(large);
    server.setPod({ name: 'next', uid: 'u3', containers: { app: 'c3' } });
    await untilNamed(watched, 'c3', 'next');
    expect(server.count('list', 'pods')).toBe(1);
    server.endWatches();
    await until('the pod to be gone', () => watched.kubernetes.status().pods === 1 || undefined);
    expect(watched.log.shown).not.toContain(down);
  });
});

test('Kubernetes API: pods that have ended take no room', async () => {
  await using server = await FakeApiServer.start();
  for (let index = 0; index < maxPods + 10; index += 1) {
    server.setPod({ namespace: 'a', name: `p${index}`, uid: `a${index}`, phase: 'Failed' });
  }
  server.setPod({ namespace: 'web', name: 'front', uid: 'u1', containers: { app: 'c1' } });
  using watched = await watching(server);
  await untilNamed(watched, 'c1', 'front');
  expect(watched.kubernetes.status().pods).toBe(1);
  await until('a watch', () => server.watchCount === 1 || undefined);
  server.setPod({ namespace: 'web', name: 'front', uid: 'u1', phase: 'Succeeded' });
  await until('the pod to be gone', () => watched.kubernetes.status().pods === 0 || undefined);
});

describe('G7: Kubernetes API: what lies is refused, and the next answer is looked at:', () => {
  const meta = '"metadata":{"resourceVersion":"7"}';
  const watchOf = (line: string): readonly [string, string] => [`{${meta},"items":[]}`, line];
  test.for<readonly [string, readonly [list: string, watch: string], ...string[]]>([
    ['HTML', ['<html></html>', ''], 'JSON'],
    ['a list without version', ['{"metadata":{},"items":[]}', ''], 'resourceVersion'],
    ['a number', ['7', '']],
    ['items that are no pods', [`{${meta},"items":[{"a":1}]}`, ''], 'metadata'],
    ['a watch that is HTML', watchOf('<html></html>\n'), 'JSON'],
    ['an event without type', watchOf('{}\n')],
    ['an event without object', watchOf('{"type":"ADDED"}\n')],
    ['an error without words', watchOf('{"type":"ERROR","object":7}\n')],
    ['a bookmark without version', watchOf('{"type":"BOOKMARK","object":{}}\n'), 'metadata'],
    ['half an event', watchOf('{"type":"ADDED",')],
  ])('%s', async ([, [list, watch], ...named]) => {
    await using server = await FakeApiServer.start({ mode: 'lying' });
    server.setPod({ name: 'front', uid: 'u1', containers: { app: 'c1' } });
    server.lie = (response, { url = '' }) =>
      response.end(url.includes('watch=true') ? watch : list);
    using watched = await watching(server);
    expect(await untilFailing(watched)).toEqual(naming(...named));
    expect(failuresIn(watched)[0]).toBe('AGENT_KUBERNETES');
    server.mode = 'well';
    await untilNamed(watched, 'c1', 'front');
    expect(watched.log.shown[0]).toBe(down);
  });

  test('M6: an error that would control a terminal is escaped', async () => {
    await using server = await FakeApiServer.start({ mode: 'lying' });
    const object = { code: 500, message: 'red \u001b[31m\u202e\nnext' };
    const watch = `${JSON.stringify({ type: 'ERROR', object })}\n`;
    server.lie = (response, { url = '' }) =>
      response.end(url.includes('watch=true') ? watch : `{${meta},"items":[]}`);
    using watched = await watching(server);
    expect(await untilFailing(watched)).toContain(String.raw`red \u001b[31m\u202e\u000anext`);
  });

  test('a body that does not end', async () => {
    await using server = await FakeApiServer.start({ mode: 'lying' });
    const more = Buffer.alloc(64 * 1024, 'x');
    let sent = 0;
    server.lie = (response) => {
      response.write(`{"items":[{"metadata":{"name":"`);
      const write = (): void => {
        sent += more.length;
        if (!response.destroyed) response.write(more, write);
      };
      write();
    };
    using watched = await watching(server);
    expect(await untilFailing(watched)).toContain('33554432');
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test('a body that comes too slowly', async () => {
    await using server = await FakeApiServer.start({ mode: 'lying' });
    server.lie = (response) => {
      response.write(`{${meta},"items":[`);
    };
    using watched = await watching(server, { timings: { listMs: 300 } });
    await untilFailing(watched);
    expect(watched.log.shown).toEqual([down]);
  });

  test('a hundred thousand pods, and those of other nodes', async () => {
    await using server = await FakeApiServer.start({ mode: 'lying' });
    server.lie = (response, { url = '' }) => {
      if (url.includes('watch=true')) {
        response.flushHeaders();
        return;
      }
      response.write(`{${meta},"items":[`);
      let index = 0;
      const write = (): void => {
        const pods = Array.from({ length: 1000 }, (_, count) =>
          JSON.stringify(
            podObject({
              name: `pod-${index + count}`,
              uid: `u${index + count}`,
              node: index < 20_000 ? 'node-2' : fakeNode,
              containers: { app: `c${index + count}` },
            }),
          ),
        ).join(',');
        index += 1000;
        if (index >= 100_000) response.end(`${pods}]}`);
        else response.write(`${pods},`, write);
      };
      write();
    };
    using watched = await watching(server);
    await until('the pods', () => watched.kubernetes.isSynced || undefined, 60_000);
    expect(watched.kubernetes.status().pods).toBe(maxPods);
    expect(watched.kubernetes.workloadOf(container('c19999'))).toEqual({});
    expect(watched.kubernetes.workloadOf(container('c20000')).pod).toBe('pod-20000');
    expect(watched.log.shown[0]).toBe('pods-too-many');
  });
});

describe('Kubernetes API: without it', () => {
  test('runtimes are believed, and the operator hears of it', async () => {
    const log = new KeptLog();
    using kubernetes = await Kubernetes.start({ environment: {}, log: log.log });
    expect(log.shown).toEqual(['kubernetes-unconfigured']);
    expect(kubernetes.readiness.reason()).toBeUndefined();
    expect(kubernetes.status()).toEqual({ isSynced: false, pods: 0 });
    const said = { 'io.kubernetes.pod.name': 'front' };
    expect(kubernetes.workloadOf(container('c1', said))).toEqual({ pod: 'front' });
    expect(kubernetes.prepare(container('c1'))).toBeUndefined();
    kubernetes.note(container('c1', said), refusal('nobody hears of it'));
  });

  test('a node without name watches no pods, since those of all nodes are too many', async () => {
    await using server = await FakeApiServer.start();
    const environment = { ...server.podEnvironment, NODE_NAME: '' };
    using watched = await watching(server, { environment });
    expect(watched.log.shown).toEqual(['node-name-missing']);
    expect(watched.kubernetes.readiness.reason()).toBeUndefined();
    expect(server.requests).toEqual([]);
  });

  test.for([
    ['a kubeconfig that is not there', { kubeconfig: '/nowhere/config' }],
    ['a kubeconfig that is none', { kubeconfig: '/proc/self/status' }],
    ['a node that cannot be', { nodeName: 'node 1,metadata.name=x' }],
  ] as const)('%s is an error', async ([, parts]) => {
    await using server = await FakeApiServer.start();
    await expect(watching(server, parts)).rejects.toMatchObject({ code: 'AGENT_KUBERNETES' });
  });
});

function isThere({ kubernetes }: Watched, pods: number): Promise<true> {
  return until('the pods', () => kubernetes.status().pods === pods || undefined);
}

/** One whose runtime says which pod it is in. */
function inPod(
  name: string,
  namespace: string = 'web',
  uid: string = `uid-of-${name}`,
): PodContainer {
  return container('c1', {
    'io.kubernetes.cri.sandbox-namespace': namespace,
    'io.kubernetes.cri.sandbox-name': name,
    'io.kubernetes.cri.sandbox-uid': uid,
    'io.kubernetes.cri.container-name': 'app',
  });
}

describe('Kubernetes events:', () => {
  const limits = { burst: 3, refillMs: 600_000, silenceMs: 600_000 };
  test('a pod whose metadata is wrong has one, which kubectl shows', async () => {
    await using server = await FakeApiServer.start();
    using kubectl = new Kubectl(server);
    server.setPod({ namespace: 'web', name: 'front', uid: 'uid-of-front' });
    using watched = await watching(server);
    await isThere(watched, 1);
    watched.kubernetes.note(
      inPod('front'),
      refusal('listenerMetadata: line 1 has no "="\nand more'),
    );
    watched.kubernetes.note(inPod('front', '..'), refusal('of no namespace'));
    await until('the event', () => server.events.length === 1 || undefined);
    const { stdout } = await kubectl.run(['describe', 'pod', '-n', 'web', 'front']);
    expect(stdout).toMatch(
      /Warning +SeccompAgentRefused .*listenerMetadata: line 1 has no "="\\u000aand more/u,
    );
    expect(server.events[0]).toMatchObject({
      involvedObject: { kind: 'Pod', fieldPath: 'spec.containers{app}', uid: 'uid-of-front' },
      source: { component: 'seccompagent', host: fakeNode },
    });
    expect(server.count('create', 'events')).toBe(1);
  });

  test('kubectl shows those of a pod that comes from a file of its node', async () => {
    await using server = await FakeApiServer.start();
    using kubectl = new Kubectl(server);
    const hash = '0123456789abcdef0123456789abcdef';
    const annotations = {
      'kubernetes.io/config.hash': hash,
      'kubernetes.io/config.mirror': hash,
      'kubernetes.io/config.source': 'file',
    };
    server.setPod({ namespace: 'web', name: 'static', uid: randomUUID(), annotations });
    using watched = await watching(server);
    await isThere(watched, 1);
    watched.kubernetes.note(inPod('static', 'web', hash), {
      reason: 'Killed',
      message: 'killed because of chmod',
    });
    await until('the event', () => server.events.length === 1 || undefined);
    const { stdout } = await kubectl.run(['describe', 'pod', '-n', 'web', 'static']);
    expect(stdout).toMatch(/Warning +SeccompAgentKilled/u);
  });

  test('G7: none is made on what the API does not call the same, and one that it tells late has one', async () => {
    await using server = await FakeApiServer.start();
    server.setPod({ namespace: 'web', name: 'front', uid: 'uid-of-front' });
    server.setPod({ namespace: 'web', name: 'victim', uid: 'another-uid' });
    server.setPod({ namespace: 'kube-system', name: 'other', uid: 'uid-of-other' });
    using watched = await watching(server, { podWaitMs: 60_000 });
    await isThere(watched, 3);
    const { kubernetes } = watched;
    // of another uid, in another namespace, and of none at all
    kubernetes.note(inPod('victim'), refusal('a false uid'));
    kubernetes.note(inPod('other'), refusal('a false namespace'));
    kubernetes.note(inPod('late'), refusal('late'));
    kubernetes.note(inPod('front'), refusal('at once'));
    server.setPod({ namespace: 'web', name: 'late', uid: 'uid-of-late' });
    await until('two events', () => server.events.length === 2 || undefined);
    expect(server.events.map(({ message }) => message)).toEqual(['at once', 'late']);
    expect(server.count('create', 'events')).toBe(2);
  });

  test('the same is said once, and no pod is told of too much', async () => {
    await using server = await FakeApiServer.start();
    server.setPod({ namespace: 'web', name: 'front', uid: 'uid-of-front' });
    using watched = await watching(server, { eventLimits: limits });
    await isThere(watched, 1);
    for (const why of ['a', 'a', 'a', 'b', 'c', 'd']) {
      watched.kubernetes.note(inPod('front'), refusal(why));
    }
    await until('three events', () => server.events.length === 3 || undefined);
    expect(server.events.map(({ message }) => message)).toEqual(['a', 'b', 'c']);
    expect(server.count('create', 'events')).toBe(3);
  });

  test('G7: a namespace does not take the part of others', async () => {
    await using server = await FakeApiServer.start();
    server.setPod({ namespace: 'web', name: 'front', uid: 'uid-of-front' });
    server.setPod({ namespace: 'shop', name: 'back', uid: 'uid-of-back' });
    using watched = await watching(server, { eventLimits: { burst: 6 } });
    await isThere(watched, 2);
    for (let index = 0; index < 20; index += 1) {
      watched.kubernetes.note(inPod('front'), refusal(`front ${index}`));
    }
    for (let index = 0; index < 20; index += 1) {
      watched.kubernetes.note(inPod('back', 'shop'), refusal(`back ${index}`));
    }
    await until('six events', () => server.events.length === 6 || undefined);
    const own = Array.from({ length: 5 }, (_, index) => `front ${index}`);
    expect(server.events.map(({ message }) => message)).toEqual([...own, 'back 0']);
    expect(server.count('create', 'events')).toBe(6);
  });

  test('who may not make them is told once, and what was not said is said later', async () => {
    await using server = await FakeApiServer.start();
    server.setPod({ namespace: 'web', name: 'front', uid: 'uid-of-front' });
    using watched = await watching(server);
    await isThere(watched, 1);
    server.mode = 'forbidden';
    const failed = 'pod-events-failed';
    watched.kubernetes.note(inPod('front'), refusal('a'));
    watched.kubernetes.note(inPod('front'), refusal('b'));
    await until('two tries', () => server.count('create', 'events') === 2 || undefined);
    await until('a failure', () => watched.log.shown.includes(failed) || undefined);
    server.mode = 'well';
    await until('it to be said', () => {
      watched.kubernetes.note(inPod('front'), refusal('a'));
      return server.events.length === 1 || undefined;
    });
    expect(watched.log.shown.filter((event) => event === failed)).toHaveLength(1);
  });

  test('G7: a server that is stuck keeps a bounded number of them from being made', async () => {
    await using server = await FakeApiServer.start();
    for (let index = 0; index < 1000; index += 1) {
      const name = `pod-${index}`;
      server.setPod({ namespace: 'web', name, uid: `uid-of-${name}` });
    }
    using watched = await watching(server, { eventLimits: { burst: 1000, namespaceBurst: 1000 } });
    await isThere(watched, 1000);
    server.mode = 'stuck';
    for (let index = 0; index < 1000; index += 1) {
      watched.kubernetes.note(inPod(`pod-${index}`), refusal('a'));
    }
    await until('a try', () => server.count('create', 'events') === 1 || undefined);
    server.mode = 'well';
    server.cut();
    await until('the others', () => server.events.length === 64 || undefined);
    expect(server.count('create', 'events')).toBe(65);
  });
});
