// SPDX-License-Identifier: Apache-2.0
// The store of pulled bundles: one folder for each, named after the digest of its manifest. Whatever
// is read from it is compared with its digest, each time. A folder appears in one step, when all of
// it is on the disk.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

import { AgentError, systemCodeOf } from '../../errors.ts';
import { defaultLimits } from '../../handler/outline.ts';
import { readRegularFile } from '../../files/regular-file.ts';
import { bundleFile } from '../bundle-folder.ts';
import { checkOutline, planOf } from './artifact.ts';
import type { BundleOutline } from './artifact.ts';
import type { Descriptor } from './descriptor.ts';
import { digestOf, hexOf, isDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { elementsOf, memberOf, parseJson } from './json.ts';
import { manifestBytes } from './registry-client.ts';
import type { Signature } from './signature.ts';

export const defaultStore = '/var/lib/seccompagent/bundles';

/** Facts of a bundle besides its contents. None is trusted without a check. */
export interface Origin {
  /** References that it was pulled by. */
  readonly references: readonly string[];
  readonly signatures: readonly Signature[];
}

export interface StoredBundle extends Origin {
  readonly digest: Digest;
  readonly folder: string;
  readonly outline: BundleOutline;
  /** bundle.json as it was compared with its digest. So were the components. */
  readonly text: string;
}

const manifestFile = 'manifest.json';
const originFile = 'origin.json';
/** Of the signatures that are kept, encoded: twice as much as there can be. */
const maxOriginBytes = 16 * 2 ** 20;
const incomingPrefix = '.incoming-';
/** Longer than any pull may take. */
const abandonedMs = 3_600_000;

function failed(file: string, what: string, cause: unknown): never {
  throw new AgentError('AGENT_STORE', `${file}: ${what}`, { cause });
}

/** With its contents on the disk, so that no crash leaves a name without them. */
async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await using handle = await open(file, 'w', 0o644);
    await handle.writeFile(bytes);
    await handle.sync();
  } catch (cause) {
    failed(file, 'cannot be written', cause);
  }
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

/** A bundle that is being written; unless it is kept, nothing stays of it. */
export class IncomingBundle implements Disposable {
  readonly #store: string;
  readonly #folder: string;

  constructor(store: string) {
    this.#store = store;
    try {
      mkdirSync(store, { recursive: true });
      removeAbandoned(store);
      this.#folder = mkdtempSync(join(store, incomingPrefix));
    } catch (cause) {
      failed(store, 'nothing can be stored', cause);
    }
  }

  async add(name: string, bytes: Uint8Array): Promise<void> {
    await writeDurably(join(this.#folder, name), bytes);
  }

  /** Takes the place of what is there. */
  async keep(manifest: Uint8Array, origin: Origin): Promise<void> {
    await this.add(manifestFile, manifest);
    await this.add(originFile, serializeOrigin(origin));
    const folder = folderOf(this.#store, digestOf(manifest));
    try {
      await syncFolder(this.#folder);
      if (existsSync(folder)) renameSync(folder, join(this.#folder, 'replaced'));
      renameSync(this.#folder, folder);
      rmSync(join(folder, 'replaced'), { recursive: true, force: true });
      await syncFolder(this.#store);
    } catch (cause) {
      failed(folder, 'cannot be stored', cause);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Leftovers of processes killed while writing. */
function removeAbandoned(store: string): void {
  for (const name of readdirSync(store)) {
    if (!name.startsWith(incomingPrefix)) continue;
    const folder = join(store, name);
    const status = statSync(folder, { throwIfNoEntry: false });
    if (status !== undefined && Date.now() - status.mtimeMs > abandonedMs) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function folderOf(store: string, digest: Digest): string {
  return join(store, `sha256-${hexOf(digest)}`);
}

/** Besides the components: all that reading one from there depends on. */
export function filesOfStored(folder: string): readonly string[] {
  return [manifestFile, originFile, bundleFile].map((name) => join(folder, name));
}

function readStored(file: string, maxBytes: number): Buffer {
  try {
    return readRegularFile(file, { maxBytes });
  } catch (cause) {
    return failed(file, 'cannot be read', cause);
  }
}

function readContent(file: string, { digest, size }: Descriptor): Buffer {
  const bytes = readStored(file, defaultLimits.maximumBytes);
  if (bytes.length === size && digestOf(bytes) === digest) return bytes;
  throw new AgentError('AGENT_STORE', `${file} was changed: its digest is no longer ${digest}`);
}

export class BundleStore {
  readonly #folder: string;

  constructor(folder: string = defaultStore) {
    this.#folder = folder;
  }

  has(digest: Digest): boolean {
    return existsSync(folderOf(this.#folder, digest));
  }

  /** @throws AgentError AGENT_STORE, AGENT_BUNDLE_INVALID when it is not what it should be */
  read(digest: Digest): StoredBundle {
    const folder = folderOf(this.#folder, digest);
    if (!existsSync(folder)) {
      throw new AgentError('AGENT_STORE', `${digest} is not in ${this.#folder}: pull it first`);
    }
    const manifest = readStored(join(folder, manifestFile), manifestBytes);
    if (digestOf(manifest) !== digest) {
      throw new AgentError('AGENT_STORE', `${join(folder, manifestFile)} was changed`);
    }
    const plan = planOf(parseJson(manifest.toString()), folder);
    const bundle = readContent(join(folder, bundleFile), plan.bundle);
    const outline = checkOutline(bundle, plan, folder);
    // one after the other: together they may be large
    for (const [name, descriptor] of plan.components) readContent(join(folder, name), descriptor);
    return { digest, folder, outline, text: bundle.toString(), ...readOrigin(folder) };
  }

  /** Facts of a bundle have changed: somebody signed it, or it has one more name. */
  async updateOrigin(digest: Digest, origin: Origin): Promise<void> {
    const file = join(folderOf(this.#folder, digest), originFile);
    const written = `${file}.new`;
    try {
      await writeDurably(written, serializeOrigin(origin));
      renameSync(written, file);
    } catch (cause) {
      rmSync(written, { force: true });
      if (cause instanceof AgentError) throw cause;
      failed(file, 'cannot be written', cause);
    }
  }

  begin(): IncomingBundle {
    return new IncomingBundle(this.#folder);
  }

  /** All that is there, whatever it is worth. */
  digests(): readonly Digest[] {
    try {
      return readdirSync(this.#folder)
        .map((name) => name.replace('-', ':'))
        .filter(isDigest)
        .toSorted();
    } catch (cause) {
      if (systemCodeOf(cause) === 'ENOENT') return [];
      return failed(this.#folder, 'cannot be read', cause);
    }
  }
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function serializeOrigin({ references, signatures }: Origin): Uint8Array {
  const json = {
    references,
    signatures: signatures.map((signature) =>
      signature.kind === 'simple'
        ? {
            kind: signature.kind,
            payload: encode(signature.payload),
            signature: encode(signature.signature),
          }
        : { kind: signature.kind, bundle: encode(signature.bundle) },
    ),
  };
  return Buffer.from(`${JSON.stringify(json, undefined, 2)}\n`);
}

/** Unreadable facts are unknown: a bundle without signatures counts as not signed. */
function readOrigin(folder: string): Origin {
  const json = parseJson(readStored(join(folder, originFile), maxOriginBytes).toString());
  const references = elementsOf(memberOf(json, 'references'));
  return {
    references: references.filter((reference) => typeof reference === 'string'),
    signatures: elementsOf(memberOf(json, 'signatures')).map(parseSignature),
  };
}

function parseSignature(json: unknown): Signature {
  const decode = (key: string): Buffer => {
    const text = memberOf(json, key);
    return Buffer.from(typeof text === 'string' ? text : '', 'base64');
  };
  return memberOf(json, 'kind') === 'sigstore'
    ? { kind: 'sigstore', bundle: decode('bundle') }
    : { kind: 'simple', payload: decode('payload'), signature: decode('signature') };
}
