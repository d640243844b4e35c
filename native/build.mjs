// SPDX-License-Identifier: Apache-2.0
// Builds the addon with node-gyp; plain JavaScript, because npm runs it before anything is compiled.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
/** With the address and undefined-behaviour sanitizers, for the tests of the addon. */
const isAsan = process.argv.includes('--asan');
/** `--arch=arm64` builds for another machine than this one, with the compiler of Debian for it. */
const arch = process.argv.find((word) => word.startsWith('--arch='))?.slice(7) ?? process.arch;
const isCross = arch !== process.arch;
const crossTools = {
  x64: { prefix: 'x86_64-linux-gnu-', package: 'g++-x86-64-linux-gnu' },
  arm64: { prefix: 'aarch64-linux-gnu-', package: 'g++-aarch64-linux-gnu' },
};
const tools = isCross ? crossTools[arch] : { prefix: '', package: 'g++' };
if (tools === undefined) throw new Error(`the addon is for x64 and arm64, and not for ${arch}`);

/** As make has it: with options, if it likes. */
const named = isCross ? undefined : process.env.CXX?.trim();
const compiler = named || `${tools.prefix}g++`;
/** The first with std::expected, and the last whose warnings are known. */
const oldestGcc = 12;
const newestGcc = 16;
/**
 * Of npm's own, by major version: those of the optional packages that a checkout is built with. Other
 * majors before the last are refused.
 */
const oldestNodes = [
  [20, 19],
  [22, 12],
];

const compilerCommand = compiler.split(/\s/)[0];

/** The Debian package of the compiler; undefined: nobody but the user knows. */
function compilerPackage() {
  if (!named || named === 'g++') return tools.package;
  return /^g\+\+-\d+$/.test(compilerCommand) ? compilerCommand : undefined;
}

/** The tools that node-gyp needs, and the Debian packages that have them. */
const needs = [
  { command: compilerCommand, package: compilerPackage() },
  { command: 'make', package: 'make' },
  { command: 'python3', package: 'python3' },
];

function isInPath(command) {
  if (command.includes('/')) return existsSync(command);
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, command)));
}

function run(command, args, options) {
  const done = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (done.error) throw done.error;
  return done.status ?? 1;
}

function refuse(...lines) {
  for (const line of lines) console.error(line);
  process.exit(1);
}

function requireTools() {
  const missing = needs.filter((need) => !isInPath(need.command));
  if (missing.length === 0) return;
  const place = compilerCommand.includes('/') ? 'there' : 'in PATH';
  const unknown = `CXX names ${compilerCommand}, which is not ${place}`;
  if (missing.some((need) => need.package === undefined)) {
    refuse(
      `seccompagent: ${unknown}`,
      `name a compiler that is, or leave CXX unset: CC=gcc-${oldestGcc} CXX=g++-${oldestGcc} npm ci`,
    );
  }
  const packages = missing.map((need) => need.package);
  if (process.getuid() === 0 && isInPath('apt-get')) {
    console.error(`seccompagent: installing ${packages.join(', ')} to build the addon`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['update'], { env });
    run('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env });
  }
  const lacking = needs.filter((need) => !isInPath(need.command));
  if (lacking.length === 0) return;
  const names = lacking.map((need) => need.package);
  const isOfUser = named && lacking[0].command === compilerCommand;
  refuse(
    `seccompagent: building the addon needs ${names.join(', ')}${isOfUser ? `: ${unknown}` : ''}`,
    `on Debian: apt-get install ${names.join(' ')}`,
  );
}

function isNodeUsable(major, minor) {
  const [newest] = oldestNodes.at(-1);
  return major > newest || oldestNodes.some((node) => node[0] === major && node[1] <= minor);
}

/**
 * Ends the process: npm runs with a Node with which it leaves out packages that a checkout is built
 * with. Here the Node may be another one, since the package brings its own.
 */
function requireNode() {
  const agent = process.env.npm_config_user_agent;
  const [, version, major, minor] = /\bnode\/v((\d+)\.(\d+)\S*)/.exec(agent) ?? [];
  if (version === undefined || isNodeUsable(Number(major), Number(minor))) return;
  if (!existsSync(join(root, 'host/tsconfig.json'))) return;
  const [first, last] = oldestNodes.map((node) => node.join('.'));
  refuse(
    `seccompagent: npm runs with Node ${version}; ${first} or newer of Node ${oldestNodes[0][0]}, ` +
      `or ${last} or newer is needed`,
  );
}

/** Its messages are in English. */
function askCompiler(options, input) {
  const env = { ...process.env, LC_ALL: 'C' };
  return spawnSync('sh', ['-c', `${compiler} ${options}`], { input, env, encoding: 'utf8' });
}

/** @returns the first line that says something, of all that may have been printed. */
function firstLine(...texts) {
  const lines = texts.flatMap((text) => (text ?? '').split('\n'));
  return lines.map((line) => line.trim()).find((line) => line !== '');
}

/** @returns the version of g++, or 0 for another compiler. Ends the process: it will not do. */
function requireCompiler() {
  const questions =
    '#include <version>\nexpected __cpp_lib_expected gcc __GNUC__ clang __clang__\n';
  const { stdout, stderr, status, signal, error } = askCompiler(
    '-std=c++23 -x c++ -E -P -',
    questions,
  );
  // there may be an error then, too: EPIPE of one that does not read its input
  const hasRun = status === 0;
  const found = /expected (\S+) gcc (\d+) clang (\S+)/.exec(stdout ?? '');
  if (hasRun && /^\d/.test(found?.[1])) return found[3] === '1' ? 0 : Number(found[2]);
  const advice =
    `install a newer one, and name it where it is not the default: ` +
    `CC=gcc-${oldestGcc} CXX=g++-${oldestGcc} npm ci`;
  // an option or its value that it does not know, in the words of g++ and of clang
  const isRefused = /(?:unrecogni[sz]ed|unknown|invalid|unsupported)\b.*c\+\+23/i.test(
    stderr ?? '',
  );
  if ((hasRun && found !== null) || (status > 0 && isRefused)) {
    const version = firstLine(askCompiler('--version', '').stdout) ?? 'of an unknown version';
    refuse(
      `seccompagent: building the addon needs C++23: g++ ${oldestGcc} or newer; ` +
        `${compiler} is "${version}"`,
      advice,
    );
  }
  const end = signal ? `it was ended by ${signal}` : `it ended with status ${status}`;
  const fault = status === null && !signal ? error?.message : undefined;
  const reason = fault ?? firstLine(stderr, hasRun ? stdout : '') ?? end;
  return refuse(
    `seccompagent: ${compiler} cannot compile C++: ${reason}`,
    `mend it, or name another one: CC=gcc-${oldestGcc} CXX=g++-${oldestGcc} npm ci`,
  );
}

/**
 * Headers of the runtime that comes along, so that no headers are downloaded; none on other
 * machines. They are the same for all architectures.
 */
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

/** node-gyp builds into `build` of the folder it runs in, so each other build has its own folder. */
function otherFolder(name) {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  for (const entry of ['binding.gyp', 'native', 'node_modules', 'package.json']) {
    if (!existsSync(join(folder, entry))) symlinkSync(join('..', entry), join(folder, entry));
  }
  return folder;
}

function buildFolder() {
  if (isCross) return otherFolder(`build-${arch}`);
  return isAsan ? otherFolder('build-asan') : root;
}

/** Sources of helper/ that the agent needs as well: the wire format, and checks before a request. */
const sharedByHelper = [
  'masks',
  'mount_request',
  'mountinfo',
  'spared',
  'wire',
  'wire_message',
  'wire_mounts',
].map((name) => `helper/${name}.cc`);

/** Folders that the helper alone needs, but for those sources. */
const onlyOfHelper = new Set(['files', 'helper']);

/** Sources of lower folders that the helper needs. */
const neededByHelper = [
  'caller/label.cc',
  'caller/path_start.cc',
  'kernel/counted_apart.cc',
  'kernel/message.cc',
  'kernel/notify.cc',
  'kernel/own_processes.cc',
  'kernel/scheduling.cc',
  'process/cgroup_places.cc',
  'process/child.cc',
];

function sourcesIn(folder) {
  return readdirSync(join(root, 'native', folder))
    .filter((file) => file.endsWith('.cc'))
    .map((file) => `${folder}/${file}`);
}

/** For binding.gyp: whole folders, and the sources that both programs share. */
function sourcesOf(program) {
  if (program === 'helper') {
    const own = sourcesIn('helper').filter((file) => file !== 'helper/mount_request.cc');
    return [...own, ...sourcesIn('files'), ...neededByHelper];
  }
  const folders = readdirSync(join(root, 'native'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !onlyOfHelper.has(entry.name))
    .map(({ name }) => name);
  return [...folders.flatMap((name) => sourcesIn(name)), ...sharedByHelper];
}

const program = process.argv.find((word) => word.startsWith('--sources='))?.slice(10);
if (program !== undefined) {
  process.stdout.write(
    sourcesOf(program)
      .map((file) => `native/${file}\n`)
      .join(''),
  );
  process.exit(0);
}

requireNode();
requireTools();
const gccVersion = requireCompiler();
const env = { ...process.env };
const headers = headersFolder();
// A nodedir of npm's configuration would win over the flag and may name headers of another Node.
if (headers !== undefined) delete env.npm_config_nodedir;
const gyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js');
const args = [gyp, 'configure', 'build', '--jobs', 'max', '--loglevel', 'warn'];
if (headers !== undefined) args.push(`--nodedir=${headers}`);
if (isAsan) args.push('--sanitize=1');
// a newer compiler may warn of more, and whoever installs the package cannot mend that
if (gccVersion > 0 && gccVersion <= newestGcc) args.push('--werror=1');
if (isCross) {
  args.push(`--arch=${arch}`);
  for (const [name, tool] of [
    ['CC', 'gcc'],
    ['CXX', 'g++'],
    ['AR', 'ar'],
  ]) {
    env[name] = tools.prefix + tool;
  }
}
process.exit(run(process.execPath, args, { cwd: buildFolder(), env }));
