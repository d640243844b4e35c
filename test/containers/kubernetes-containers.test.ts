// SPDX-License-Identifier: Apache-2.0
// Containers of runc as a kubelet would have them made, an agent as users start it, and an API server.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import type { ApiObject } from '../support/api-objects.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { runCommand, RunningCommand, seccompagent } from '../support/command.ts';
import { ControlledAgent } from '../support/controlled-agent.ts';
import { naming } from '../support/failures.ts';
import { FakeApiServer, fakeNode } from '../support/fake-api-server.ts';
import type { FakeApiServerOptions } from '../support/fake-api-server.ts';
import { Kubectl } from '../support/kubectl.ts';
import { isRecord, recordsOf } from '../support/log-records.ts';
import type { AnyEvent, WantedFields } from '../support/log-records.ts';
import { PodCgroups } from '../support/pod-cgroup.ts';
import { until } from '../support/polling.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { runInRunc } from '../support/runc-command.ts';
import type { RuncCommand, RuncResult } from '../support/runc-command.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';

const metadata = 'MKDIR_TMPL=-{{.Namespace}}-{{.Pod}}-{{.Container}}';
/** Of a container whose namespace nobody has told. */
const nameless = { code: 'AGENT_SETTING_INVALID', error: /\{\{\.Namespace\}\}/u } as const;

/** Where containers are made, and what they have done. */
class Node implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly #cgroups = new PodCgroups();
  readonly #rootfs = this.#folder.at('rootfs');

  constructor() {
    makeRootfs(this.#rootfs);
  }

  /** Runs `mkdir /made` in a container. */
  async run(
    listenerPath: string,
    { uid, id, ...more }: { uid?: string; id: string } & Partial<RuncCommand>,
  ): Promise<RuncResult> {
    return runInRunc({
      folder: this.#folder.path,
      rootfs: this.#rootfs,
      listenerPath,
      metadata,
      trapped: ['mkdir', 'mkdirat'],
      args: ['mkdir', '/made'],
      id,
      ...(uid === undefined ? {} : { cgroupsPath: this.#cgroups.pathOf(uid, id) }),
      ...more,
    });
  }

  /** As a kubelet mounts it, for a container's last words. */
  terminationLog(uid: string, name: string): object {
    const folder = this.#folder.at(join('pods', uid, 'containers', name));
    mkdirSync(folder, { recursive: true });
    const source = join(folder, '5d0f1c2a');
    writeFileSync(source, '');
    return { type: 'bind', source, destination: '/etc/termination-log', options: ['bind', 'rw'] };
  }

  /** A frozen container cannot end. */
  thaw(uid: string, id: string): void {
    this.#cgroups.thaw(uid, id);
  }

  /** The directories that containers have made. */
  get made(): readonly string[] {
    return readdirSync(this.#rootfs).filter((name) => name.startsWith('made'));
  }

  /** An empty file that containers see. */
  put(name: string): void {
    writeFileSync(join(this.#rootfs, name), '');
  }

  [Symbol.dispose](): void {
    this.#cgroups[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }
}

async function agentFor(
  server: FakeApiServer,
  ...options: readonly string[]
): Promise<ControlledAgent> {
  const files = [`-kubeconfig=${server.kubeconfig}`, `-node-name=${fakeNode}`];
  return ControlledAgent.start('-resolver=kubernetes', ...files, ...options);
}

async function synced(
  options: FakeApiServerOptions,
  ...more: readonly string[]
): Promise<{ server: FakeApiServer; agent: ControlledAgent } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await FakeApiServer.start(options));
  const agent = stack.use(await agentFor(server, ...more));
  await agent.process.logged('pods-watched');
  const kept = stack.move();
  return { server, agent, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

/** How many such lines the agent has logged. */
function linesOf({ process }: ControlledAgent, event: AnyEvent, fields: WantedFields = {}): number {
  return process.records.filter((record) => isRecord(record, event, fields)).length;
}

function annotationsOf(uid: string): Readonly<Record<string, string>> {
  return {
    'io.kubernetes.cri.sandbox-namespace': 'default',
    'io.kubernetes.cri.sandbox-name': 'front',
    'io.kubernetes.cri.sandbox-uid': uid,
    'io.kubernetes.cri.container-name': 'app',
  };
}

test('Kubernetes: an init container does not wait for sidecars, which start after it', async () => {
  using node = new Node();
  await using both = await synced({});
  const { server, agent } = both;
  const uid = randomUUID();
  server.setPod({
    name: 'front',
    uid,
    containers: { proxy: randomUUID() },
    initContainers: ['app'],
  });
  await until('the pod', async () => (await agent.status()).kubernetes?.pods === 1 || undefined);
  const { code, stderr } = await node.run(agent.socket, {
    id: `seccompagent-test-${randomUUID()}`,
    annotations: annotationsOf(uid),
    metadata: 'SIDECARS=proxy\nSIDECARS_DELAY=1h',
    trapped: ['execve', 'execveat'],
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('G7: Kubernetes: containers without annotations get their names by cgroup and container id', async () => {
  using node = new Node();
  await using both = await synced({});
  const { server, agent } = both;
  const [uid, id] = [randomUUID(), `seccompagent-test-${randomUUID()}`];
  server.setPod({ name: 'front', uid, containers: { proxy: randomUUID(), app: id } });
  await until('the pod', async () => (await agent.status()).kubernetes?.pods === 1 || undefined);
  const { stderr } = await node.run(agent.socket, { uid, id });
  expect(stderr).toBe('');
  expect(node.made).toEqual(['made-default-front-app']);
  expect(linesOf(agent, 'container-waiting')).toBe(0);
  const words = [seccompagent, 'status', `-control-socket=${agent.control}`] as const;
  expect((await runCommand(words)).stdout).toMatch(/^kubernetes\b.*\bnode-1\b.*\b1$/mu);
});

test('G7: Kubernetes: a container that the API does not know yet is named by what its kubelet has mounted', async () => {
  using node = new Node();
  await using both = await synced({});
  const { server, agent } = both;
  const [uid, id] = [randomUUID(), `seccompagent-test-${randomUUID()}`];
  server.setPod({ name: 'front', uid, containers: { proxy: undefined, app: undefined } });
  await until('the pod', async () => (await agent.status()).kubernetes?.pods === 1 || undefined);
  const mounts = [node.terminationLog(uid, 'app')];
  const { stderr } = await node.run(agent.socket, { uid, id, mounts });
  expect(stderr).toBe('');
  expect(node.made).toEqual(['made-default-front-app']);
});

test('G7: Kubernetes: a container waits a while for a pod that the API tells late', async () => {
  using node = new Node();
  await using both = await synced({});
  const { server, agent } = both;
  const [uid, id] = [randomUUID(), `seccompagent-test-${randomUUID()}`];
  const running = node.run(agent.socket, { uid, id });
  await agent.process.logged('container-waiting', { container: id });
  server.setPod({ name: 'front', uid, containers: { app: id } });
  expect((await running).stderr).toBe('');
  expect(node.made).toEqual(['made-default-front-app']);
});

/** Makes `/made-early` once, and `/made` as soon as it can. */
const untilMade = 'mkdir /made-early; until mkdir /made 2>/dev/null; do sleep 0.1; done';

test('G7: Kubernetes: a container whose pod is told too late fails until it is told, and works from then on', async () => {
  using node = new Node();
  await using both = await synced({});
  const { server, agent } = both;
  const [uid, id] = [randomUUID(), `seccompagent-test-${randomUUID()}`];
  const running = node.run(agent.socket, { uid, id, args: ['sh', '-c', untilMade] });
  await agent.process.logged('bundles-unresolved', { container: id, ...nameless });
  await until('the refusal', async () => (await agent.status()).containers[0]?.refusal);
  // of another pod is nothing that helps
  server.setPod({ name: 'back', uid: randomUUID() });
  await until('the pod', async () => (await agent.status()).kubernetes?.pods === 1 || undefined);
  server.setPod({ name: 'front', uid, containers: { app: id } });
  const { code, stderr } = await running;
  expect(code).toBe(0);
  expect(stderr.trim()).toBe(
    "mkdir: can't create directory '/made-early': Operation not permitted",
  );
  expect(node.made).toEqual(['made-default-front-app']);
  expect(linesOf(agent, 'container-resolving-again')).toBe(1);
  // it is refused no more
  expect(server.events).toEqual([]);
});

test('G7: Kubernetes: a container that needs no names has them in the status when its pod is told', async () => {
  using node = new Node();
  await using both = await synced({});
  const { server, agent } = both;
  const [uid, id] = [randomUUID(), `seccompagent-test-${randomUUID()}`];
  const running = node.run(agent.socket, {
    uid,
    id,
    metadata: 'BUNDLE=mkdir-suffix',
    args: ['sh', '-c', 'mkdir /made; until test -e /go; do sleep 0.1; done; mkdir /made-late'],
  });
  await until('the container', async () => (await agent.status()).containers[0]);
  // its container is named later than it is
  server.setPod({ name: 'front', uid, containers: { proxy: randomUUID(), app: undefined } });
  const named = async (): Promise<true | undefined> =>
    (await agent.status()).containers[0]?.pod === 'front' || undefined;
  await until('the pod of the container', named);
  server.setPod({ name: 'front', uid, containers: { app: id } });
  await until('its name', async () => (await agent.status()).containers[0]?.container);
  const [container] = (await agent.status()).containers;
  expect(container).toMatchObject({ namespace: 'default', pod: 'front', container: 'app' });
  node.put('go');
  expect((await running).stderr).toBe('');
  expect([...node.made].toSorted()).toEqual(['made-late-suffix', 'made-suffix']);
});

/** More than are resolved at once. */
const crowd = 40;

test('G7: Kubernetes: many containers whose pod is told late are resolved again, each once', async () => {
  await using both = await synced({});
  const { server, agent } = both;
  await using callers = new AsyncDisposableStack();
  const ids = Array.from({ length: crowd }, (_, index) => `seccompagent-test-${index}`);
  const asked = ids.map((id) =>
    callers.use(new AskedCaller({ socket: agent.socket, id, metadata: 'MKDIR_TMPL=-{{.Pod}}' })),
  );
  const answers = async (): Promise<readonly string[]> =>
    Promise.all(asked.map(async (caller) => (await caller.ask('mkdir /no/such/folder')).answer));
  expect(new Set(await answers())).toEqual(new Set(['EPERM']));
  const containers = Object.fromEntries(ids.map((id, index) => [`app-${index}`, id]));
  const uid = randomUUID();
  server.setPod({ name: 'front', uid, containers });
  const refused = async (): Promise<number> =>
    (await agent.status()).containers.filter(({ refusal }) => refusal !== undefined).length;
  await until('all to be resolved', async () => (await refused()) === 0 || undefined);
  expect(new Set(await answers())).toEqual(new Set(['ENOENT']));
  // nothing that they lack is in what is told of pods from now on
  server.setPod({ name: 'front', uid, containers, annotations: { a: 'b' } });
  server.setPod({ name: 'back', uid: randomUUID() });
  await until('the pod', async () => (await agent.status()).kubernetes?.pods === 2 || undefined);
  expect(new Set(await answers())).toEqual(new Set(['ENOENT']));
  expect(linesOf(agent, 'container-resolving-again')).toBe(crowd);
});

test('G3: Kubernetes: a pod that is told late, and whose metadata is wrong, has its event', async () => {
  using node = new Node();
  await using both = await synced({});
  const { server, agent } = both;
  const [uid, id] = [randomUUID(), `seccompagent-test-${randomUUID()}`];
  const running = node.run(agent.socket, {
    uid,
    id,
    metadata: 'MKDIR_TPML=x',
    args: ['sh', '-c', 'until test -e /go; do sleep 0.1; done'],
  });
  await until('the refusal', async () => (await agent.status()).containers[0]?.refusal);
  server.setPod({ name: 'front', uid, containers: { app: id } });
  await until('the event', () => server.events.length === 1 || undefined);
  node.put('go');
  expect((await running).code).toBe(0);
  expect(server.events).toMatchObject([
    { involvedObject: { name: 'front', fieldPath: 'spec.containers{app}' } },
  ]);
});

interface Served {
  readonly uid: string;
  readonly id: string;
  /** Resolves once `go` is there. */
  readonly ended: Promise<RuncResult>;
}

/** A container of the pod `front` that runs until `go` is there. */
async function servedBy(
  node: Node,
  server: FakeApiServer,
  agent: ControlledAgent,
): Promise<Served> {
  const [uid, id] = [randomUUID(), `seccompagent-test-${randomUUID()}`];
  server.setPod({ name: 'front', uid, containers: { app: id } });
  const ended = node.run(agent.socket, {
    uid,
    id,
    args: ['sh', '-c', 'until test -e /go; do sleep 0.1; done'],
  });
  await until('the container', async () => (await agent.status()).containers[0]?.container);
  return { uid, id, ended };
}

async function eventFor(server: FakeApiServer, reason: string): Promise<ApiObject> {
  return until(`an event ${reason}`, () =>
    server.events.find((event) => Object(event).reason === reason),
  );
}

test.for([
  ['was killed', 'SIGKILL', []],
  ['has handed over', 'SIGTERM', ['-take-over']],
] as const)(
  'K1: Kubernetes: the next agent tells a pod whose calls fail since its agent %s',
  async ([, signal, options]) => {
    using node = new Node();
    await using both = await synced({});
    const { server, agent } = both;
    const { uid, id, ended } = await servedBy(node, server, agent);
    const served = (): boolean =>
      readdirSync(dirname(agent.socket)).some((name) => name.startsWith('agent.socket.served-'));
    await until('the file of what is served', () => served() || undefined);
    if (signal === 'SIGKILL') await agent.process.stop(signal);
    await using next = await AgentProcess.start(
      agent.socket,
      '-resolver=kubernetes',
      `-kubeconfig=${server.kubeconfig}`,
      `-node-name=${fakeNode}`,
      '-control-socket=none',
      ...options,
    );
    if (signal === 'SIGTERM') await agent.process.stop(signal);
    expect(await eventFor(server, 'SeccompAgentEnded')).toMatchObject({
      involvedObject: { name: 'front', uid, fieldPath: 'spec.containers{app}' },
    });
    await next.logged('container-orphaned', { container: id, namespace: 'default', pod: 'front' });
    await until('the file to go', () => !served() || undefined);
    node.put('go');
    expect((await ended).code).toBe(0);
  },
);

test.for([
  ['DEFAULT_ACTION=kill-container', 'SeccompAgentKilled'],
  ['DEFAULT_ACTION=freeze-container', 'SeccompAgentFrozen'],
] as const)('Kubernetes: a pod with %s has the event %s', async ([line, reason]) => {
  using node = new Node();
  await using both = await synced({});
  const { server, agent } = both;
  const [uid, id] = [randomUUID(), `seccompagent-test-${randomUUID()}`];
  server.setPod({ name: 'front', uid, containers: { app: id } });
  const running = node.run(agent.socket, { uid, id, metadata: line });
  try {
    expect(await eventFor(server, reason)).toMatchObject({
      involvedObject: { name: 'front', uid, fieldPath: 'spec.containers{app}' },
    });
  } finally {
    node.thaw(uid, id);
  }
  await running;
  const named = { container: id, namespace: 'default', pod: 'front' };
  await agent.process.logged('container-detached', named);
});

/** Containers find the bundles of tests by their names. */
const testBundlesConfig = `bundle-folders: [${dirname(testBundle('hold'))}]
bundles:
  trap: {}
  hold: { grants: { container: {} } }
`;

test.for([
  {
    bundle: 'trap',
    // so often in a row is too often
    script: 'for try in 1 2 3 4 5; do mkdir /trap; done',
    reason: 'SeccompAgentQuarantined',
  },
  {
    bundle: 'hold',
    script: 'mkdir /kill',
    reason: 'SeccompAgentKilled',
  },
  {
    bundle: 'hold',
    script: 'mkdir /freeze',
    reason: 'SeccompAgentFrozen',
  },
])(
  'Kubernetes: a pod whose handler "$bundle" meets `$script` has the event $reason',
  async ({ bundle, script, reason }) => {
    using node = new Node();
    using config = new TemporaryFolder();
    writeFileSync(config.at('config.yaml'), testBundlesConfig);
    await using both = await synced({}, `-config=${config.at('config.yaml')}`);
    const { server, agent } = both;
    const [uid, id] = [randomUUID(), `seccompagent-test-${randomUUID()}`];
    server.setPod({ name: 'front', uid, containers: { app: id } });
    const running = node.run(agent.socket, {
      uid,
      id,
      metadata: `BUNDLE=${bundle}`,
      args: ['sh', '-c', script],
    });
    try {
      expect(await eventFor(server, reason)).toMatchObject({
        involvedObject: { name: 'front', uid, fieldPath: 'spec.containers{app}' },
        message: naming(bundle),
      });
    } finally {
      node.thaw(uid, id);
    }
    await running;
    const named = { container: id, namespace: 'default', pod: 'front' };
    await agent.process.logged('container-detached', named);
    // it is told once
    expect(server.events).toHaveLength(1);
  },
);

test('G7: Kubernetes: with an API that is stuck, who is named starts at once, and others after a while', async () => {
  using node = new Node();
  await using server = await FakeApiServer.start({ mode: 'stuck' });
  await using agent = await agentFor(server);
  const uid = randomUUID();
  const named = async (): Promise<RuncResult> =>
    node.run(agent.socket, {
      uid,
      id: `seccompagent-test-${randomUUID()}`,
      annotations: annotationsOf(uid),
      args: ['sh', '-c', 'exec mkdir "/made-$$-$(cat /proc/sys/kernel/random/uuid)"'],
    });
  const results = await Promise.all([named(), named(), named(), named()]);
  expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
    Array.from({ length: 4 }, () => ({ code: 0, stderr: '' })),
  );
  expect(node.made).toHaveLength(4);
  expect(linesOf(agent, 'container-waiting')).toBe(0);

  const id = `seccompagent-test-${randomUUID()}`;
  const { code, stderr } = await node.run(agent.socket, { uid, id });
  expect(code).not.toBe(0);
  expect(stderr).toContain('Operation not permitted');
  // on a slow machine it is known by then that nothing comes
  const untold = linesOf(agent, 'container-waiting') + linesOf(agent, 'kubernetes-unavailable');
  expect(untold).toBeGreaterThan(0);
  expect(linesOf(agent, 'bundles-unresolved', { container: id, ...nameless })).toBe(1);
  // what needs no names goes on
  const other = await node.run(agent.socket, {
    id: `seccompagent-test-${randomUUID()}`,
    metadata: 'BUNDLE=mkdir-suffix',
  });
  expect(other.stderr).toBe('');
  expect(node.made).toContain('made-suffix');
});

test('G7: Kubernetes: an API that is dead is waited for by nobody', async () => {
  using node = new Node();
  await using server = await FakeApiServer.start({ mode: 'dead' });
  await using agent = await agentFor(server);
  await agent.process.logged('kubernetes-unavailable');
  const id = `seccompagent-test-${randomUUID()}`;
  await node.run(agent.socket, { uid: randomUUID(), id });
  expect(linesOf(agent, 'bundles-unresolved', { container: id, ...nameless })).toBe(1);
  expect(linesOf(agent, 'container-waiting')).toBe(0);
  expect((await agent.status()).kubernetes).toMatchObject({ isSynced: false, pods: 0 });
  const words = [seccompagent, 'status', `-control-socket=${agent.control}`] as const;
  expect((await runCommand(words)).stdout).toMatch(/^kubernetes\b.*\bnode-1\b.*socket hang up/mu);
  expect(linesOf(agent, 'kubernetes-unavailable')).toBe(1);
});

function newId(): string {
  return `seccompagent-test-${randomUUID()}`;
}

/** Fails, and waits until there is `/go`. */
const untilGo = 'mkdir /made-early; until test -e /go; do sleep 0.1; done';

test.for([
  ['unauthorized', 401],
  ['forbidden', 403],
  ['gone', 410],
  ['failing', 500],
] as const)(
  'G7: Kubernetes: with an API that is %s (%i) containers start at once, and it is said what is missing',
  async ([mode, status]) => {
    using node = new Node();
    await using server = await FakeApiServer.start({ mode });
    await using agent = await agentFor(server);
    await agent.process.logged('kubernetes-unavailable');
    const uid = randomUUID();
    const annotations = annotationsOf(uid);
    const named = await node.run(agent.socket, { uid, id: newId(), annotations });
    expect(named).toMatchObject({ code: 0, stderr: '' });
    const free = await node.run(agent.socket, { id: newId(), metadata: 'BUNDLE=mkdir-suffix' });
    expect(free).toMatchObject({ code: 0, stderr: '' });
    const unnamed = node.run(agent.socket, { uid, id: newId(), args: ['sh', '-c', untilGo] });
    const refusal = await until('the refusal', async () => {
      return (await agent.status()).containers.find((one) => one.refusal !== undefined)?.refusal;
    });
    expect(refusal).toContain('{{.Namespace}}');
    node.put('go');
    expect(await unnamed).toMatchObject({ code: 0 });
    expect([...node.made].toSorted()).toEqual(['made-default-front-app', 'made-suffix']);
    expect(linesOf(agent, 'container-waiting')).toBe(0);
    const { kubernetes } = await agent.status();
    expect(kubernetes).toMatchObject({ isSynced: false, pods: 0 });
    expect(kubernetes?.failure).toContain(String(status));
  },
);

test('G7: Kubernetes: with an API that is slow, who is named starts at once, and others have their names late', async () => {
  using node = new Node();
  await using server = await FakeApiServer.start({ mode: 'slow' });
  const [uid, id] = [randomUUID(), `seccompagent-test-${randomUUID()}`];
  server.setPod({ name: 'front', uid, containers: { app: id } });
  await using agent = await agentFor(server);
  const elsewhere = randomUUID();
  const named = await node.run(agent.socket, {
    uid: elsewhere,
    id: `seccompagent-test-${randomUUID()}`,
    annotations: annotationsOf(elsewhere),
    args: ['mkdir', '/made-named'],
  });
  expect(named).toMatchObject({ code: 0, stderr: '' });
  expect(linesOf(agent, 'container-waiting')).toBe(0);
  // it tries until it succeeds; on a slow machine the pod is known before
  const late = await node.run(agent.socket, { uid, id, args: ['sh', '-c', untilMade] });
  expect(late.code).toBe(0);
  expect(node.made).toContain('made-named-default-front-app');
  expect(node.made).toContain('made-default-front-app');
  const isEarly = node.made.includes('made-early-default-front-app');
  const unresolved = { container: id, ...nameless };
  expect(linesOf(agent, 'bundles-unresolved', unresolved)).toBe(isEarly ? 0 : 1);
  expect((await agent.status()).kubernetes).toMatchObject({ isSynced: true, pods: 1 });
});

test('G3: Kubernetes: a pod with wrong metadata has an event that says why, and no secret', async () => {
  using node = new Node();
  await using both = await synced({});
  const { server, agent } = both;
  using kubectl = new Kubectl(server);
  const uid = randomUUID();
  server.setPod({ name: 'front', uid });
  const { stderr } = await node.run(agent.socket, {
    uid,
    id: `seccompagent-test-${randomUUID()}`,
    annotations: annotationsOf(uid),
    metadata: 'MKDIR_TPML=a secret',
  });
  expect(stderr).toContain('Operation not permitted');
  await until('the event', () => server.events.length === 1 || undefined);
  const { stdout } = await kubectl.run(['describe', 'pod', 'front']);
  expect(stdout).toMatch(/Warning +SeccompAgentRefused .*"MKDIR_TPML"/u);
  expect(stdout).not.toContain('a secret');
});

test('G3: Kubernetes: a setting that a handler refuses is told by the key that people write', async () => {
  using node = new Node();
  await using both = await synced({});
  const { server, agent } = both;
  const uid = randomUUID();
  server.setPod({ name: 'front', uid });
  await node.run(agent.socket, {
    uid,
    id: `seccompagent-test-${randomUUID()}`,
    annotations: annotationsOf(uid),
    metadata: 'EXEC_PATTERN=/bin/true\nEXEC_DURATION=48h',
    trapped: ['execve'],
  });
  await until('the event', () => server.events.length > 0 || undefined);
  expect(server.events).toMatchObject([{ message: naming('exec-delay', '"EXEC_DURATION"') }]);
  await agent.process.logged('call-failed', {
    handler: 'exec-delay',
    code: 'AGENT_SETTING_INVALID',
    error: /"EXEC_DURATION"/u,
  });
});

/** Sees a service account where pods have theirs. */
const inPod =
  'mount -t tmpfs tmpfs /run; mkdir -p /run/secrets/kubernetes.io; ' +
  'ln -s "$0" /run/secrets/kubernetes.io/serviceaccount; exec "$@"';

test('Kubernetes: in a pod, the agent has its service account and NODE_NAME', async () => {
  await using server = await FakeApiServer.start();
  using folder = new TemporaryFolder();
  server.setPod({ name: 'front', uid: randomUUID() });
  const inside = ['unshare', '-m', 'sh', '-c', inPod, server.serviceAccount] as const;
  const sockets = [`-socketfile=${folder.at('a.socket')}`, '-control-socket=none'];
  await using agent = new RunningCommand(
    [...inside, seccompagent, '-resolver=kubernetes', ...sockets],
    { environment: server.podEnvironment },
  );
  await agent.printed(/ event=pods-watched\n/u);
  const watched = recordsOf(agent.stderr).find(({ event }) => event === 'pods-watched');
  expect(watched).toMatchObject({ node: 'node-1', pods: '1' });
  await agent.printed(/ event=agent-listening\n/u);
  // what is read again then are bundles and the configuration
  agent.kill('SIGHUP');
  await agent.printed(/ event=reloaded\n/u);
  server.setPod({ name: 'back', uid: randomUUID() });
  expect(server.watchCount).toBe(1);
  expect(server.count('list', 'pods')).toBe(1);
  agent.kill('SIGTERM');
  expect((await agent.ended).code).toBe(0);
});
