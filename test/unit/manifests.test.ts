// SPDX-License-Identifier: Apache-2.0
// What deploy/kubernetes asks a cluster for: valid, no more than is needed, and what the agent knows.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { expect, test } from 'vitest';

import { parseConfig } from '../../host/config/config-text.ts';
import { defaultFalcoSocket } from '../../host/commands/watch-options.ts';
import { parseCommand } from '../../host/commands/options.ts';
import { packageVersion } from '../../host/package-root.ts';
import { projectRoot, runCommand } from '../support/command.ts';
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
import type { Json, JsonObject, Manifest } from '../support/manifests.ts';
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

/** Where a kind is in the npm package that has Kubernetes' types. */
function typeOf({ object }: Manifest): { readonly name: string; readonly module: string } {
  return {
    name: `I${textAt(object, 'kind')}`,
    module: `kubernetes-models/${textAt(object, 'apiVersion')}`,
  };
}

/** A text for the compiler, which knows every field, and misses those that have to be there. */
function typedText(manifests: readonly Manifest[]): string {
  return manifests
    .map((manifest, index) => {
      const { name, module } = typeOf(manifest);
      const literal = JSON.stringify(manifest.object);
      return (
        `import type { ${name} as T${index} } from '${module}';\n` +
        `export const manifest${index}: T${index} = ${literal};\n`
      );
    })
    .join('');
}

/** Runs a program of Node on a text, which finds the packages of this project. */
async function outputOf(
  { name, text }: { readonly name: string; readonly text: string },
  program: readonly string[] = [],
): Promise<string> {
  mkdirSync(join(projectRoot, 'build'), { recursive: true });
  const folder = mkdtempSync(join(projectRoot, 'build/manifests-'));
  try {
    const file = join(folder, name);
    writeFileSync(file, text);
    const { stdout, stderr } = await runCommand([process.execPath, ...program, file], {
      deadlineMs: 120_000,
    });
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function complaintsAbout(manifests: readonly Manifest[]): Promise<string> {
  const compiler = join(projectRoot, 'node_modules/typescript/bin/tsc');
  const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--types', ''];
  const text = typedText(manifests);
  const command = [compiler, ...options, '--module', 'nodenext'];
  return outputOf({ name: 'manifests.mts', text }, command);
}

/** A program that asks the package's validators, and prints what they find: a line for each manifest. */
function validatingText(manifests: readonly Manifest[]): string {
  const asked = manifests.map((manifest) => [manifest.file, manifest.object]);
  return `
for (const [file, object] of ${JSON.stringify(asked)}) {
  const { apiVersion, kind } = object;
  try {
    const known = await import(\`kubernetes-models/\${apiVersion}\`);
    new known[kind](object).validate();
  } catch (thrown) {
    const isUnknown = thrown.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' || thrown.code === 'ERR_MODULE_NOT_FOUND';
    console.log(\`\${file}: \${isUnknown ? \`\${apiVersion} is none of Kubernetes itself\` : thrown.message}\`);
  }
}
`;
}

async function faultsOf(manifests: readonly Manifest[]): Promise<readonly string[]> {
  const output = await outputOf({ name: 'manifests.mjs', text: validatingText(manifests) });
  return output.split('\n').filter((line) => line !== '');
}

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
  const components = await Promise.all(
    ['falco', 'without-api'].map(async (name) =>
      (await builtWith(name)).map((manifest) => ({ ...manifest, file: name })),
    ),
  );
  const all = [...manifestsOf(kubernetesFolder), ...exampleManifests, ...components.flat()];
  expect(all.length).toBeGreaterThan(25);
  expect(await faultsOf(all)).toEqual([]);
  expect(await faultsOf(optional)).toEqual([
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
  for (const [from, to, found] of changes) {
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    const manifests = manifestsIn(changed).map((made) => ({ ...made, file: 'wrong' }));
    expect((await faultsOf(manifests)).join('\n')).toContain(found);
  }
});

function sorted(objects: readonly JsonObject[]): readonly string[] {
  return objects.map((object) => JSON.stringify(object, sortedKeys)).toSorted();
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

test('manifests: kubectl finds the same with -k and with -f', async () => {
  const built = await runCommand(['kubectl', 'kustomize', kubernetesFolder]);
  expect(built.stderr).toBe('');
  const files = manifestsOf(kubernetesFolder);
  const byKustomize = manifestsIn(built.stdout).map(({ object }) => object);
  expect(sorted(byKustomize)).toEqual(sorted(files.map(({ object }) => object)));
  // reads what `apply -f` reads, and asks no server
  const local = ['label', '--local', '-f', kubernetesFolder, 'a=b', '-o', 'name'] as const;
  const byFolder = await runCommand(['kubectl', ...local]);
  expect({ code: byFolder.code, stderr: byFolder.stderr }).toEqual({ code: 0, stderr: '' });
  expect(byFolder.stdout.trim().split('\n')).toHaveLength(files.length);
});

function kindsOf(objects: readonly JsonObject[]): readonly string[] {
  return objects.map((object) => textAt(object, 'kind')).toSorted();
}

/** What an overlay makes of all with one of the components in `optional`. */
async function builtWith(component: string): Promise<readonly Omit<Manifest, 'file'>[]> {
  using folder = new TemporaryFolder();
  const resources = relative(folder.path, kubernetesFolder);
  const overlay = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [resources],
    components: [`${resources}/optional/${component}`],
  };
  writeFileSync(folder.at('kustomization.yaml'), JSON.stringify(overlay));
  const built = await runCommand(['kubectl', 'kustomize', folder.path]);
  expect(built.stderr).toBe('');
  return manifestsIn(built.stdout);
}

test('manifests: with the component without-api there is no right to ask the API, and no token', async () => {
  const objects = (await builtWith('without-api')).map(({ object }) => object);
  const expected = manifestsOf(kubernetesFolder)
    .map(({ object }) => object)
    .filter((object) => !textAt(object, 'kind').startsWith('ClusterRole'));
  expect(kindsOf(objects)).toEqual(kindsOf(expected));
  const made = objects.find((object) => object['kind'] === 'DaemonSet');
  expect(at(made, ...podKeys)).toEqual({ ...Object(pod), automountServiceAccountToken: false });
});

test('manifests: with the component falco the agent reaches the folder of the plugin, and no more', async () => {
  const made = await builtWith('falco');
  expect(await complaintsAbout(made.map((manifest) => ({ ...manifest, file: '' })))).toBe('');
  const changed = made.filter(({ object }) => object['kind'] === 'DaemonSet');
  expect(made).toHaveLength(manifestsOf(kubernetesFolder).length);
  const [podWith = null] = changed.map(({ object }) => at(object, ...podKeys));
  const path = dirname(defaultFalcoSocket);
  const [agentWith = {}] = listAt(podWith, 'containers');
  expect(listAt(agentWith, 'volumeMounts')).toEqual([
    ...listAt(agent, 'volumeMounts'),
    { name: 'falco-plugin', mountPath: path, readOnly: true },
  ]);
  expect(listAt(podWith, 'volumes')).toEqual([
    ...listAt(pod, 'volumes'),
    { name: 'falco-plugin', hostPath: { path, type: 'DirectoryOrCreate' } },
  ]);
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

test('manifests: the overlay of howto/install.md names the image elsewhere', async () => {
  using folder = new TemporaryFolder();
  const overlay = new Page('deploy/docs/howto/install.md').blockWith('yaml', 'kustomization');
  const resources = relative(folder.path, kubernetesFolder);
  writeFileSync(folder.at('kustomization.yaml'), overlay.replace('./kubernetes', resources));
  const { stdout, stderr } = await runCommand(['kubectl', 'kustomize', folder.path]);
  expect(stderr).toBe('');
  const made = manifestsIn(stdout).find(({ object }) => object['kind'] === 'DaemonSet');
  const inPod = at(made?.object, ...podKeys);
  const images = ['initContainers', 'containers'].flatMap((list) => listAt(inPod, list));
  expect(images.map((container) => at(container, 'image'))).toEqual(
    images.map(() => `registry.example.com/seccompagent:${packageVersion()}`),
  );
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
