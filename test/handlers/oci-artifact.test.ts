// SPDX-License-Identifier: Apache-2.0
// Tests the form of a bundle as an OCI artifact.
import { cpSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { messageOf } from '../../host/errors.ts';
import { checkOutline, packArtifact, planOf } from '../../host/bundles/oci/artifact.ts';
import { digestOf } from '../../host/bundles/oci/digest.ts';
import { failureOf, failureOrNone } from '../support/agent-failure.ts';
import { shippedBundle } from '../support/bundle-shipping.ts';
import { failure, naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const artifactType = 'application/vnd.seccompagent.bundle.v1';
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
    artifactType,
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
  expect(() => packArtifact(folder.path)).toThrow(failure('AGENT_BUNDLE_INVALID', 'errno.wasm'));
});

test.for(['bundle.json', 'errno.wasm'])(
  'artifact: a link at %s would ship a file of whoever packs the folder, and is refused',
  (name) => {
    using folder = new TemporaryFolder();
    using other = new TemporaryFolder();
    cpSync(shippedBundle('errno'), folder.path, { recursive: true });
    renameSync(folder.at(name), other.at(name));
    symlinkSync(other.at(name), folder.at(name));
    expect(() => packArtifact(folder.path)).toThrow(failure('AGENT_BUNDLE_INVALID', name));
    // its own folder may be named by a link
    renameSync(other.at(name), folder.at(name));
    symlinkSync(folder.path, other.at('link'));
    expect(packArtifact(other.at('link'))).toEqual(packArtifact(shippedBundle('errno')));
  },
);

function writeBundle(folder: TemporaryFolder, components: readonly string[]): void {
  const handlers = components.map((component) => ({ component }));
  const bundle = { name: 'b', version: '0.1.0', description: 'd', handlers };
  writeFileSync(folder.at('bundle.json'), JSON.stringify(bundle));
}

test.for([
  ['no bundle.json', () => undefined, 'bundle.json'],
  [
    'a component outside of the folder',
    (folder: TemporaryFolder) => writeBundle(folder, ['../x.wasm']),
    'handlers[0].component',
  ],
  ['no component', (folder: TemporaryFolder) => writeBundle(folder, ['x.wasm']), 'x.wasm'],
  ['no handler', (folder: TemporaryFolder) => writeBundle(folder, []), /\bhandlers\b/u],
] as const)('artifact: %s is an error', ([, prepare, named]) => {
  using folder = new TemporaryFolder();
  prepare(folder);
  expect(() => packArtifact(folder.path)).toThrow(
    failure('AGENT_BUNDLE_INVALID', folder.path, named),
  );
});

const digest = digestOf(Buffer.from('x'));

function layer(title: string, mediaType: string = componentType): object {
  const annotations = { 'org.opencontainers.image.title': title };
  return { mediaType, digest, size: 1, annotations };
}

function manifestWith(layers: readonly unknown[]): object {
  return { artifactType, layers };
}

const bundleLayer = layer('bundle.json', bundleType);

test.for([
  ['without a type', { layers: [bundleLayer] }, [artifactType]],
  ['of another type', { artifactType: 'a\nb', layers: [bundleLayer] }, ['a b', artifactType]],
  ['without a bundle.json', manifestWith([]), [bundleType]],
  ['with two bundle.json', manifestWith([bundleLayer, bundleLayer]), [bundleType]],
  [
    'with a layer of another type',
    manifestWith([bundleLayer, layer('a.wasm', 'text/plain')]),
    ['text/plain'],
  ],
  [
    'with a component outside of the folder',
    manifestWith([bundleLayer, layer('../a.wasm')]),
    ['"../a.wasm"'],
  ],
  [
    'with two components of one name',
    manifestWith([bundleLayer, ...['a.wasm', 'a.wasm'].map((name) => layer(name))]),
    ['a.wasm'],
  ],
  [
    'with a huge component',
    manifestWith([bundleLayer, { ...layer('a.wasm'), size: 1e9 }]),
    ['a.wasm', '1000000000'],
  ],
  [
    'with a huge bundle.json',
    manifestWith([{ ...bundleLayer, size: 1e9 }]),
    ['bundle.json', '1000000000'],
  ],
] as const)('artifact: a manifest %s is refused', ([, manifest, named]) => {
  const refused = failureOf(() => planOf(manifest, 'here'));
  expect(refused.code).toBe('AGENT_BUNDLE_INVALID');
  expect(messageOf(refused)).toEqual(naming('here', ...named));
});

test.for([
  ['digest', 'sha256:x'],
  ['size', -1],
] as const)('artifact: a layer with the %s %j is none', ([key, value]) => {
  const manifest = manifestWith([{ ...bundleLayer, [key]: value }]);
  expect(() => planOf(manifest, 'here')).toThrow(failure('AGENT_OCI', 'here', 'layers[0]'));
});

const otherDigest = digestOf(Buffer.from('y'));

test.for([
  ['the same', { component: 'a.wasm', digest }, undefined],
  ['without a digest', { component: 'a.wasm' }, ['bundle.json', 'a.wasm']],
  [
    'with another digest',
    { component: 'a.wasm', digest: otherDigest },
    ['a.wasm', digest, otherDigest],
  ],
  ['with another component', { component: 'b.wasm', digest }, ['b.wasm']],
] as const)('artifact: bundle.json against the manifest: %s', ([, handler, named]) => {
  const plan = planOf(manifestWith([bundleLayer, layer('a.wasm')]), 'here');
  const bundle = { name: 'b', version: '0.1.0', description: 'd', handlers: [handler] };
  const refused = failureOrNone(() =>
    checkOutline(Buffer.from(JSON.stringify(bundle)), plan, 'here'),
  );
  expect(refused).toEqual(
    named === undefined ? undefined : failure('AGENT_BUNDLE_INVALID', 'here', ...named),
  );
});

test.for(['name', 'version', 'description'])('M6: artifact: a %s controls no terminal', (key) => {
  const plan = planOf(manifestWith([bundleLayer, layer('a.wasm')]), 'here');
  const handlers = [{ component: 'a.wasm', digest }];
  const bundle = { name: 'b', version: '0.1.0', description: 'd', handlers, [key]: 'a\u009b2J' };
  expect(() => checkOutline(Buffer.from(JSON.stringify(bundle)), plan, 'here')).toThrow(
    failure('AGENT_BUNDLE_INVALID', 'here', key),
  );
});

test('artifact: a component that no handler names is refused', () => {
  const plan = planOf(manifestWith([bundleLayer, layer('a.wasm'), layer('b.wasm')]), 'here');
  const handlers = [{ component: 'a.wasm', digest }];
  const bundle = { name: 'b', version: '0.1.0', description: 'd', handlers };
  expect(() => checkOutline(Buffer.from(JSON.stringify(bundle)), plan, 'here')).toThrow(
    failure('AGENT_BUNDLE_INVALID', 'here', 'b.wasm'),
  );
});
