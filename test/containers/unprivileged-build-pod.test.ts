// SPDX-License-Identifier: Apache-2.0
// Tests deploy/examples/unprivileged-build-pod: its pod, made as its manifest says, builds an image.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { PodNode } from '../support/cri/node.ts';
import { installedProfile } from '../support/documented-pod.ts';
import { at, deployFolder, listAt, manifestsOf, textAt, textsAt } from '../support/manifests.ts';
import type { JsonObject } from '../support/manifests.ts';
import { makeExampleRootfs } from '../support/unprivileged-build.ts';

/** Packages are fetched and installed, once. */
const rootfsTimeoutMs = 300_000;

const objects = manifestsOf(join(deployFolder, 'examples/unprivileged-build-pod')).map(
  ({ object }) => object,
);

function objectOfKind(kind: string): JsonObject {
  const found = objects.find((object) => object['kind'] === kind);
  if (found === undefined) throw new Error(`there is no ${kind}`);
  return found;
}

const manifest = objectOfKind('Pod');
const [container = {}] = listAt(manifest, 'spec', 'containers');
const image = textAt(container, 'image');
const security = at(container, 'securityContext');
const localhostProfile = textAt(security, 'seccompProfile', 'localhostProfile');

/** Pulled images of a user: that of the Containerfile, in the storage of buildah. */
const pulled = `
mkdir /tmp/busybox && cd /tmp/busybox
printf 'FROM scratch\\nCOPY busybox /bin/sh\\nCOPY busybox /bin/ls\\n' >Containerfile
cp /usr/bin/busybox .
buildah build --quiet --tag docker.io/library/busybox:1.37 . >/dev/null && cd / && exec "$@"
`;

let node: PodNode;

beforeAll(async () => {
  const { path: rootfs } = await makeExampleRootfs();
  node = await PodNode.start('-resolver=kubernetes');
  await node.containerd.addImageOf({ name: image, rootfs, keepsOwners: true });
  mkdirSync(configMap());
  const files = Object.entries(at(objectOfKind('ConfigMap'), 'data') ?? {});
  for (const [name, text] of files) writeFileSync(join(configMap(), name), String(text));
}, rootfsTimeoutMs);

afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

/** Where a kubelet would have written it. */
function configMap(): string {
  return node.containerd.at('config-map');
}

function environment(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    listAt(container, 'env').map((each) => [textAt(each, 'name'), textAt(each, 'value')]),
  );
}

interface Build {
  readonly code: number;
  readonly output: string;
}

interface BuildOptions {
  readonly runtime: 'runc' | 'crun';
  /** The file; undefined: none. */
  readonly profile?: string;
  /** Options of buildah for the RUN step. */
  readonly inside?: 'runc' | 'crun';
}

/** The pod's container, from its first to its last word. */
async function build({ runtime, profile, inside }: BuildOptions): Promise<Build> {
  await using pod = await node.containerd.runPod({
    name: textAt(manifest, 'metadata', 'name'),
    runtime,
  });
  const [buildah = '', ...words] = textsAt(container, 'command');
  const [mount = {}] = listAt(container, 'volumeMounts');
  const started = await pod.start({
    name: textAt(container, 'name'),
    image,
    command: ['sh', '-c', pulled, 'sh', buildah, ...words],
    uid: Number(at(security, 'runAsUser')),
    gid: Number(at(security, 'runAsGroup')),
    groups: [Number(at(manifest, 'spec', 'securityContext', 'fsGroup'))],
    environment: { ...environment(), ...(inside === undefined ? {} : { BUILDAH_RUNTIME: inside }) },
    volumes: { [textAt(mount, 'mountPath')]: configMap() },
    ...(profile === undefined ? {} : { profile: node.profileOf(installedProfile(profile)) }),
  });
  const code = await started.exitCode();
  return { code, output: started.printed() };
}

const refusal = /mount .?proc.?(?: to |:).*[Oo]peration not permitted/u;

describe.for(['runc', 'crun'] as const)('pod of %s', (runtime) => {
  const profiles = [localhostProfile, localhostProfile.replace('.json', '-crun.json')];
  const known = runtime === 'crun' ? profiles : profiles.slice(0, 1);
  const cases = known.flatMap((profile) =>
    (['crun', 'runc'] as const).map((inside) => ({ profile, inside })),
  );

  test.for(cases)('build pod: with $profile a RUN step by $inside is done', async (each) => {
    const { code, output } = await build({ runtime, ...each });
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(/^STEP 2\/2: RUN ls \/proc\/self\/cmdline\n\/proc\/self\/cmdline\n/mu);
    expect(output).toContain('Successfully tagged localhost/example:latest\n');
  });

  test('build pod: without the agent it is not', async () => {
    const { code, output } = await build({ runtime });
    expect(code).not.toBe(0);
    expect(output).toMatch(refusal);
    expect(output).not.toContain('Successfully tagged localhost/example');
  });
});
