// SPDX-License-Identifier: Apache-2.0
// A bundle as an OCI artifact: a manifest, and as layers bundle.json and the components, each under
// the name of its file. The same bundle always gives the same digest.
import { join } from 'node:path';

import { AgentError, systemCodeOf } from '../../errors.ts';
import { OpenFolder } from '../../files/open-folder.ts';
import { checkSize, defaultLimits } from '../../handler/outline.ts';
import { readRegularFile } from '../../files/regular-file.ts';
import { hasControlCharacters } from '../../terminal-text.ts';
import {
  bundleFile,
  checkComponentBytes,
  maxManifestBytes,
  noSuchComponent,
} from '../bundle-folder.ts';
import { maxHandlers } from '../manifest.ts';
import { blobOf, mediaTypes, parseDescriptors, titleKey } from './descriptor.ts';
import type { Blob, Descriptor } from './descriptor.ts';
import { digestOf } from './digest.ts';
import type { Digest } from './digest.ts';
import { elementsOf, isObject, memberOf, parseJson, printable } from './json.ts';

/** Media types of our content. */
const bundleTypes = {
  artifact: 'application/vnd.seccompagent.bundle.v1',
  manifest: 'application/vnd.seccompagent.bundle.manifest.v1+json',
  component: 'application/vnd.seccompagent.component.v1+wasm',
} as const;

/** Fields that the artifact's form rests on; the loader reads all others. */
export interface BundleOutline {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** In chain order; a component may be named more than once. */
  readonly components: readonly { readonly file: string; readonly digest?: string }[];
}

export interface Artifact {
  readonly outline: BundleOutline;
  readonly digest: Digest;
  readonly manifest: Uint8Array;
  /** Everything that the manifest names. */
  readonly blobs: readonly Blob[];
}

/** Sizes in a manifest before its content is fetched. */
export interface ArtifactPlan {
  readonly bundle: Descriptor;
  readonly components: ReadonlyMap<string, Descriptor>;
}

const componentPattern = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*\.wasm$/u;

function invalid(what: string, cause?: unknown): never {
  throw new AgentError('AGENT_BUNDLE_INVALID', what, cause === undefined ? {} : { cause });
}

/** @throws AgentError AGENT_BUNDLE_INVALID */
function outlineOf(json: unknown, place: string): BundleOutline {
  const text = (key: string): string => {
    const value = memberOf(json, key);
    if (typeof value !== 'string') return invalid(`${place}: ${key} must be a string`);
    return hasControlCharacters(value) ? invalid(`${place}: ${key} has control characters`) : value;
  };
  const components = elementsOf(memberOf(json, 'handlers')).map((handler, index) => {
    const file = memberOf(handler, 'component');
    const digest = memberOf(handler, 'digest');
    if (typeof file !== 'string' || !componentPattern.test(file)) {
      return invalid(`${place}: handlers[${index}].component is no name of a component`);
    }
    return { file, ...(typeof digest === 'string' ? { digest } : {}) };
  });
  if (components.length === 0) invalid(`${place}: handlers is empty`);
  if (components.length > maxHandlers) invalid(`${place}: more than ${maxHandlers} handlers`);
  return {
    name: text('name'),
    version: text('version'),
    description: text('description'),
    components,
  };
}

/** The folder may be a stranger's, who must not have other files of ours shipped. */
class SourceFolder implements Disposable {
  /** For messages. */
  readonly path: string;
  readonly #held: OpenFolder;

  constructor(path: string) {
    this.path = path;
    try {
      this.#held = new OpenFolder(path);
    } catch (cause) {
      invalid(`${join(path, bundleFile)}: cannot be read`, cause);
    }
  }

  /** @throws AgentError AGENT_BUNDLE_INVALID */
  read(name: string, maxBytes: number): Buffer {
    const shown = join(this.path, name);
    try {
      return readRegularFile(join(this.#held.path, name), { maxBytes, mayBeLink: false });
    } catch (cause) {
      if (systemCodeOf(cause) === 'ENOENT' && name !== bundleFile) noSuchComponent(shown);
      return invalid(`${shown}: cannot be read`, cause);
    }
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }
}

/**
 * Makes the artifact of a bundle; digests that bundle.json lacks are added. Links are not followed.
 * @param folder the folder of its bundle.json
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function packArtifact(folder: string): Artifact {
  using held = new SourceFolder(folder);
  const file = join(folder, bundleFile);
  const source = held.read(bundleFile, maxManifestBytes);
  const json = parseJson(source.toString());
  const outline = outlineOf(json, file);
  const names = [...new Set(outline.components.map((component) => component.file))].toSorted();
  const components = packComponents(held, names);
  for (const { file: name, digest } of outline.components) {
    const found = components.get(name)?.descriptor.digest;
    if (digest !== undefined && digest !== found) {
      invalid(`${file}: the digest of ${name} is ${found}, but bundle.json has ${digest}`);
    }
  }
  const bytes = withDigests(source, json, components);
  const bundle = blobOf(bundleTypes.manifest, bytes, { [titleKey]: bundleFile });
  const empty = blobOf(mediaTypes.empty, Buffer.from('{}'));
  const manifest = manifestOf(outline, empty, [bundle, ...components.values()]);
  return {
    outline,
    digest: digestOf(manifest),
    manifest,
    blobs: [empty, ...components.values(), bundle],
  };
}

function packComponents(folder: SourceFolder, names: readonly string[]): ReadonlyMap<string, Blob> {
  const sizes: number[] = [];
  return new Map(
    names.map((name) => {
      const bytes = folder.read(name, defaultLimits.maximumBytes);
      sizes.push(bytes.length);
      checkComponentBytes(sizes, folder.path);
      return [name, blobOf(bundleTypes.component, bytes, { [titleKey]: name })];
    }),
  );
}

/** The file as it is if it has all digests. */
function withDigests(
  source: Buffer,
  json: unknown,
  components: ReadonlyMap<string, Blob>,
): Uint8Array {
  const handlers = elementsOf(memberOf(json, 'handlers'));
  if (!isObject(json) || handlers.every((handler) => memberOf(handler, 'digest') !== undefined)) {
    return source;
  }
  const completed = handlers.map((handler) => {
    const digest = components.get(String(memberOf(handler, 'component')))?.descriptor.digest;
    return isObject(handler) ? { ...handler, digest } : handler;
  });
  return Buffer.from(`${JSON.stringify({ ...json, handlers: completed }, undefined, 2)}\n`);
}

/** No time of making is in it: that would give each making another digest. */
function manifestOf(outline: BundleOutline, config: Blob, layers: readonly Blob[]): Uint8Array {
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: bundleTypes.artifact,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: {
      [titleKey]: outline.name,
      'org.opencontainers.image.version': outline.version,
      'org.opencontainers.image.description': outline.description,
    },
  };
  return Buffer.from(JSON.stringify(manifest));
}

/**
 * The parts of a bundle that a manifest names.
 * @throws AgentError AGENT_BUNDLE_INVALID, AGENT_OCI
 */
export function planOf(manifest: unknown, place: string): ArtifactPlan {
  // older tools write the type of the config in its place
  const type = memberOf(manifest, 'artifactType') ?? memberOf(manifest, 'config', 'mediaType');
  if (type !== bundleTypes.artifact) {
    const found = typeof type === 'string' ? printable(type) : 'missing';
    invalid(`${place} is not a bundle: its type is ${found}, not ${bundleTypes.artifact}`);
  }
  const layers = parseDescriptors(memberOf(manifest, 'layers'), `${place}: layers`);
  const [bundle, ...others] = layers.filter(({ mediaType }) => mediaType === bundleTypes.manifest);
  if (bundle === undefined || others.length > 0) {
    return invalid(`${place} must have one layer of the type ${bundleTypes.manifest}`);
  }
  checkBytes(bundle, maxManifestBytes, place);
  return { bundle, components: componentsOf(layers, place) };
}

function componentsOf(
  layers: readonly Descriptor[],
  place: string,
): ReadonlyMap<string, Descriptor> {
  const components = new Map<string, Descriptor>();
  for (const layer of layers.filter(({ mediaType }) => mediaType !== bundleTypes.manifest)) {
    const name = layer.annotations?.[titleKey] ?? '';
    if (layer.mediaType !== bundleTypes.component) {
      invalid(`${place}: a layer has the unknown type ${printable(layer.mediaType)}`);
    }
    if (!componentPattern.test(name)) {
      invalid(`${place}: "${printable(name)}" is no name of a component`);
    }
    if (components.has(name)) invalid(`${place}: two layers are called ${name}`);
    try {
      checkSize(layer.size);
    } catch (cause) {
      invalid(`${place}: ${name}`, cause);
    }
    components.set(name, layer);
  }
  checkComponentBytes(
    [...components.values()].map(({ size }) => size),
    place,
  );
  if (components.size > maxHandlers) invalid(`${place}: more than ${maxHandlers} components`);
  return components;
}

function checkBytes({ size }: Descriptor, limit: number, place: string): void {
  if (size > limit) invalid(`${place}: ${bundleFile} has ${size} bytes; ${limit} are allowed`);
}

/**
 * Whether bundle.json and the manifest speak of the same components.
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function checkOutline(bundle: Uint8Array, plan: ArtifactPlan, place: string): BundleOutline {
  const outline = outlineOf(parseJson(Buffer.from(bundle).toString()), `${place}: ${bundleFile}`);
  for (const { file, digest } of outline.components) {
    const layer = plan.components.get(file);
    if (layer === undefined) invalid(`${place} has no layer for ${file}`);
    if (digest === undefined) invalid(`${place}: ${bundleFile} has no digest of ${file}`);
    if (layer.digest !== digest) {
      invalid(`${place}: ${file} is ${layer.digest}, and ${bundleFile} says ${digest}`);
    }
  }
  const unused = [...plan.components.keys()].find((name) =>
    outline.components.every(({ file }) => file !== name),
  );
  if (unused !== undefined) invalid(`${place}: no handler names ${unused}`);
  return outline;
}
