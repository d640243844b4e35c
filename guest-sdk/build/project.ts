// SPDX-License-Identifier: Apache-2.0
// A bundle in its own folder, as its author works on it: sources and bundle.json side by side.

import { createHash, randomUUID } from 'node:crypto';
import {
  constants,
  copyFile,
  mkdtemp,
  readFile,
  realpath,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { AgentError, messageOf, systemCodeOf } from '../../host/errors.ts';
import { OpenFolder } from '../../host/files/open-folder.ts';
import { readBundle } from '../../host/bundles/bundle.ts';
import type { Bundle as ReadyBundle } from '../../host/bundles/bundle.ts';
import { maxManifestBytes } from '../../host/bundles/bundle-folder.ts';
import { BuildError } from './build-error.ts';
import { type Bundle, parseBundle } from './bundle.ts';
import { firmAnswers } from '../../host/bundles/advisory-calls.ts';
import { comparedPlaces, compareWarnings } from './compared.ts';
import { continuedPlaces, continueWarnings } from './continued.ts';
import { refreshLinks } from './editor.ts';
import { buildHandler } from './handler.ts';
import { findLanguage, languages, requireLanguage } from './language.ts';
import { readOwnFile } from './own-files.ts';
import { shortPath } from './short-path.ts';

export interface BuiltComponent {
  /** The file's name: `hello.wasm`. */
  readonly component: string;
  /** `Rust`; absent: it came built, and was left as it is. */
  readonly language?: string;
  readonly digest: string;
  readonly bytes: number;
  readonly warnings: readonly string[];
}

export interface BuiltProject {
  readonly name: string;
  readonly components: readonly BuiltComponent[];
}

export interface ProjectBuild {
  /** The folder of bundle.json. */
  readonly directory: string;
  /** Gets the components, and bundle.json with their digests; absent: the folder of bundle.json. */
  readonly out?: string;
  /** Progress, for whoever waits. */
  readonly onProgress?: (what: string) => void;
}

/** Everything is checked before anything is written to `out`. Throws BuildError. */
export async function buildProject(build: ProjectBuild): Promise<BuiltProject> {
  const given = resolve(build.directory);
  using folder = openFolder(given);
  // whatever comes to lie there meanwhile is outside
  const directory = folder.place;
  const { text, bundle } = readManifest(directory, shortPath(given));
  const scratch = await mkdtemp(join(tmpdir(), 'bundle-'));
  try {
    const names = [...new Set(bundle.handlers.map(({ component }) => component))];
    // also for a source that does not build yet
    if (build.out === undefined) await refreshEditors(names, directory);
    const components: FreshComponent[] = [];
    for (const component of names) {
      components.push(
        await buildComponent({ component, directory, scratch, isOnly: names.length === 1 }, build),
      );
    }
    await writeFile(join(scratch, 'bundle.json'), withDigests(text, components));
    const { handlers } = check(scratch, shortPath(given));
    const judged = components.map(({ continues, compares, ...built }) => {
      const own = handlers.filter(({ file }) => basename(file) === built.component);
      const families = firmAnswers(own);
      if (families.length === 0) return built;
      const warnings = [
        ...built.warnings,
        ...continueWarnings(families, continues),
        ...compareWarnings(families, compares),
      ];
      return { ...built, warnings };
    });
    for (const file of [...names, 'bundle.json']) {
      await put(join(scratch, file), build.out ?? folder.path);
    }
    return { name: bundle.name, components: judged };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** A component that was built before its source was changed last. */
export interface StaleComponent {
  readonly component: string;
  /** The changed file. */
  readonly source: string;
}

/** A result that is copied with its source may be some moments older. */
const sameTimeMs = 1000;

/**
 * Those of a bundle that lies in its own folder. A build that fails leaves what was there before.
 * Throws BuildError.
 */
export async function staleComponents(folder: string): Promise<readonly StaleComponent[]> {
  using open = openFolder(resolve(folder));
  const directory = open.place;
  const { bundle } = readManifest(directory);
  const names = [...new Set(bundle.handlers.map(({ component }) => component))];
  return names.flatMap((component) => {
    const source = sourceOf(component, directory, names.length === 1);
    const built = statSync(join(directory, component), { throwIfNoEntry: false });
    if (source === undefined || built === undefined) return [];
    const { sourceFile } = requireLanguage(source);
    const changed = readdirSync(source)
      .filter((name) => extname(name) === extname(sourceFile))
      .map((name) => join(source, name))
      .find((file) => statSync(file).mtimeMs > built.mtimeMs + sameTimeMs);
    return changed === undefined ? [] : [{ component, source: shortPath(changed) }];
  });
}

/** Throws BuildError. */
function openFolder(directory: string): OpenFolder {
  try {
    return new OpenFolder(directory);
  } catch (cause) {
    throw noManifest(shortPath(directory), cause);
  }
}

function readManifest(
  directory: string,
  displayDirectory: string = shortPath(directory),
): { readonly text: string; readonly bundle: Bundle } {
  try {
    const text = readOwnFile(
      join(directory, 'bundle.json'),
      [directory],
      maxManifestBytes,
    ).toString();
    return { text, bundle: parseBundle(text, join(displayDirectory, 'bundle.json')) };
  } catch (cause) {
    if (cause instanceof BuildError) throw cause;
    throw noManifest(displayDirectory, cause);
  }
}

function noManifest(displayDirectory: string, cause: unknown): BuildError {
  const reason =
    systemCodeOf(cause) === 'ENOENT'
      ? 'does not exist: name the folder of the bundle, or create one with "seccompagent new"'
      : `cannot be read: ${messageOf(cause)}`;
  return new BuildError(`${join(displayDirectory, 'bundle.json')} ${reason}`, { cause });
}

async function refreshEditors(names: readonly string[], root: string): Promise<void> {
  for (const name of names) {
    const source = sourceOf(name, root, names.length === 1);
    if (source === undefined) continue;
    await refreshLinks(source, { root, setup: requireLanguage(source).editor });
  }
}

interface FreshComponent extends BuiltComponent {
  /** Places in its source, see the warnings of each. */
  readonly continues: readonly string[];
  readonly compares: readonly string[];
}

interface WantedComponent {
  readonly component: string;
  readonly directory: string;
  readonly scratch: string;
  /** The bundle has no other component. */
  readonly isOnly: boolean;
}

async function buildComponent(
  { component, directory, scratch, isOnly }: WantedComponent,
  { onProgress }: ProjectBuild,
): Promise<FreshComponent> {
  const outFile = join(scratch, component);
  const source = sourceOf(component, directory, isOnly);
  if (source === undefined) {
    await writeFile(outFile, readOwnFile(join(directory, component), [directory]));
    return {
      component,
      ...(await describeFile(outFile)),
      warnings: [],
      continues: [],
      compares: [],
    };
  }
  const { title, sourceFile } = requireLanguage(source);
  // before somebody moves it
  const sources = {
    directory: await realpath(source),
    displayDirectory: shortPath(source),
    sourceFile,
  };
  const found = { continues: continuedPlaces(sources), compares: comparedPlaces(sources) };
  onProgress?.(`building ${component} (${title})`);
  const { warnings } = await buildHandler({ directory: source, outFile, root: directory });
  return { component, language: title, ...(await describeFile(outFile)), warnings, ...found };
}

/** A folder of the component's name, or that of bundle.json; undefined: it is there already. */
function sourceOf(component: string, directory: string, isOnly: boolean): string | undefined {
  const own = join(directory, basename(component, '.wasm'));
  if (findLanguage(own) !== undefined) return own;
  if (isOnly && findLanguage(directory) !== undefined) return directory;
  if (existsSync(join(directory, component))) return undefined;
  const files = languages.map(({ sourceFile }) => sourceFile).join(', ');
  throw new BuildError(
    `${shortPath(directory)}/bundle.json names ${component}, and there is neither that file nor ` +
      `${isOnly ? 'here or ' : ''}in ${shortPath(own)} one of ${files}`,
  );
}

async function describeFile(
  file: string,
): Promise<{ readonly digest: string; readonly bytes: number }> {
  const contents = await readFile(file);
  const digest = `sha256:${createHash('sha256').update(contents).digest('hex')}`;
  return { digest, bytes: contents.length };
}

type Digests = readonly Pick<BuiltComponent, 'component' | 'digest'>[];

/** The text of a bundle.json with the digests of its components, and as little else changed as can be. */
export function withDigests(text: string, components: Digests): string {
  const wanted = manifestWithDigests(JSON.parse(text), components);
  const changed = textWithDigests(text, components);
  return isDeepStrictEqual(JSON.parse(changed), wanted)
    ? changed
    : `${JSON.stringify(wanted, undefined, 2)}\n`;
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null;
}

function manifestWithDigests(manifest: unknown, components: Digests): unknown {
  if (!isObject(manifest) || !Array.isArray(manifest['handlers'])) return manifest;
  const handlers = manifest['handlers'].map((handler: unknown) => {
    if (!isObject(handler)) return handler;
    const { component, digest: _, ...rest } = handler;
    const found = components.find((known) => known.component === component);
    return { component, digest: found?.digest, ...rest };
  });
  return { ...manifest, handlers };
}

/** Wrong where something else has these words: the caller looks. */
function textWithDigests(text: string, components: Digests): string {
  const digest = '"digest"\\s*:\\s*"[^"]*"';
  let changed = text
    .replaceAll(new RegExp(`,\\s*${digest}`, 'g'), '')
    .replaceAll(new RegExp(`${digest}\\s*,\\s*`, 'g'), '');
  for (const { component, digest: own } of components) {
    const name = `"component"(\\s*:\\s*)"${component.replaceAll('.', '\\.')}"`;
    changed = changed.replaceAll(
      new RegExp(`(\\n[ \\t]*)?${name}`, 'g'),
      (_, indent: string | undefined, colon: string) =>
        `${indent ?? ''}"component"${colon}"${component}",${indent ?? ' '}"digest": "${own}"`,
    );
  }
  return changed;
}

/** Modules that are built as well: the agent's own checks of grants, answers and digests. */
function check(folder: string, place: string): ReadyBundle {
  try {
    return readBundle(folder);
  } catch (cause) {
    if (!(cause instanceof AgentError)) throw cause;
    throw new BuildError(messageOf(cause).replaceAll(folder, place), { cause });
  }
}

/** Whoever loads it meanwhile finds the old file or the new one, and never a part. */
async function put(file: string, folder: string): Promise<void> {
  const target = join(folder, basename(file));
  // nobody can have put a link there that leads elsewhere
  const beside = `${target}.${randomUUID()}`;
  try {
    await copyFile(file, beside, constants.COPYFILE_EXCL);
    await rename(beside, target);
  } finally {
    await rm(beside, { force: true });
  }
}
