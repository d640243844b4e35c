// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent profile`: what it makes is loaded by real runtimes, and traps what it should.
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import type { Finding } from '../../host/profile/finding.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { families, familyMembers } from '../../host/syscalls/syscall-table.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { metricsAddress } from '../support/agent-metrics.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import { failed, naming } from '../support/failures.ts';
import { Operator } from '../support/operator.ts';
import { PodmanContainer } from '../support/podman.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

async function profileTool(...words: readonly string[]): Promise<CommandResult> {
  return runCommand([seccompagent, 'profile', ...words]);
}

/** Notes for the operator that name all of these. */
function notesIn({ stderr }: CommandResult, ...names: readonly string[]): readonly string[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('seccompagent: note: '))
    .filter((line) => names.every((name) => line.includes(name)));
}

/** What lint finds in one file. */
async function findingsOf(...words: readonly string[]): Promise<readonly Finding[]> {
  const { stdout } = await profileTool('lint', '-json', ...words);
  const [found]: readonly { readonly findings: readonly Finding[] }[] = JSON.parse(stdout);
  return found?.findings ?? [];
}

function isOfMetadata({ code }: Finding): boolean {
  return /metadata|answered/u.test(code);
}

/** An errno that no kernel gives to these calls. */
const marker = { name: 'EXFULL', number: 54 } as const;

/** A bundle that fails all calls of these families with the marker, among the operator's. */
function addMarkingBundle(operator: Operator, answered: readonly string[]): void {
  const folder = operator.at('bundles/marking');
  cpSync(`${shippedBundles()}/errno`, folder, { recursive: true });
  const manifest = {
    name: 'marking',
    version: '1.0.0',
    description: 'marks calls',
    handlers: [{ component: 'errno.wasm', syscalls: answered, settings: { errno: marker.name } }],
  };
  writeFileSync(`${folder}/bundle.json`, JSON.stringify(manifest));
}

/** libseccomp 2.6.0 does not know it, and the runtime passes over its name. */
const unknownToRuntimes = 'open_tree_attr';

/** Every sibling of these families, as siblings-caller.c is told of it. */
function siblings(answered: readonly string[]): readonly string[] {
  return answered
    .flatMap((family) => familyMembers(family))
    .filter((name) => name !== unknownToRuntimes)
    .flatMap((name) => {
      const [, x86, i386, x32] = syscallNumbers.find(([known]) => known === name) ?? [];
      const numbers = [
        ['x86_64', x86],
        ['i386', i386],
        ['x32', x32],
      ] as const;
      return numbers
        .filter(([, number]) => number !== undefined && number >= 0)
        .map(([abi, number]) => `${abi}:${number}`);
    });
}

/** The runtime itself makes these calls when the filter is there already. */
const ofRuntimes = {
  runc: ['access', 'chdir', 'execve', 'open', 'stat'],
  crun: ['execve'],
} as const;

describe.for(['runc', 'crun'] as const)('generate for %s', (runtime) => {
  const answered = families().filter(
    (family) => !ofRuntimes[runtime].some((own) => own === family),
  );

  test('K19: generate: each sibling is trapped on x86-64, i386 and x32', async () => {
    using operator = new Operator();
    addMarkingBundle(operator, answered);
    const config = operator.write({ bundles: { marking: {} } });
    const socket = operator.at('agent.socket');
    const profile = operator.at('profile.json');
    const made = await profileTool(
      'generate',
      `-config=${config}`,
      `-socketfile=${socket}`,
      `-runtime=${runtime}`,
      '-o',
      profile,
      'marking',
    );
    expect(made).toMatchObject({ code: 0, stdout: '' });
    const blocked = ['io_uring_enter', 'open_by_handle_at', 'pidfd_getfd'];
    expect(notesIn(made, ...blocked)).toHaveLength(1);
    expect(made.stderr).toBe(`${notesIn(made).join('\n')}\n`);
    const rootfs = operator.at('rootfs');
    makeRootfs(rootfs);
    copyFileSync(compiled('siblings-caller.static'), `${rootfs}/bin/siblings`);
    await using agent = await AgentProcess.start(
      socket,
      `-config=${config}`,
      '-control-socket=none',
    );
    const called = siblings(answered);
    await using container = await Container.run({
      runtime,
      folder: operator.at('.'),
      rootfs,
      listenerPath: socket,
      profile: JSON.parse(readFileSync(profile, 'utf8')),
      // by its path: a shell that searches for it would have to be told that it is there
      script: `/bin/siblings ${called.join(' ')} x86_64:425 x86_64:438`,
    });
    expect(container.output.split('\n')).toEqual([
      ...called.map((each) => `${each} ${marker.number}`),
      // io_uring_setup
      'x86_64:425 38',
      // pidfd_getfd
      'x86_64:438 38',
      // EINVAL where a listener is asked for, and the kernel's own EFAULT
      'listener 22',
      'filter 14',
      'ready',
      '',
    ]);
    expect(agent.log).not.toMatch(/ERROR|FATAL/u);
  });
});

test('generate: podman takes its own default profile with our calls before it', async () => {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  const made = await profileTool(
    'generate',
    '-base',
    '/usr/share/containers/seccomp.json',
    '-socketfile',
    socket,
    '-metadata',
    'MKDIR_SUFFIX=-made',
    'mkdir-suffix',
  );
  expect(made.code).toBe(0);
  expect(notesIn(made, '"archMap"', '"architectures"')).toHaveLength(1);
  const rootfs = folder.at('rootfs');
  makeRootfs(rootfs);
  copyFileSync(compiled('siblings-caller.static'), `${rootfs}/bin/siblings`);
  await using agent = await AgentProcess.start(socket, '-control-socket=none');
  await using container = await PodmanContainer.run({
    folder: folder.at('podman'),
    rootfs,
    listenerPath: socket,
    profile: JSON.parse(made.stdout),
    script: 'mkdir /abc\nls -d /abc*\nsiblings x86_64:134',
  });
  // uselib(2): the base says EPERM, and this kernel ENOSYS
  expect(container.output).toBe('/abc-made\nx86_64:134 1\nlistener 22\nfilter 14\nready\n');
  expect(agent.log).not.toMatch(/ERROR|FATAL/u);
});

/** Output of `ring-mkdir /abc` in a container, and the directory that it has made. */
async function madeByRing(...words: readonly string[]): Promise<string> {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  const setting = ['-metadata', 'MKDIR_SUFFIX=-made'] as const;
  const options = ['-socketfile', socket, ...setting, ...words];
  const { stdout } = await profileTool('generate', ...options, 'mkdir-suffix');
  const rootfs = folder.at('rootfs');
  makeRootfs(rootfs);
  copyFileSync(compiled('ring-mkdir.static'), `${rootfs}/bin/ring-mkdir`);
  await using _agent = await AgentProcess.start(socket, '-control-socket=none');
  await using container = await Container.run({
    runtime: 'runc',
    folder: folder.path,
    rootfs,
    listenerPath: socket,
    profile: JSON.parse(stdout),
    script: 'ring-mkdir /abc\nls -d /abc*',
  });
  return container.output;
}

describe('K21: io_uring', () => {
  const rings = 'io_uring_setup,io_uring_enter,io_uring_register';

  const enosys = 38;
  const asked = `setup ${enosys}\nmkdir 0\n/abc-made\nready\n`;

  test('K21: generate: io_uring is missing, and the handler is asked by what programs do then', async () => {
    expect(await madeByRing()).toBe(asked);
    expect(await madeByRing('-base', 'container')).toBe(asked);
    expect(await madeByRing('-base', '/usr/share/containers/seccomp.json')).toBe(asked);
  });

  test('K21: generate: a ring that is left to programs makes directories without the handler', async () => {
    expect(await madeByRing('-allow', rings)).toBe('ring 0\n/abc\nready\n');
  });
});

test('generate: calls that a handler passes on cost no notification', async () => {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  const { stdout } = await profileTool('generate', 'mknod-safe', '-socketfile', socket);
  const rootfs = folder.at('rootfs');
  makeRootfs(rootfs);
  await using agent = await AgentProcess.start(
    socket,
    '-control-socket=none',
    '-metrics-bind-address=127.0.0.1:0',
  );
  const address = await metricsAddress(agent);
  await using container = await Container.run({
    runtime: 'runc',
    folder: folder.path,
    rootfs,
    listenerPath: socket,
    profile: JSON.parse(stdout),
    script: 'mknod /tmp/null c 1 3 && echo x > /tmp/null\nmknod /tmp/pipe p && ls /tmp',
  });
  expect(container.output).toBe('null\npipe\nready\n');
  const metrics = await (await fetch(`http://${address}/metrics`)).text();
  expect(/^seccompagent_received_total (?<count>\d+)$/mu.exec(metrics)?.[1]).toBe('1');
});

test.for(['DEFAULT_ACTION=kill-container', 'MIDDLEWARE=falco', 'BUNDLE_SHADOW=mknod-safe'])(
  'G3: generate: %s: the agent hears of all calls, also of those that handlers pass on',
  async (setting) => {
    const { stdout } = await profileTool('generate', 'mknod-safe', '-metadata', setting);
    const [rule] = JSON.parse(stdout).syscalls;
    expect(rule).toEqual({ names: ['mknod', 'mknodat'], action: 'SCMP_ACT_NOTIFY' });
  },
);

describe('the command', () => {
  test('generate: wrong settings and unknown bundles are told of at once', async () => {
    const wrong = await profileTool(
      'generate',
      'mount',
      '-metadata',
      'MOUNT_REQUIRE_ADMIN=perhaps',
    );
    expect(wrong).toEqual(failed('AGENT_SETTING_INVALID', 'MOUNT_REQUIRE_ADMIN'));
    const unknown = await profileTool('generate', 'no-such-bundle');
    expect(unknown).toEqual(failed('AGENT_BUNDLE_INVALID', '"no-such-bundle"'));
    expect([wrong.stdout, unknown.stdout]).toEqual(['', '']);
  });

  test.for<readonly [words: readonly string[], ...named: readonly string[]]>([
    [['generate'], 'generate'],
    [['generate', 'mount', '-runtime', 'docker'], '-runtime', 'runc', 'crun'],
    [['generate', 'mount', '-runtime', 'runc', '-wait-killable'], '-wait-killable', '-runtime'],
    [['generate', 'mount', '-format', 'xml'], '-format', 'oci', 'spo'],
    [['generate', 'mount', '-format', 'spo', '-name', 'A'], '-name', '"A"'],
    [['generate', 'mount', '-socketfile', 'a.socket'], '-socketfile'],
    [['generate', 'kubernetes'], 'MKDIR_TMPL', 'EXEC_PATTERN'],
    [['generate', 'kubernetes', '-metadata', 'DEFAULT_ACTION=continue'], 'kubernetes'],
    [['generate', 'mount', '-allow', 'setnss'], '-allow', '"setns"?'],
    [['generate', 'mount', '-base', 'contaner'], '-base', '"container"?'],
    [['lint'], 'lint'],
    [['show'], 'generate', 'lint'],
  ])('profile: %j is a wrong usage', async ([words, ...named]) => {
    const result = await profileTool(...words);
    expect(result).toEqual(failed('AGENT_USAGE', ...named, 'seccompagent profile -help'));
  });

  test('generate: calls that are allowed anyway are told of', async () => {
    const options = ['-allow', '-base'] as const;
    const without = await profileTool('generate', 'mount', '-allow', 'unshare');
    expect(without.code).toBe(0);
    expect(notesIn(without, ...options)).toHaveLength(1);
    const blocked = await profileTool('generate', 'mount', '-allow', 'pidfd_getfd');
    expect(notesIn(blocked, ...options)).toEqual([]);
    const base = ['-base', 'container'] as const;
    const withBase = await profileTool('generate', 'mount', '-allow', 'unshare', ...base);
    expect(withBase.code).toBe(0);
    expect(notesIn(withBase, ...options)).toEqual([]);
  });

  test('generate: a bundle of a folder is selected by its name, which is said', async () => {
    const made = await profileTool('generate', `${shippedBundles()}/mkdir-suffix`);
    expect(JSON.parse(made.stdout)).toMatchObject({ listenerMetadata: 'BUNDLE=mkdir-suffix' });
    expect(notesIn(made, '"mkdir-suffix"')).toHaveLength(1);
  });

  test('lint: generated profiles have only notes in either format, and their metadata is right', async () => {
    using folder = new TemporaryFolder();
    mkdirSync(folder.at('made'));
    for (const format of ['oci', 'spo'] as const) {
      const file = folder.at(`made/${format}`);
      await profileTool('generate', 'demo-basic', '-format', format, '-o', file);
      const { code, stdout } = await profileTool('lint', '-json', file);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toEqual([
        {
          file,
          findings: [
            expect.objectContaining({ code: 'wait-killable', severity: 'note' }),
            // fchmod, and setxattr of ACLs, by which programs do what a handler of chmod is not asked about
            expect.objectContaining({ code: 'walks-around', severity: 'note' }),
            expect.objectContaining({ code: 'walks-around', severity: 'note' }),
          ],
        },
      ]);
    }
  });

  test('G3: lint: metadata is looked at as the agent would', async () => {
    using folder = new TemporaryFolder();
    const file = folder.at('profile.json');
    const { stdout: made } = await profileTool('generate', 'mkdir-suffix');
    const metadata = (text: string): void => {
      writeFileSync(file, JSON.stringify({ ...JSON.parse(made), listenerMetadata: text }));
    };
    metadata('BUNDLE=mkdir-suffix\nMKDIR_SUFIX=a');
    const refused = { code: 'metadata-refused', severity: 'error', message: naming('MKDIR_SUFIX') };
    expect(await findingsOf(file)).toContainEqual(expect.objectContaining(refused));
    metadata('MKDIR_SUFFIX=a');
    expect(await profileTool('lint', file)).toMatchObject({ code: 0 });
    metadata('BUNDEL=mkdir-suffix');
    const misspelt = expect.stringContaining('"BUNDLE"?');
    for (const [code, words] of [
      [0, ['-runtime=runc']],
      [1, ['-resolver=none']],
    ] as const) {
      expect(await profileTool('lint', ...words, file)).toMatchObject({ code, stdout: misspelt });
    }
    expect(await profileTool('lint', '-resolver=demo-basic', file)).toMatchObject({ code: 1 });
  });

  test('generate and lint: templates of pods are no mistakes', async () => {
    using folder = new TemporaryFolder();
    const file = folder.at('profile.json');
    const metadata = ['MKDIR_TMPL=-{{.Namespace}}-{{.Pod}}-{{.Container}}', 'MOUNT_PROC=true'];
    const words = metadata.flatMap((line) => ['-metadata', line]);
    const made = await profileTool('generate', 'kubernetes', ...words, '-o', file);
    expect(made).toMatchObject({ code: 0, stdout: '' });
    expect((await findingsOf(file)).filter(isOfMetadata)).toEqual([]);
    const { listenerMetadata: _selection, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...rest, listenerMetadata: metadata.join('\n') }));
    const unselected = await findingsOf('-resolver=kubernetes', file);
    expect(unselected.filter(isOfMetadata)).toEqual([]);
    expect(unselected.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  test('lint: findings control no terminal', async () => {
    using folder = new TemporaryFolder();
    const file = folder.at('profile.json');
    writeFileSync(file, JSON.stringify({ '\u001B[2J': 1, defaultAction: '\u009B2J' }));
    for (const words of [[], ['-json']]) {
      const { stdout } = await profileTool('lint', ...words, file);
      expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    }
  });

  test('lint: a file that is not there is an error', async () => {
    const result = await profileTool('lint', '/no/such/file');
    expect(result).toEqual(failed('AGENT_PROFILE_INVALID', '/no/such/file'));
  });
});
