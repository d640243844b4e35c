// SPDX-License-Identifier: Apache-2.0
// Builds the addon with node-gyp; plain JavaScript, because npm runs it before anything is compiled.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
/** With the address and undefined-behaviour sanitizers, for the tests of the addon. */
const isAsan = process.argv.includes('--asan');

/** The tools that node-gyp needs, and the Debian packages that have them. */
const needs = [
  { command: 'g++', package: 'g++' },
  { command: 'make', package: 'make' },
  { command: 'python3', package: 'python3' },
];

function isInPath(command) {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, command)));
}

function run(command, args, options) {
  const done = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (done.error) throw done.error;
  return done.status ?? 1;
}

function requireTools() {
  const missing = needs.filter((need) => !isInPath(need.command));
  if (missing.length === 0) return;
  const packages = missing.map((need) => need.package);
  if (process.getuid() === 0 && isInPath('apt-get')) {
    console.error(`seccompagent: installing ${packages.join(', ')} to build the addon`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['update'], { env });
    run('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env });
  }
  if (needs.some((need) => !isInPath(need.command))) {
    console.error(`seccompagent: building the addon needs ${packages.join(', ')}`);
    console.error(`on Debian: apt-get install ${packages.join(' ')}`);
    process.exit(1);
  }
}

/** Headers of the runtime that comes along, so that no headers are downloaded; none on other machines. */
function headersFolder() {
  const name = `node-linux-${process.arch}`;
  try {
    const folder = dirname(require.resolve(`${name}/package.json`));
    if (existsSync(join(folder, 'include/node/node_api.h'))) return folder;
  } catch {
    console.error(
      `seccompagent: ${name} is not installed, building with the headers node-gyp finds`,
    );
  }
  return undefined;
}

/** node-gyp builds into `build` of the folder it runs in, so the other build has its own folder. */
function asanFolder() {
  const folder = join(root, 'build-asan');
  mkdirSync(folder, { recursive: true });
  for (const name of ['binding.gyp', 'native', 'node_modules', 'package.json']) {
    if (!existsSync(join(folder, name))) symlinkSync(join('..', name), join(folder, name));
  }
  return folder;
}

requireTools();
const env = { ...process.env };
const headers = headersFolder();
// A nodedir of npm's configuration would win over the flag and may name headers of another Node.
if (headers !== undefined) delete env.npm_config_nodedir;
const gyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js');
const args = [gyp, 'configure', 'build', '--jobs', 'max', '--loglevel', 'warn'];
if (headers !== undefined) args.push(`--nodedir=${headers}`);
if (isAsan) args.push('--sanitize=1');
process.exit(run(process.execPath, args, { cwd: isAsan ? asanFolder() : root, env }));
