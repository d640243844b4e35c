// SPDX-License-Identifier: Apache-2.0
// What editors need in a bundle's folder: a file of each language for its language server, and links to
// what that names, which is in another place on each machine.

import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join, sep } from 'node:path';

import { messageOf, systemCodeOf } from '../../host/errors.ts';
import { OpenFolder } from '../../host/files/open-folder.ts';
import { packageRoot } from '../../host/package-root.ts';
import { BuildError } from './build-error.ts';
import { readOwnFile } from './own-files.ts';
import { shortPath } from './short-path.ts';

/** Folder of the links, beside a handler's source. */
export const linksFolder = '.seccompagent';

export interface EditorSetup {
  /** The file that language servers look for. */
  readonly file: string;
  readonly text: string;
  /** Links besides those to the SDK and the schemas: names, and places on this machine. Throws BuildError: there are none. */
  readonly links: () => Promise<ReadonlyMap<string, string>>;
}

/** A compiler that is missing is said when it builds. */
async function linksOf({ links }: EditorSetup): Promise<ReadonlyMap<string, string>> {
  try {
    return await links();
  } catch (thrown) {
    if (thrown instanceof BuildError) return new Map();
    throw thrown;
  }
}

async function link(place: string, target: string): Promise<void> {
  if ((await readlink(place).catch(() => '')) === target) return;
  const beside = `${place}.${randomUUID()}`;
  try {
    await symlink(target, beside);
    await rename(beside, place);
  } finally {
    await rm(beside, { force: true });
  }
}

/**
 * Links what the file of a language server names.
 * @param folder of the handler's source
 * @throws BuildError: something else is in its place
 */
export async function linkForEditors(folder: OpenFolder, setup: EditorSetup): Promise<void> {
  const path = join(folder.path, linksFolder);
  const all = new Map([
    ['schema', join(packageRoot(), 'deploy/schema')],
    ['sdk', join(packageRoot(), 'guest-sdk')],
    ...(await linksOf(setup)),
  ]);
  try {
    await mkdir(path).catch((thrown: unknown) => {
      if (systemCodeOf(thrown) !== 'EEXIST') throw thrown;
    });
    // whoever has made the folder could have linked another one
    using links = new OpenFolder(path, constants.O_NOFOLLOW);
    for (const [name, target] of all) await link(join(links.path, name), target);
  } catch (cause) {
    const place = shortPath(join(folder.place, linksFolder));
    throw new BuildError(
      `${place} cannot be linked to the SDK, for editors: ${systemCodeOf(cause) ?? messageOf(cause)}; remove it`,
      { cause },
    );
  }
}

/** Links again what a handler's file for editors names: it may have come from another machine. */
export async function refreshLinks(
  directory: string,
  { root, setup }: { readonly root: string; readonly setup: EditorSetup },
): Promise<void> {
  using folder = new OpenFolder(directory);
  const { place } = folder;
  if (place !== root && !place.startsWith(`${root}${sep}`)) return;
  if (namesLinks(join(place, setup.file), root)) await linkForEditors(folder, setup);
}

function namesLinks(file: string, root: string): boolean {
  try {
    return readOwnFile(file, [root]).includes(`${linksFolder}/`);
  } catch {
    return false;
  }
}
