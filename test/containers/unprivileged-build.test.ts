// SPDX-License-Identifier: Apache-2.0
// Tests deploy/examples/unprivileged-build: a real build in a container without privileges.
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

import { beforeAll, describe, expect, test } from 'vitest';

import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { runCommand } from '../support/command.ts';
import type { RuntimeName } from '../support/container-runtime.ts';
import { endOfMentioning } from '../support/process-table.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import {
  exampleFolder,
  makeExampleRootfs,
  runExample,
  startExample,
} from '../support/unprivileged-build.ts';
import type { ExampleResult } from '../support/unprivileged-build.ts';

const rootfsTimeoutMs = 300_000;
const capSysAdmin = 1n << 21n;
/** Docker's default Linux capabilities: CAP_CHOWN, CAP_DAC_OVERRIDE and twelve more. */
const dockerBounding = 0xa804_25fbn;

const runtimes = [
  { runtime: 'crun', refusal: /^error .*: mount `proc` to `proc`: Operation not permitted$/mu },
  {
    runtime: 'runc',
    refusal: /mount proc:\/proc \(via .*\), flags: 0xe: operation not permitted/u,
  },
] as const;

/** The build with a runtime that masks nothing; see there. */
const masklessBuild = readFileSync(
  join(import.meta.dirname, '../support/maskless-build.sh'),
  'utf8',
);

/** The calls by which mounts can be made and changed without mount(2). */
const siblingsOfMount = [
  'fsopen',
  'fsconfig',
  'fsmount',
  'fspick',
  'move_mount',
  'open_tree',
  'mount_setattr',
] as const;

/** The same build twice. */
interface Builds {
  readonly withAgent: ExampleResult;
  readonly withoutAgent: ExampleResult;
}

let folder: TemporaryFolder;
let socket: string;
const builds = new Map<RuntimeName, Builds>();

beforeAll(async () => {
  await makeExampleRootfs();
  folder = new TemporaryFolder();
  socket = folder.at('agent.socket');
  const agent = await AgentProcess.start(socket, '-resolver=unprivileged-build');
  for (const { runtime } of runtimes) {
    builds.set(runtime, {
      withAgent: await runExample({ runtime, socket }),
      withoutAgent: await runExample({ runtime }),
    });
  }
  return async () => {
    await agent[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  };
}, rootfsTimeoutMs);

function buildsBy(runtime: RuntimeName): Builds {
  const found = builds.get(runtime);
  if (found === undefined) throw new Error(`nothing was built with ${runtime}`);
  return found;
}

describe.for(runtimes)('$runtime inside', ({ runtime, refusal }) => {
  test('build: without the agent the RUN step gets EPERM for its proc', () => {
    const { code, output, shown } = buildsBy(runtime).withoutAgent;
    expect(code).toBe(1);
    expect(output).toMatch(refusal);
    // the container said what it sees, and no RUN step did
    expect(shown).toHaveLength(1);
    expect(output).not.toContain('COMMIT');
  });

  test('build: with the agent it completes', () => {
    const build = buildsBy(runtime).withAgent;
    expect(build).toMatchObject({ code: 0, output: expect.stringContaining('COMMIT example\n') });
    expect(build.output).toContain('Successfully tagged localhost/example:latest\n');
  });

  test('build: the RUN step has a proc of its own processes', () => {
    expect(buildsBy(runtime).withAgent.shown[1]).toMatchObject({ pid: 1, processes: [1], user: 0 });
  });

  test('build: the container is a user’s, without CAP_SYS_ADMIN and with masks', () => {
    const [container] = buildsBy(runtime).withAgent.shown;
    expect(container).toMatchObject({ user: 1000, effectiveCapabilities: 0n });
    expect(container?.boundingCapabilities).toBe(dockerBounding);
    expect(dockerBounding & capSysAdmin).toBe(0n);
    expect(container?.hidden).toEqual(expect.arrayContaining(['/proc/kcore', '/proc/keys']));
    expect(container?.readOnly).toEqual(expect.arrayContaining(['/proc/sys', '/proc/irq']));
  });

  test('A8: a RUN step whose runtime masks nothing sees nothing that the container’s proc hides', async () => {
    const command = ['sh', '-c', masklessBuild, 'sh', runtime];
    const { code, output, shown } = await runExample({ socket, command });
    expect({ code, output }).toMatchObject({ code: 0 });
    const [container, step] = shown;
    expect(container).toMatchObject({ shown: [], writable: [] });
    expect(step).toMatchObject({ pid: 1, shown: [], writable: [] });
    // it is a whole proc, with what every kernel has of these
    expect(step?.readOnly).toEqual(expect.arrayContaining(['/proc/bus', '/proc/sys']));
    expect(step?.hidden).toEqual(expect.arrayContaining([...(container?.hidden ?? [])]));
    expect(step?.readOnly).toEqual(container?.readOnly);
  });
});

/** The errno of each, called with arguments that mean nothing. */
async function errnos(agentSocket: string | undefined): Promise<readonly string[]> {
  const numbers = siblingsOfMount.map((name) => {
    const row = syscallNumbers.find(([known]) => known === name);
    return String(row?.[1]);
  });
  const program = 'for (@ARGV) { $! = 0; syscall($_, -1, 0, 0, 0, 0); print $! + 0, "\\n" }';
  const command = ['perl', '-e', program, ...numbers];
  const run = agentSocket === undefined ? { command } : { command, socket: agentSocket };
  const { output } = await runExample(run);
  return output.trim().split('\n');
}

describe('calls beside mount', () => {
  test('K21: each fails with ENOSYS', async () => {
    const enosys = '38';
    const native = await errnos(undefined);
    expect(native).toHaveLength(siblingsOfMount.length);
    expect(native).not.toContain(enosys);
    expect(await errnos(socket)).toEqual(siblingsOfMount.map(() => enosys));
  });
});

describe('run.sh', () => {
  test('run.sh: ends with the code of its command', async () => {
    const { code, output } = await runExample({ socket, command: ['sh', '-c', 'exit 3'] });
    expect({ code, output }).toEqual({ code: 3, output: '' });
  });

  test('run.sh: says what is missing where no agent listens', async () => {
    const { code, output } = await runExample({ socket: folder.at('no.socket') });
    expect(code).toBe(1);
    expect(output).toContain('seccompagent -resolver=unprivileged-build\n');
  });

  test('run.sh: a signal ends the container; no file, process or cgroup stays', async () => {
    using temporary = new TemporaryFolder();
    const command = ['sh', '-c', 'sleep 1000 & echo started; wait'];
    await using running = startExample({ socket, temporaryFolder: temporary.path, command });
    await running.printed(/^started$/mu);
    const [work = ''] = readdirSync(temporary.path);
    const cgroups = `/sys/fs/cgroup/{,*/}unprivileged-build-${extname(work).slice(1)}`;
    expect(globSync(cgroups)).not.toEqual([]);
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 143 });
    expect(readdirSync(temporary.path)).toEqual([]);
    await endOfMentioning(temporary.path);
    expect(globSync(cgroups)).toEqual([]);
  });

  test('rootfs.sh: it uses an existing root file system again', async () => {
    const { path, progress } = await makeExampleRootfs();
    expect(progress).toBe('');
    expect(readdirSync(path)).toContain('example');
  });
});

const readme = readFileSync(join(exampleFolder, 'README.md'), 'utf8');

/**
 * Less what differs from run to run, or from kernel to kernel. On a busy machine a helper may leave the
 * container's cgroup a moment after runc has tried to remove it: see howto/troubleshoot.md.
 */
function plainLines(text: string): readonly string[] {
  return text
    .replaceAll(/^.*msg="Failed to remove cgroup \(will retry\)".*\n/gmu, '')
    .replaceAll(/\b(?:[\da-f]{12}|[\da-f]{64})\b/gu, 'ID')
    .replaceAll(/process \d+ of these: 1 \d+$/gmu, 'process N of these: 1 N')
    .replaceAll(/^(?:Getting|Copying|Writing) .*\n/gmu, '')
    .replaceAll(/^( {2}(?:hidden|read-only):).*$/gmu, '$1')
    .split('\n')
    .map((line) => line.trimEnd());
}

function shownAfter(command: string): readonly string[] {
  const start = readme.indexOf(`\`\`\`console\n# ${command}\n`);
  const [, block = ''] = /^```console\n[^\n]*\n(.*?)```/su.exec(readme.slice(start)) ?? [];
  return plainLines(block);
}

describe('README', () => {
  const line = 'sh deploy/examples/unprivileged-build/run.sh';

  test('README: shows what a build prints', () => {
    expect(plainLines(buildsBy('crun').withAgent.output)).toEqual(shownAfter(line));
  });

  test('README: shows what a build prints without the agent', () => {
    const shown = shownAfter(`${line} --without-agent`);
    expect(shown.length).toBeGreaterThan(1);
    expect(plainLines(buildsBy('crun').withoutAgent.output).slice(-shown.length)).toEqual(shown);
  });

  test('README: the command of its own mounts a proc', async () => {
    const shown = /^sh deploy.*run\.sh (?<command>unshare .*)$/mu.exec(readme)?.groups?.['command'];
    // by a shell, as a reader runs it
    const quoted = await runCommand(['sh', '-c', `printf '%s\\0' ${shown}`]);
    const command = quoted.stdout.split('\0').slice(0, -1);
    const { code, output } = await runExample({ socket, command });
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(/^1\n(?:\d+\n)*[a-z](?:.*\n)*cpuinfo\n/u);
    const native = await runExample({ command });
    expect(native.code).not.toBe(0);
    expect(native.output).toMatch(/^mount: \/proc: .*(?:permission denied|too revealing)/mu);
  });
});
