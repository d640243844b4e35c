// SPDX-License-Identifier: Apache-2.0
// Tests the manifests of deploy/kubernetes: valid, minimal, and with options that the agent knows.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { parseConfig } from '../../host/config/config-text.ts';
import { parseCommand } from '../../host/commands/options.ts';
import { packageVersion } from '../../host/package-root.ts';
import { runCommand } from '../support/command.ts';
import { complaintsAbout, faultsOf } from '../support/manifest-types.ts';
import {
  at,
  commentsOn,
  deployFolder,
  entriesIn,
  kubernetesFolder,
  listAt,
  manifestFiles,
  manifestOfKind,
  manifestsIn,
  manifestsOf,
  textAt,
  textsAt,
} from '../support/manifests.ts';
import type { Json, JsonObject } from '../support/manifests.ts';
import { Page, pagePaths } from '../support/pages.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const daemonSet = manifestOfKind('DaemonSet');
const podKeys = ['spec', 'template', 'spec'] as const;
const pod = at(daemonSet.object, ...podKeys);
const [agent = {}] = listAt(pod, 'containers');
const [profiles = {}] = listAt(pod, 'initContainers');
const examples = ['demo-pod', 'userns-pod-cifs', 'unprivileged-build-pod'] as const;
const exampleManifests = examples.flatMap((name) =>
  manifestsOf(join(deployFolder, 'examples', name)),
);

test('manifests: every field is one that Kubernetes has, and none is missing', async () => {
  const all = [...manifestsOf(kubernetesFolder), ...exampleManifests];
  expect(all.length).toBeGreaterThan(10);
  expect(await complaintsAbout(all)).toBe('');
});

test('manifests: a field that there is not, one that is missing and a wrong value are found', async () => {
  const text = JSON.stringify(daemonSet.object);
  const wrong = [
    text.replace('"hostPID"', '"hostPid"'),
    text.replace('"selector"', '"selection"'),
    text.replace('"containerPort":8080', '"containerPort":"metrics"'),
  ].flatMap((changed) => manifestsIn(changed).map((made) => ({ ...made, file: '' })));
  const complaints = await complaintsAbout(wrong);
  for (const field of ['hostPid', 'selection', "'string' is not assignable to type 'number'"])
    expect(complaints).toContain(field);
});

test('manifests: quantities, formats and words are those of Kubernetes, also of what is optional', async () => {
  const optional = manifestsOf(join(kubernetesFolder, 'optional'));
  const all = [...manifestsOf(kubernetesFolder), ...exampleManifests];
  expect(all.length).toBeGreaterThan(10);
  expect(await faultsOf([...all, ...optional])).toEqual([
    'pod-monitor.yaml: monitoring.coreos.com/v1 is none of Kubernetes itself',
  ]);
});

test('manifests: a wrong quantity, number or word is found', async () => {
  const text = JSON.stringify(daemonSet.object);
  const changes: readonly (readonly [from: RegExp, to: string, found: string])[] = [
    [/"memory":"\d+Mi"/u, '"memory":"64MiB"', 'memory must match format "quantity"'],
    [/"containerPort":8080/u, '"containerPort":1099511627776', 'match format "int32"'],
    [/"type":"DirectoryOrCreate"/u, '"type":"Folder"', 'type must be equal to one of the allowed'],
    [/"selector":/u, '"selection":', 'required property selector'],
  ];
  const wrong = changes.flatMap(([from, to], index) => {
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    return manifestsIn(changed).map((made) => ({ ...made, file: `${index}` }));
  });
  const faults = await faultsOf(wrong);
  for (const [index, [, , found]] of changes.entries()) {
    const own = faults.filter((fault) => fault.startsWith(`${index}: `));
    expect(own.join('\n')).toContain(found);
  }
});

test('manifests: the namespace comes first, and all else is in it or in none', () => {
  const [first] = manifestFiles(kubernetesFolder);
  expect(manifestsOf(kubernetesFolder)[0]?.object['kind']).toBe('Namespace');
  expect(first).toBe('1-namespace.yaml');
  const namespaced = manifestsOf(kubernetesFolder).filter(
    ({ object }) => !/^(?:Namespace|Cluster)/u.test(textAt(object, 'kind')),
  );
  for (const { object } of namespaced) {
    expect(at(object, 'metadata', 'namespace')).toBe('seccomp-agent');
  }
});

test('DaemonSet: nothing is privileged, and every right has its reason', () => {
  const keys = entriesIn(daemonSet.object);
  expect(keys.filter(([key]) => key === 'privileged')).toEqual([]);
  expect(
    keys.filter(([key, value]) => key === 'hostNetwork' || (key === 'hostIPC' && value)),
  ).toEqual([]);
  for (const container of [agent, profiles]) {
    expect(textsAt(container, 'securityContext', 'capabilities', 'drop')).toEqual(['ALL']);
    expect(at(container, 'securityContext', 'readOnlyRootFilesystem')).toBe(true);
  }
  const inPod = [...podKeys, 'containers', 0];
  const added = [...inPod, 'securityContext', 'capabilities', 'add'];
  for (const comment of commentsOn(daemonSet.document, added)) expect(comment).not.toBe('');
  for (const comment of commentsOn(daemonSet.document, [...inPod, 'volumeMounts'])) {
    expect(comment).not.toBe('');
  }
  expect(at(profiles, 'securityContext', 'allowPrivilegeEscalation')).toBe(false);
  expect(textsAt(profiles, 'securityContext', 'capabilities', 'add')).toEqual([]);
});

test('DaemonSet: the threat model says what each of its Linux capabilities is for', () => {
  const table = new Page('deploy/docs/explain/security.md').section(
    'Linux capabilities of the agent',
  );
  const named = table
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .flatMap((line) => (line.split('|')[1] ?? '').match(/[A-Z_]+(?=,| )/gu) ?? []);
  const added = textsAt(agent, 'securityContext', 'capabilities', 'add');
  expect(added.filter((name) => !named.includes(name))).toEqual([]);
});

test('manifests: howto/install.md names each file and component', () => {
  const { words } = new Page('deploy/docs/howto/install.md');
  const optional = readdirSync(join(kubernetesFolder, 'optional'), { withFileTypes: true }).map(
    (entry) => `optional/${entry.name}${entry.isDirectory() ? '/' : ''}`,
  );
  const files = readdirSync(kubernetesFolder).filter((name) => name.endsWith('.yaml'));
  expect([...files, ...optional].filter((name) => !words.includes(name))).toEqual([]);
});

test('DaemonSet: containers have limits of memory, and requests', () => {
  for (const container of [agent, profiles]) {
    expect(at(container, 'resources', 'limits', 'memory')).toMatch(/^\d+[MG]i$/u);
    expect(at(container, 'resources', 'requests', 'cpu')).toMatch(/^\d+m$/u);
  }
});

test('DaemonSet: the image is the one of this version, by a name that no runtime refuses', () => {
  for (const container of [agent, profiles]) {
    expect(at(container, 'image')).toBe(`localhost/seccompagent:${packageVersion()}`);
  }
});

test('manifests: pages have no image by a short name', () => {
  const named = pagePaths().flatMap((path) => [
    ...new Page(path).text.matchAll(/^ *image: *(?<name>\S+)$/gmu),
  ]);
  expect(named.length).toBeGreaterThan(0);
  for (const { groups } of named)
    expect(groups?.['name']).toMatch(/^[\w.-]+\/[\w./-]+(?::[\w.-]+)?$/u);
});

test('examples: images have tags, containers limits', () => {
  const containers = exampleManifests.flatMap(({ object }) => listAt(object, 'spec', 'containers'));
  expect(containers).toHaveLength(examples.length);
  for (const container of containers) {
    expect(at(container, 'image')).toMatch(/^[a-z.]+\/[a-z/]+:v?[\d.]+$/u);
    expect(at(container, 'resources', 'limits', 'memory')).toMatch(/^\d+[MG]i$/u);
  }
});

test('DaemonSet: the agent knows its arguments, and each file that they name is mounted', () => {
  const command = parseCommand(textsAt(agent, 'args'));
  if (command.kind !== 'agent') throw new Error(`the arguments are those of ${command.kind}`);
  expect(command).toMatchObject({ resolver: 'kubernetes', takesOver: true });
  const mounted = listAt(agent, 'volumeMounts').map((mount) => textAt(mount, 'mountPath'));
  for (const path of [command.socketFile, command.configFile, command.control?.path]) {
    expect(mounted.some((folder) => path?.startsWith(`${folder}/`))).toBe(true);
  }
  expect(listAt(agent, 'ports')).toEqual([
    { name: 'metrics', containerPort: command.metricsAddress?.port },
  ]);
});

test('DaemonSet: every volume is there once, and used', () => {
  const names = listAt(pod, 'volumes').map((volume) => textAt(volume, 'name'));
  const used = [agent, profiles].flatMap((container) =>
    listAt(container, 'volumeMounts').map((mount) => textAt(mount, 'name')),
  );
  expect(new Set(used)).toEqual(new Set(names));
  expect(names).toEqual([...new Set(names)]);
  const paths = listAt(pod, 'volumes').map((volume) => at(volume, 'hostPath', 'path'));
  // the sockets of runtimes are in these
  for (const path of ['/', '/run', '/var/run', '/run/containerd'])
    expect(paths).not.toContain(path);
});

test('DaemonSet: selectors find its pods', () => {
  const labels = at(daemonSet.object, 'spec', 'template', 'metadata', 'labels');
  expect(at(daemonSet.object, 'spec', 'selector', 'matchLabels')).toEqual(labels);
  for (const [kind, key] of [
    ['PodDisruptionBudget', 'selector'],
    ['NetworkPolicy', 'podSelector'],
  ] as const) {
    expect(at(manifestOfKind(kind).object, 'spec', key, 'matchLabels')).toEqual(labels);
  }
  const monitor = manifestOfKind('PodMonitor', join(kubernetesFolder, 'optional'));
  expect(at(monitor.object, 'spec', 'selector', 'matchLabels')).toEqual(labels);
});

test('ClusterRole: lists and watches pods, creates events, and no more', () => {
  const { object } = manifestOfKind('ClusterRole');
  expect(object['rules']).toEqual([
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['events'], verbs: ['create'] },
  ]);
});

test('ConfigMap: the agent reads it', () => {
  const text = textAt(manifestOfKind('ConfigMap').object, 'data', 'config.yaml');
  const { config } = parseConfig(text, 'config.yaml');
  expect(config.policies).toMatchObject({
    defaultAction: 'continue',
    failure: { kind: 'errno', errno: 'EPERM' },
  });
});

/** A profile as the kubelet finds it. */
function profileNamed(name: string): JsonObject {
  const text = readFileSync(join(deployFolder, 'profiles/kubernetes', `${name}.json`), 'utf8');
  const [read] = manifestsIn(text);
  return read?.object ?? {};
}

function localhostProfiles(value: Json): readonly string[] {
  return entriesIn(value)
    .filter(([key]) => key === 'localhostProfile')
    .map(([, path]) => textAt(path));
}

test('profiles: pods name those that the DaemonSet installs', () => {
  const named = [...manifestsOf(kubernetesFolder), ...exampleManifests].flatMap(({ object }) =>
    localhostProfiles(object),
  );
  expect(named).toHaveLength(1 + examples.length);
  for (const path of named) {
    const [, name = ''] = /^seccomp-agent\/([a-z-]+\.json)$/u.exec(path) ?? [];
    expect(existsSync(join(deployFolder, 'profiles/kubernetes', name))).toBe(true);
  }
});

const profileNames = [...examples, 'dangerous'].flatMap((name) => [name, `${name}-crun`]);

/** Numbers of errnos are texts for the Security Profiles Operator. */
function withNumbers(value: Json): Json {
  const text = JSON.stringify(value).replaceAll(/"errnoRet":"(\d+)"/gu, '"errnoRet":$1');
  return manifestsIn(text)[0]?.object ?? null;
}

function operatorsProfileNamed(name: string): JsonObject {
  const text = readFileSync(
    join(deployFolder, 'security-profiles-operator', `${name}.yaml`),
    'utf8',
  );
  return manifestsIn(text)[0]?.object ?? {};
}

test.for(profileNames)(
  'profiles: %s goes to the socket of the DaemonSet, in both forms',
  (name) => {
    const profile = profileNamed(name);
    const command = parseCommand(textsAt(agent, 'args'));
    expect(profile['listenerPath']).toBe(command.kind === 'agent' ? command.socketFile : '');
    const operators = operatorsProfileNamed(name);
    expect(operators).toMatchObject({
      apiVersion: 'security-profiles-operator.x-k8s.io/v1beta1',
      kind: 'SeccompProfile',
      metadata: { name },
    });
    expect(withNumbers(at(operators, 'spec'))).toEqual(profile);
  },
);

test('profiles: all are installed, also those for crun', async () => {
  using folder = new TemporaryFolder();
  const to = folder.at('seccomp-agent');
  const { code } = await runCommand(['sh', join(deployFolder, 'install-profiles.sh'), to]);
  expect(code).toBe(0);
  const names = [...profileNames, 'agent'].map((name) => `${name}.json`);
  expect(readdirSync(to).toSorted()).toEqual(names.toSorted());
  for (const name of names) {
    const shipped = join(deployFolder, 'profiles/kubernetes', name);
    expect(readFileSync(join(to, name), 'utf8')).toBe(readFileSync(shipped, 'utf8'));
  }
});

test('profiles: that of the agent allows what it uses, and nothing that changes the node', () => {
  const profile = profileNamed('agent');
  expect(profile).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38 });
  const [rule = {}] = listAt(profile, 'syscalls');
  const allowed = textsAt(rule, 'names');
  for (const name of ['setns', 'move_mount', 'pidfd_getfd', 'process_vm_readv', 'seccomp']) {
    expect(allowed).toContain(name);
  }
  for (const name of [
    'bpf',
    'init_module',
    'finit_module',
    'io_uring_setup',
    'keyctl',
    'kexec_load',
    'open_by_handle_at',
    'perf_event_open',
    'ptrace',
    'reboot',
    'swapon',
    'userfaultfd',
  ]) {
    expect(allowed).not.toContain(name);
  }
});
