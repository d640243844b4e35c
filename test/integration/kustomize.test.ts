// SPDX-License-Identifier: Apache-2.0
// Tests kubectl's output for deploy/kubernetes, with and without its optional components.
import { writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';

import { expect, test } from 'vitest';

import { defaultFalcoSocket } from '../../host/commands/watch-options.ts';
import { packageVersion } from '../../host/package-root.ts';
import { runCommand } from '../support/command.ts';
import { complaintsAbout, faultsOf } from '../support/manifest-types.ts';
import {
  at,
  kubernetesFolder,
  listAt,
  manifestOfKind,
  manifestsIn,
  manifestsOf,
  textAt,
} from '../support/manifests.ts';
import type { JsonObject, Manifest } from '../support/manifests.ts';
import { Page } from '../support/pages.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const podKeys = ['spec', 'template', 'spec'] as const;
const pod = at(manifestOfKind('DaemonSet').object, ...podKeys);
const [agent = {}] = listAt(pod, 'containers');

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

/** All manifests, by an overlay with one of the components in `optional`. */
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

test('manifests: with components, quantities, formats and words are those of Kubernetes', async () => {
  const components = await Promise.all(
    ['falco', 'without-api'].map(async (name) =>
      (await builtWith(name)).map((manifest) => ({ ...manifest, file: name })),
    ),
  );
  expect(components.flat().length).toBeGreaterThan(10);
  expect(await faultsOf(components.flat())).toEqual([]);
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
