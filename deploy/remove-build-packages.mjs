// SPDX-License-Identifier: Apache-2.0
// Removes what is not needed to run from a folder of npm packages, by the lock file beside it, which
// says all that there is: nothing is asked of a registry, as `npm prune` would.
//
// usage: node remove-build-packages.mjs FOLDER NAME...
//   FOLDER  has package.json, package-lock.json and node_modules
//   NAME    a dependency of it that is not needed either
import { readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const [folder, ...unneeded] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: node remove-build-packages.mjs FOLDER NAME...');
const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));

/** Where the package at `from` finds another one; undefined: that was not installed. */
function resolve(from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(at.lastIndexOf('node_modules/') - 1, 0))) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (packages[place] !== undefined) return place;
    if (at === '') return undefined;
  }
}

const kept = new Set();
const waiting = [''];
for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
  const { dependencies, optionalDependencies, peerDependencies } = packages[place];
  const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
  for (const name of names) {
    if (place === '' && unneeded.includes(name)) continue;
    const found = resolve(place, name);
    if (found === undefined || kept.has(found)) continue;
    kept.add(found);
    waiting.push(found);
  }
}

for (const place of Object.keys(packages)) {
  // workspaces are no packages, but links lead to them
  const isPackage = place.startsWith('node_modules/');
  if (isPackage && !kept.has(place)) rmSync(join(folder, place), { recursive: true, force: true });
}
for (const name of readdirSync(join(folder, 'node_modules'))) {
  const scope = join(folder, 'node_modules', name);
  if (name.startsWith('@') && readdirSync(scope).length === 0) rmdirSync(scope);
}
