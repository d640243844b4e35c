// SPDX-License-Identifier: Apache-2.0
// Builds all handlers of a folder and puts each bundle together with its components.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve, sep } from 'node:path';

import { BuildError } from './build-error.ts';
import { type Bundle, type BundleHandler, folderName, isInterface, parseBundle } from './bundle.ts';
import { type BuiltHandler, buildHandler } from './handler.ts';
import { findLanguage } from './language.ts';
import { shortPath } from './short-path.ts';

export interface BundlesBuild {
  /** A folder of folders with bundle.json, a handler's source or both. */
  readonly source: string;
  /** Gets a folder per bundle; what was in that folder before is removed. */
  readonly out: string;
}

export interface BuiltBundles {
  readonly bundles: readonly Bundle[];
  readonly handlers: ReadonlyMap<string, BuiltHandler>;
}

/** Interfaces that a handler may use without a grant. */
const UNGRANTED = ['arguments', 'clock', 'log', 'types'];

/** Everything is checked before anything is written to `out`. Throws BuildError. */
export async function buildBundles(build: BundlesBuild): Promise<BuiltBundles> {
  const source = resolve(build.source);
  const out = resolve(build.out);
  if (
    `${out}${sep}`.startsWith(`${source}${sep}`) ||
    `${source}${sep}`.startsWith(`${out}${sep}`)
  ) {
    throw new BuildError(`${build.out} and ${build.source} must not be inside each other`);
  }
  const scratch = await mkdtemp(join(tmpdir(), 'handlers-wasm-'));
  try {
    const folders = await handlerFolders(source);
    const bundles = await readBundles(source, folders);
    const handlers = new Map<string, BuiltHandler>();
    for (const folder of folders) {
      if (findLanguage(join(source, folder)) === undefined) continue;
      const outFile = join(scratch, `${folder}.wasm`);
      handlers.set(
        folder,
        await buildHandler({ directory: join(source, folder), outFile, root: source }),
      );
    }
    for (const bundle of bundles) checkBundle(bundle, handlers, shortPath(source));
    for (const bundle of bundles) await writeBundle(bundle, { source, scratch, out });
    return { bundles, handlers };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function handlerFolders(source: string): Promise<readonly string[]> {
  const entries = await readdir(source, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const wrong = folders.find((name) => !folderName.test(name));
  if (wrong !== undefined) {
    throw new BuildError(
      `${shortPath(join(source, wrong))}: the name does not match ${folderName}`,
    );
  }
  return folders.toSorted();
}

async function readBundles(source: string, folders: readonly string[]): Promise<readonly Bundle[]> {
  const bundles: Bundle[] = [];
  for (const folder of folders) {
    const file = join(source, folder, 'bundle.json');
    if (!existsSync(file)) continue;
    const place = shortPath(file);
    const bundle = parseBundle(await readFile(file, 'utf8'), place);
    if (bundle.name !== folder) {
      throw new BuildError(`${place}: name is "${bundle.name}", but the folder is "${folder}"`);
    }
    bundles.push(bundle);
  }
  return bundles;
}

function checkBundle(
  bundle: Bundle,
  handlers: ReadonlyMap<string, BuiltHandler>,
  source: string,
): void {
  const file = join(source, bundle.name, 'bundle.json');
  const used = new Set<string>();
  bundle.handlers.forEach((entry, index) => {
    const place = `${file}: handlers[${index}]`;
    const handler = handlers.get(basename(entry.component, '.wasm'));
    if (handler === undefined) {
      throw new BuildError(
        `${place}.component: there is no ${join(source, basename(entry.component, '.wasm'), 'handler.ts')}`,
      );
    }
    checkSyscalls(entry, handler, place);
    for (const name of handler.imports) used.add(name);
  });
  checkGrants(bundle, used, file);
}

function checkSyscalls(entry: BundleHandler, handler: BuiltHandler, place: string): void {
  const answersAny = handler.answers.includes('any');
  if (entry.syscalls === undefined) {
    if (!answersAny) return;
    throw new BuildError(`${place}: ${entry.component} exports any, so "syscalls" must be there`);
  }
  const unanswered = entry.syscalls.find((syscall) => !handler.answers.includes(syscall));
  if (unanswered !== undefined && !answersAny) {
    throw new BuildError(
      `${place}.syscalls: ${entry.component} answers ${handler.answers.join(', ')}, not "${unanswered}"`,
    );
  }
}

function checkGrants(bundle: Bundle, used: ReadonlySet<string>, file: string): void {
  const wanted = [...used].filter((name) => !UNGRANTED.includes(name)).toSorted();
  const asked = bundle.grants.map(({ capability }) => capability).filter(isInterface);
  if (asked.toSorted().join() === wanted.join()) return;
  throw new BuildError(
    `${file}: grants: the components use ${wanted.join(', ') || 'nothing'}, ` +
      `but the grants are ${asked.join(', ') || 'none'}`,
  );
}

interface Places {
  readonly source: string;
  /** Holds the built components. */
  readonly scratch: string;
  readonly out: string;
}

async function writeBundle(bundle: Bundle, places: Places): Promise<void> {
  const folder = join(places.out, bundle.name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const digests = new Map<string, string>();
  for (const component of new Set(bundle.handlers.map((handler) => handler.component))) {
    await copyFile(join(places.scratch, component), join(folder, component));
    digests.set(component, await digestOf(join(folder, component)));
  }
  const manifest = await readFile(join(places.source, bundle.name, 'bundle.json'), 'utf8');
  await writeFile(join(folder, 'bundle.json'), withDigests(manifest, digests));
}

async function digestOf(file: string): Promise<string> {
  return `sha256:${createHash('sha256')
    .update(await readFile(file))
    .digest('hex')}`;
}

/** The text of a bundle.json that was read before, with the digest of each component. */
function withDigests(text: string, digests: ReadonlyMap<string, string>): string {
  const manifest: unknown = JSON.parse(text);
  if (!isObject(manifest) || !Array.isArray(manifest['handlers'])) return text;
  const handlers = manifest['handlers'].map((handler: unknown) => {
    if (!isObject(handler)) return handler;
    const { component, ...rest } = handler;
    return { component, ...rest, digest: digests.get(String(component)) };
  });
  // a schema that is named by a path is not beside what was built
  return `${JSON.stringify({ ...manifest, $schema: undefined, handlers }, undefined, 2)}\n`;
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null;
}
