// SPDX-License-Identifier: Apache-2.0
// The image of deploy/Dockerfile, and the pod of the DaemonSet with it.
import { copyFileSync, cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { packageVersion } from '../../host/package-root.ts';
import { projectRoot, runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import type { ContainerOptions } from '../support/container-runtime.ts';
import { DaemonSetPod } from '../support/daemonset-pod.ts';
import { failed } from '../support/failures.ts';
import { buildMs, ImageStore } from '../support/image-store.ts';
import { listAt, manifestOfKind, textAt, textsAt } from '../support/manifests.ts';
import { until } from '../support/polling.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { maySpare } from '../support/own-rights.ts';
import { testBundle } from '../support/test-bundles.ts';

let store: ImageStore;
let image: string;

beforeAll(async () => {
  store = await ImageStore.open();
  image = await store.build();
}, 2 * buildMs);

afterAll(() => {
  store[Symbol.dispose]();
});

const withoutRights = ['--read-only', '--read-only-tmpfs=false', '--cap-drop=ALL'] as const;

test('image: commands need neither rights nor a writable root', async () => {
  const version = await store.run(image, { options: withoutRights, args: ['-version'] });
  expect(version).toMatchObject({ code: 0, stdout: `seccompagent ${packageVersion()}\n` });
  const bundle = '/usr/lib/seccompagent/dist/handlers-wasm/mount';
  const inspected = await store.run(image, {
    options: withoutRights,
    args: ['inspect', '-json', bundle],
  });
  expect(inspected).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(inspected.stdout)).toMatchObject({
    handlers: [{ answers: { mount: ['mount'] } }],
  });
});

test('image: it contains the plugin for Falco', async () => {
  const client = '/usr/lib/seccompagent/dist/host/observation/falco/plugin-client.js';
  const script =
    `const { FalcoPluginClient } = await import('${client}');` +
    `new FalcoPluginClient('/none')[Symbol.dispose](); console.log('made');`;
  const made = await store.run(image, {
    options: [...withoutRights, '--entrypoint', '/bin/sh'],
    args: [
      '-c',
      'exec /usr/lib/seccompagent/node_modules/node-linux-*/bin/node --input-type=module --eval "$0"',
      script,
    ],
  });
  expect(made).toMatchObject({ code: 0, stdout: 'made\n', stderr: '' });
});

test('image: starts as nobody, so an agent says that it has to be root', async () => {
  const result = await store.run(image, { options: withoutRights });
  expect(result).toEqual(failed('AGENT_NOT_ROOT'));
});

test('image: has nothing that builds', async () => {
  const script = 'for tool in gcc g++ make npm python3; do command -v $tool; done; :';
  const options = [...withoutRights, '--entrypoint', '/bin/sh'];
  const { code, stdout } = await store.run(image, { options, args: ['-c', script] });
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
});

test('image: the same files give the same layers', { timeout: buildMs }, async () => {
  using folder = new TemporaryFolder();
  // other times, and another place
  const names = await runCommand(
    ['git', 'ls-files', '--cached', '--others', '--exclude-standard'],
    {
      cwd: projectRoot,
    },
  );
  for (const name of names.stdout.trim().split('\n')) {
    if (existsSync(join(projectRoot, name))) cpSync(join(projectRoot, name), folder.at(name));
  }
  const again = await store.build(folder.path);
  expect(await store.layersOf(again)).toEqual(await store.layersOf(image));
});

const [agent = {}] = listAt(
  manifestOfKind('DaemonSet').object,
  'spec',
  'template',
  'spec',
  'containers',
);
const rights = textsAt(agent, 'securityContext', 'capabilities', 'add');

function bitsIn(mask: string): number {
  return BigInt(`0x${mask}`).toString(2).replaceAll('0', '').length;
}

const names = {
  'io.kubernetes.cri.sandbox-namespace': 'default',
  'io.kubernetes.cri.sandbox-name': 'mypod',
  'io.kubernetes.cri.container-name': 'container1',
} as const;

const usualRights = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETGID', 'SETUID'];

describe('DaemonSet', () => {
  let folder: TemporaryFolder;
  let rootfs: string;
  let pod: DaemonSetPod;

  beforeAll(async () => {
    folder = new TemporaryFolder();
    rootfs = folder.at('rootfs');
    makeRootfs(rootfs);
    copyFileSync(compiled('container-calls.static'), join(rootfs, 'bin/container-calls'));
    // a bundle of the operator's, where those that are pulled would be
    cpSync(testBundle('hold'), folder.at('volumes/state/own/hold'), { recursive: true });
    pod = await DaemonSetPod.start({
      store,
      image,
      folder: folder.at('volumes'),
      config:
        'bundles: { hold: { grants: { container: {} } } }\n' +
        'bundle-folders: [/var/lib/seccompagent/own]\n',
    });
  }, 120_000);

  afterAll(async () => {
    await pod[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  async function containerWith({
    runtime = 'runc',
    ...options
  }: Pick<ContainerOptions, 'metadata' | 'script' | 'trapped' | 'flags'> &
    Partial<Pick<ContainerOptions, 'runtime'>>): Promise<Container> {
    return Container.run({
      runtime,
      folder: pod.ociBundles,
      rootfs,
      listenerPath: pod.socket,
      annotations: names,
      noNewPrivileges: false,
      capabilities: usualRights.map((name) => `CAP_${name}`),
      ...options,
    });
  }

  test('pod: the agent answers with what the DaemonSet gives it', async () => {
    await using container = await containerWith({
      metadata: ['MKDIR_TMPL=-{{.Namespace}}-{{.Pod}}-{{.Container}}', 'MOUNT_PROC=true'],
      script: 'mkdir /abc\nmount -t proc proc root\nls /root/self/cmdline',
    });
    expect(container.output).toBe('/root/self/cmdline\nready\n');
    expect(existsSync(join(rootfs, 'abc-default-mypod-container1'))).toBe(true);
    expect(pod.log).not.toMatch(/"level":"(?:error|fatal)"/u);
  });

  test('pod: the agent makes device nodes with what the DaemonSet gives it', async () => {
    await using container = await containerWith({
      metadata: ['BUNDLE=mknod-safe'],
      script: 'mknod /tmp/null c 1 3 && echo lost >/tmp/null && echo works',
      trapped: ['mknod', 'mknodat'],
    });
    expect(container.output).toBe('works\nready\n');
  });

  test.for([
    [[], false],
    [['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'], true],
  ] as const)(
    'pod: the agent reads of the OCI bundle that the filter has %j, and writes to callers: %j',
    async ([flags, isWritten]) => {
      await using container = await containerWith({
        // runc takes none, not even an empty list
        ...(flags.length === 0 ? {} : { runtime: 'crun', flags }),
        metadata: ['BUNDLE=sysinfo'],
        script: 'container-calls sysinfo',
        trapped: ['sysinfo'],
      });
      const [, seconds] = /^sysinfo: up (\d+) s/mu.exec(container.output) ?? [];
      // the container's age where it is written, and else the machine's
      expect(Number(seconds) < 40).toBe(isWritten);
    },
  );

  test('pod: the agent freezes a container by the cgroup that the node knows', async () => {
    await using container = await containerWith({ metadata: ['BUNDLE=hold'], script: ':' });
    const made = container.exec('mkdir /freeze; echo on');
    await until(
      'the container to be frozen',
      async () => (await container.status()) === 'paused' || undefined,
    );
    await container.resume();
    expect((await made).stdout).toContain('on\n');
  });

  test('pod: the agent kills a container', async () => {
    await using container = await containerWith({ metadata: ['BUNDLE=hold'], script: ':' });
    const pid = await container.firstPid();
    const { stdout } = await container.exec('mkdir /kill');
    expect(stdout).toBe('');
    await until('the end of the container', () => !existsSync(`/proc/${pid}`) || undefined);
  });

  test('pod: the agent has the Linux capabilities, the profile and the root that are written', () => {
    const status = readFileSync(`/proc/${pod.pid}/status`, 'utf8');
    expect(status).toMatch(/^Seccomp:\s2$/mu);
    const effective = /^CapEff:\s*(?<mask>\w+)$/mu.exec(status)?.groups?.['mask'] ?? '';
    // those that the machine has itself
    const lacking = rights.filter((name) => name === 'SYS_RESOURCE' && !maySpare('self'));
    expect(bitsIn(effective)).toBe(rights.length - lacking.length);
    const [root] = readFileSync(`/proc/${pod.pid}/mounts`, 'utf8').split('\n');
    expect(root).toMatch(/^overlay \/ overlay ro,/u);
    const installed = readFileSync(pod.profile('seccomp-agent/agent.json'), 'utf8');
    const shipped = join(projectRoot, 'deploy/profiles/kubernetes/agent.json');
    expect(installed).toBe(readFileSync(shipped, 'utf8'));
  });

  test('pod: the probes of the DaemonSet are answered', async () => {
    const paths = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) =>
      textAt(agent, probe, 'httpGet', 'path'),
    );
    for (const path of paths) {
      const script = `fetch('http://127.0.0.1:8080${path}').then(({ status }) => console.log(status))`;
      const inside = ['nsenter', '--target', `${pod.pid}`, '--net', process.execPath] as const;
      const { stdout } = await runCommand([...inside, '--eval', script]);
      expect({ path, status: stdout }).toEqual({ path, status: '200\n' });
    }
  });

  test('pod: the agent ends by itself when it is asked to, and takes its socket away', async () => {
    expect(await pod.stop()).toBe(0);
    expect(existsSync(pod.socket)).toBe(false);
  });
});
