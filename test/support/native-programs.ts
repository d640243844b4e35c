// SPDX-License-Identifier: Apache-2.0
// Compiles the tests in C++ together with the sources of the addon that they test, under the
// address and undefined-behaviour sanitizers.
import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { runCommand } from './command.ts';
import { patient } from './patience.ts';

const root = join(import.meta.dirname, '../..');
const nativeFolder = join(root, 'native');
const testFolder = join(root, 'test/native');
const outputFolder = join(root, 'build/native-tests');

const compiler = (): string => process.env['CXX'] ?? 'g++';

/** The warnings and the language are those of binding.gyp. */
const flags = [
  '-std=c++23 -fno-exceptions -fno-rtti -O1 -g -fvisibility=hidden -pthread',
  '-Wall -Wextra -Wconversion -Wshadow -Werror',
  '-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer',
].flatMap((line) => line.split(' '));

/** What a receiver is made of. */
const engine: readonly string[] = [
  'answering',
  'bpf',
  'call_memory',
  'caller_faults',
  'caller_state',
  'callers_fd',
  'cgroup',
  'cgroup_members',
  'cgroup_places',
  'child',
  'child_starter',
  'container_budget',
  'container_masks',
  'ending_children',
  'guards',
  'held_paths',
  'helper/masks',
  'helper/mountinfo',
  'helper/spared',
  'helper/thread_role',
  'helper/wire',
  'helper_pool',
  'holding',
  'kept_calls',
  'kick_signal',
  'last_closing',
  'lasting_file_systems',
  'late_answers',
  'memory',
  'memory_room',
  'mount_namespace',
  'namespaces',
  'notify',
  'process_files',
  'process_owner',
  'quarantine',
  'reading',
  'receiver',
  'resources',
  'short_turns',
  'syscall_number',
  'watch_user',
  'worker',
  'worker_operations',
];

/** What a helper for mounts is made of. */
const mountMaker: readonly string[] = [
  'caller_label',
  'caller_state',
  'child',
  'helper/masks',
  'helper/mount_change',
  'helper/mountinfo',
  'helper/spared',
  'helper/mount_child',
  'helper/new_mount',
  'helper/hardening',
  'helper/own_child',
  'helper/proc_opener',
  'label',
  'namespaces',
  'notify',
  'target',
];

/** Which sources of the addon each test is linked with. */
const links: Readonly<Record<string, readonly string[]>> = {
  call_memory_test: ['call_memory', 'child', 'ending_children', 'memory', 'syscall_number'],
  caller_state_test: ['caller_state'],
  cgroup_members_test: ['cgroup_members', 'cgroup_places', 'process_files', 'process_owner'],
  child_starter_test: ['child', 'child_starter', 'helper/wire'],
  child_test: ['child'],
  connection_rates_test: ['connection_rates'],
  container_budget_test: [
    'cgroup_places',
    'container_budget',
    'lasting_file_systems',
    'memory_room',
    'mount_namespace',
    'notify',
    'process_files',
    'resources',
  ],
  container_masks_test: [...mountMaker, 'container_masks'],
  caller_faults_test: [
    'caller_faults',
    'cgroup_places',
    'memory_room',
    'process_files',
    'resources',
  ],
  callers_network_test: [
    'callers_network',
    'helper/confinement',
    'helper/file_operation',
    'helper/memory_file_system',
    'helper/thread_role',
    'notify',
  ],
  callers_fd_test: ['callers_fd', 'child', 'ending_children'],
  counters_test: [],
  device_node_test: [
    'acting',
    'caller_label',
    'caller_state',
    'callers_network',
    'cgroup_places',
    'child',
    'child_starter',
    'container_budget',
    'device_node',
    'ending_children',
    'helper/confinement',
    'helper/file_operation',
    'helper/memory_file_system',
    'helper/thread_role',
    'helper/wire',
    'helper_pool',
    'label',
    'lasting_file_systems',
    'memory_room',
    'mount_namespace',
    'mounting',
    'namespaces',
    'notify',
    'process_files',
    'resources',
    'scm_rights',
    'target',
  ],
  ending_children_test: ['child', 'ending_children'],
  executing_caller_test: engine,
  file_operation_test: [
    'helper/confinement',
    'helper/file_operation',
    'helper/memory_file_system',
    'helper/thread_role',
  ],
  held_paths_test: [
    ...mountMaker,
    'child_starter',
    'ending_children',
    'held_paths',
    'helper/thread_role',
    'helper/wire',
    'process_files',
  ],
  holding_test: engine,
  helper_test: ['helper/wire'],
  kept_calls_test: ['caller_state', 'callers_fd', 'child', 'ending_children', 'kept_calls'],
  label_test: ['caller_label', 'caller_state', 'label'],
  masks_test: ['helper/masks', 'helper/mountinfo'],
  memory_file_system_test: ['helper/memory_file_system'],
  memory_room_test: ['cgroup_places', 'memory_room', 'process_files', 'resources'],
  memory_test: ['child', 'ending_children', 'memory'],
  last_closing_test: ['child', 'last_closing'],
  lasting_file_systems_test: ['lasting_file_systems'],
  lending_test: ['lending'],
  mount_budget_test: [...mountMaker, 'mount_namespace'],
  mount_change_test: mountMaker,
  mount_reach_test: mountMaker,
  mount_request_test: ['mount_request'],
  new_mount_test: mountMaker,
  notify_test: ['bpf', 'caller_state', 'notify'],
  quarantine_test: ['quarantine'],
  quickness_test: engine,
  receiver_test: engine,
  probe_test: [
    'bpf',
    'caller_label',
    'caller_state',
    'label',
    'notify',
    'probe',
    'probe_security',
    'process_files',
  ],
  program_test: [
    'child',
    'child_starter',
    'ending_children',
    'executing',
    'helper/wire',
    'landlock',
    'program',
  ],
  resources_test: ['cgroup_places', 'process_files', 'resources'],
  runtime_file_test: ['child', 'child_starter', 'ending_children', 'helper/wire', 'runtime_file'],
  session_keyring_test: [],
  state_store_test: ['state_store'],
  short_turns_test: ['short_turns'],
  spared_test: ['helper/mountinfo', 'helper/spared'],
  syscall_number_test: ['syscall_number'],
  thread_role_test: ['helper/thread_role'],
  target_test: ['caller_label', 'caller_state', 'label', 'namespaces', 'notify', 'target'],
  shared_texts_test: [],
  unique_fd_test: [],
  users_closing_test: ['users_closing'],
  watch_user_test: ['process_files', 'watch_user'],
  wire_test: ['helper/wire'],
  worker_time_test: [],
};

/** Some of many rounds use a processor for ten seconds. */
export const caseMs: number = patient(90_000);

export interface NativeCase {
  readonly title: string;
  readonly program: string;
}

function sourceOf(name: string): string {
  const test = join(testFolder, `${name}.cc`);
  return existsSync(test) ? test : join(nativeFolder, `${name}.cc`);
}

/** Of what all objects have in common: a changed header builds them all anew. */
function hashOfHeaders(): string {
  const hash = createHash('sha256').update([compiler(), ...flags].join(' '));
  for (const folder of [nativeFolder, join(nativeFolder, 'helper'), testFolder]) {
    for (const name of readdirSync(folder).toSorted()) {
      if (name.endsWith('.h')) hash.update(name).update(readFileSync(join(folder, name)));
    }
  }
  return hash.digest('hex');
}

/** Where the objects of sources are, by all that they are made of. */
function objectFiles(): (name: string) => string {
  const headers = hashOfHeaders();
  return (name) => {
    const hash = createHash('sha256')
      .update(headers)
      .update(readFileSync(sourceOf(name)));
    return join(outputFolder, `${name.replaceAll('/', '-')}-${shortened(hash)}.o`);
  };
}

function shortened(hash: Hash): string {
  return hash.digest('hex').slice(0, 16);
}

/** Runs the compiler; its result appears at once and whole. */
async function compile(file: string, args: readonly string[]): Promise<void> {
  if (existsSync(file)) return;
  const unfinished = `${file}.${randomUUID()}`;
  await promisify(execFile)(compiler(), [...flags, ...args, '-o', unfinished]);
  renameSync(unfinished, file);
}

/** Runs work for each item, as many at a time as there are cores. */
async function forEach<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const take = async (): Promise<void> => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, take));
}

interface NativeProgram {
  readonly file: string;
  /** The objects that it is linked from, by the names of their sources. */
  readonly objects: ReadonlyMap<string, string>;
}

function nativeProgram(test: string, objectOf: (name: string) => string): NativeProgram {
  const names = [test, ...(links[test] ?? [])];
  const objects = new Map(names.map((name) => [name, objectOf(name)]));
  const hash = shortened(createHash('sha256').update([...objects.values()].join('\n')));
  return { file: join(outputFolder, hash, test), objects };
}

/** Compiles tests in C++, all or those of these names, unless that was done for these very sources. */
export async function nativePrograms(
  tests: readonly string[] = Object.keys(links),
): Promise<readonly string[]> {
  const unlisted = readdirSync(testFolder)
    .filter((name) => name.endsWith('.cc'))
    .find((name) => links[basename(name, '.cc')] === undefined);
  if (unlisted !== undefined) throw new Error(`${unlisted} is not linked with anything`);
  const objectOf = objectFiles();
  const programs = tests.map((test) => nativeProgram(test, objectOf));
  const missing = programs.filter(({ file }) => !existsSync(file));
  for (const { file } of missing) mkdirSync(dirname(file), { recursive: true });
  const objects = new Map(missing.flatMap((program) => [...program.objects]));
  await forEach([...objects], ([name, object]) =>
    compile(object, [`-I${nativeFolder}`, `-I${testFolder}`, '-c', sourceOf(name)]),
  );
  await forEach(missing, (program) => compile(program.file, [...program.objects.values()]));
  return programs.map(({ file }) => file);
}

/** Compiles them, and lists their cases. */
export async function nativeCases(tests?: readonly string[]): Promise<readonly NativeCase[]> {
  const programs = await nativePrograms(tests);
  return programs.flatMap((program) => {
    const titles = execFileSync(program, { encoding: 'utf8' }).trim().split('\n');
    return titles.map((title) => ({ title, program }));
  });
}

/** Runs one case in a process of its own. @returns what it complained of; empty when it passed */
export async function runNativeCase({ title, program }: NativeCase): Promise<string> {
  const { code, signal, stdout, stderr } = await runCommand([program, title], {
    environment: { LD_PRELOAD: '' },
    deadlineMs: caseMs,
  });
  const output = `${stdout}${stderr}`.trim();
  if (code === 0) return output;
  return `${output}\nended with ${signal ?? `status ${code}`}`.trim();
}
