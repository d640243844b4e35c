// SPDX-License-Identifier: Apache-2.0
// Tests the form of a bundle as an OCI artifact.
import { cpSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { messageOf } from '../../host/errors.ts';
import { checkOutline, packArtifact, planOf } from '../../host/bundles/oci/artifact.ts';
import { digestOf } from '../../host/bundles/oci/digest.ts';
import { failureOf, failureOrNone } from '../support/agent-failure.ts';
import { shippedBundle } from '../support/bundle-shipping.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const bundleType = 'application/vnd.seccompagent.bundle.manifest.v1+json';
const componentType = 'application/vnd.seccompagent.component.v1+wasm';

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}

function demoComponent(name: string): object {
  return {
    mediaType: componentType,
    annotations: { 'org.opencontainers.image.title': name },
    size: expect.any(Number),
    digest: digestOf(readFileSync(`${shippedBundle('demo-basic')}/${name}`)),
  };
}

test('artifact: it names bundle.json and the components, with digests in both', () => {
  const { manifest, blobs, digest } = packArtifact(shippedBundle('demo-basic'));
  expect(digest).toBe(digestOf(manifest));
  expect(JSON.parse(text(manifest))).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType: 'application/vnd.seccompagent.bundle.v1',
    config: {
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
      size: 2,
    },
    layers: [
      {
        mediaType: bundleType,
        annotations: { 'org.opencontainers.image.title': 'bundle.json' },
        size: expect.any(Number),
        digest: expect.any(String),
      },
      ...['errno.wasm', 'mkdir-suffix.wasm', 'mount.wasm'].map(demoComponent),
    ],
    annotations: {
      'org.opencontainers.image.title': 'demo-basic',
      'org.opencontainers.image.version': expect.any(String),
      'org.opencontainers.image.description': expect.any(String),
    },
  });
  const bundle = blobs.find(({ descriptor }) => descriptor.mediaType === bundleType);
  const handlers = JSON.parse(text(bundle?.bytes)).handlers;
  expect(handlers[0]).toMatchObject({ digest: expect.stringMatching(/^sha256:/u) });
});

test('artifact: the same bundle gives the same digest, wherever and whenever it is', () => {
  using folder = new TemporaryFolder();
  cpSync(shippedBundle('demo-basic'), folder.path, { recursive: true });
  utimesSync(folder.at('mount.wasm'), 1, 1);
  writeFileSync(folder.at('README.md'), 'not named, so no part of it');
  const { digest } = packArtifact(shippedBundle('demo-basic'));
  expect(packArtifact(folder.path).digest).toBe(digest);
});

test('artifact: a digest in bundle.json that is not of the component is an error', () => {
  using folder = new TemporaryFolder();
  cpSync(shippedBundle('errno'), folder.path, { recursive: true });
  const bundle = JSON.parse(readFileSync(folder.at('bundle.json'), 'utf8'));
  bundle.handlers[0].digest = digestOf(readFileSync(folder.at('errno.wasm')));
  writeFileSync(folder.at('bundle.json'), JSON.stringify(bundle));
  const { blobs } = packArtifact(folder.path);
  // nothing was missing, so the file is shipped as it is
  expect(text(blobs.at(-1)?.bytes)).toBe(JSON.stringify(bundle));
  bundle.handlers[0].digest = digestOf(Buffer.from('x'));
  writeFileSync(folder.at('bundle.json'), JSON.stringify(bundle));
  expect(failureOf(() => packArtifact(folder.path))).toMatchObject({
    code: 'AGENT_BUNDLE_INVALID',
    message: expect.stringContaining('errno.wasm'),
  });
});

function writeBundle(folder: TemporaryFolder, components: readonly string[]): void {
  const handlers = components.map((component) => ({ component }));
  const bundle = { name: 'b', version: '0.1.0', description: 'd', handlers };
  writeFileSync(folder.at('bundle.json'), JSON.stringify(bundle));
}

test.for([
  ['no bundle.json', () => undefined, 'bundle.json: cannot be read'],
  [
    'a component outside of the folder',
    (folder: TemporaryFolder) => writeBundle(folder, ['../x.wasm']),
    'handlers[0].component is no name',
  ],
  [
    'no component',
    (folder: TemporaryFolder) => writeBundle(folder, ['x.wasm']),
    'x.wasm: cannot be read',
  ],
  ['no handler', (folder: TemporaryFolder) => writeBundle(folder, []), 'handlers is empty'],
] as const)('artifact: %s is an error', ([, prepare, message]) => {
  using folder = new TemporaryFolder();
  prepare(folder);
  expect(() => packArtifact(folder.path)).toThrow(message);
});

const digest = digestOf(Buffer.from('x'));

function layer(title: string, mediaType: string = componentType): object {
  const annotations = { 'org.opencontainers.image.title': title };
  return { mediaType, digest, size: 1, annotations };
}

function manifestWith(layers: readonly unknown[]): object {
  return { artifactType: 'application/vnd.seccompagent.bundle.v1', layers };
}

const bundleLayer = layer('bundle.json', bundleType);

test.for([
  ['its type is missing', { layers: [bundleLayer] }],
  ['its type is a b', { artifactType: 'a\nb', layers: [bundleLayer] }],
  ['must have one layer of the type', manifestWith([])],
  ['must have one layer of the type', manifestWith([bundleLayer, bundleLayer])],
  ['unknown type text/plain', manifestWith([bundleLayer, layer('a.wasm', 'text/plain')])],
  ['is no name of a component', manifestWith([bundleLayer, layer('../a.wasm')])],
  [
    'two layers are called a.wasm',
    manifestWith([bundleLayer, ...['a.wasm', 'a.wasm'].map((name) => layer(name))]),
  ],
  ['1000000000 bytes', manifestWith([bundleLayer, { ...layer('a.wasm'), size: 1e9 }])],
  ['bundle.json has 1000000000 bytes', manifestWith([{ ...bundleLayer, size: 1e9 }])],
  ['layers[0] is no descriptor', manifestWith([{ ...bundleLayer, digest: 'sha256:x' }])],
  ['layers[0] is no descriptor', manifestWith([{ ...bundleLayer, size: -1 }])],
] as const)('artifact: a manifest is refused: %s', ([message, manifest]) => {
  expect(messageOf(failureOf(() => planOf(manifest, 'here')))).toContain(message);
});

test.for([
  ['nothing wrong', { component: 'a.wasm', digest }],
  ['no digest of a.wasm', { component: 'a.wasm' }],
  ['a.wasm is sha256:', { component: 'a.wasm', digest: digestOf(Buffer.from('y')) }],
  ['no layer for b.wasm', { component: 'b.wasm', digest }],
] as const)('artifact: bundle.json against the manifest: %s', ([message, handler]) => {
  const plan = planOf(manifestWith([bundleLayer, layer('a.wasm')]), 'here');
  const bundle = { name: 'b', version: '0.1.0', description: 'd', handlers: [handler] };
  const failure = failureOrNone(() =>
    checkOutline(Buffer.from(JSON.stringify(bundle)), plan, 'here'),
  );
  expect(failure?.message ?? 'nothing wrong').toContain(message);
});

test.for(['name', 'version', 'description'])('M6: artifact: a %s controls no terminal', (key) => {
  const plan = planOf(manifestWith([bundleLayer, layer('a.wasm')]), 'here');
  const handlers = [{ component: 'a.wasm', digest }];
  const bundle = { name: 'b', version: '0.1.0', description: 'd', handlers, [key]: 'a\u009b2J' };
  expect(() => checkOutline(Buffer.from(JSON.stringify(bundle)), plan, 'here')).toThrow(
    `${key} has control characters`,
  );
});

test('artifact: a component that no handler names is refused', () => {
  const plan = planOf(manifestWith([bundleLayer, layer('a.wasm'), layer('b.wasm')]), 'here');
  const handlers = [{ component: 'a.wasm', digest }];
  const bundle = { name: 'b', version: '0.1.0', description: 'd', handlers };
  expect(() => checkOutline(Buffer.from(JSON.stringify(bundle)), plan, 'here')).toThrow(
    'no handler names b.wasm',
  );
});
