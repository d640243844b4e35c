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
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';

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
import {
  defaultStoreBytes,
  incomingPrefix,
  operatorPays,
  payerOf,
  removeLeft,
  roomFile,
  serializeRoom,
  StoreRoom,
} from './store-room.ts';
import type { Payer } from './store-room.ts';

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

/** Room of the store, and whose part of it is used. */
export interface StoreLimit {
  readonly maxBytes: number;
  readonly payer: Payer;
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

  /**
   * Takes room for all of it before it is there, so that others see it.
   * @throws AgentError AGENT_STORE
   */
  async reserve(digest: Digest, bytes: number, { payer, maxBytes }: StoreLimit): Promise<void> {
    await this.add(roomFile, serializeRoom(payer, bytes));
    const without = [this.#folder, folderOf(this.#store, digest)].map((path) => basename(path));
    new StoreRoom(this.#store, maxBytes).make({ payer, bytes, without });
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

/** Leftovers of processes that were killed. */
export function tidyStore(store: string = defaultStore): void {
  try {
    removeLeft(store);
    removeAbandoned(store);
  } catch {
    // there is no store yet, or it says so when something is stored
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

export function folderOf(store: string, digest: Digest): string {
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
  readonly #limit: StoreLimit;

  /** @param limit of what is stored from now on */
  constructor(folder: string = defaultStore, limit: Partial<StoreLimit> = {}) {
    this.#folder = folder;
    this.#limit = { maxBytes: defaultStoreBytes, payer: operatorPays, ...limit };
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
    const folder = folderOf(this.#folder, digest);
    const file = join(folder, originFile);
    const written = `${file}.new`;
    const text = serializeOrigin(origin);
    try {
      this.#makeRoomFor(folder, text.length);
      await writeDurably(written, text);
      renameSync(written, file);
    } catch (cause) {
      rmSync(written, { force: true });
      if (cause instanceof AgentError) throw cause;
      failed(file, 'cannot be written', cause);
    }
  }

  /** @param bytes of all of its files. @throws AgentError AGENT_STORE where there is no room */
  async begin(digest: Digest, bytes: number): Promise<IncomingBundle> {
    const incoming = new IncomingBundle(this.#folder);
    try {
      await incoming.reserve(digest, bytes, this.#limit);
      return incoming;
    } catch (thrown) {
      incoming[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Signatures count, too, of which there may be more than before. */
  #makeRoomFor(folder: string, newBytes: number): void {
    const others = [manifestFile, bundleFile, ...componentsIn(folder)];
    const bytes = others.reduce((sum, name) => sum + sizeOf(join(folder, name)), newBytes);
    const payer = payerOf(folder);
    const { maxBytes } = this.#limit;
    new StoreRoom(this.#folder, maxBytes).make({ payer, bytes, without: [basename(folder)] });
    writeFileSync(join(folder, roomFile), serializeRoom(payer, bytes));
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

function componentsIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.wasm'));
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Of its files in the store, besides those of its manifest. */
export function originBytes(origin: Origin): number {
  return serializeOrigin(origin).length;
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
