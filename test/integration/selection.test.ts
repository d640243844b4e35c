// SPDX-License-Identifier: Apache-2.0
// Containers select bundles by their metadata: real trapped calls over the agent socket.
import { readdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import type { AgentErrorCode } from '../../host/errors.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { trapLines } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

interface Selecting {
  /** Lines of its metadata; absent: it has none. */
  readonly metadata?: readonly string[];
  readonly operations: readonly string[];
  readonly id?: string;
  readonly options?: readonly string[];
}

type Wrong = readonly [
  how: string,
  metadata: readonly string[],
  named: RegExp,
  code?: AgentErrorCode,
];

const trapped = ['mkdir', 'chmod', 'getpgid'] as const;

async function lines(agent: WatchedAgent, container: Selecting): Promise<readonly string[]> {
  const { metadata, operations, id = 'selecting', options = [] } = container;
  const given = metadata === undefined ? [] : ['-m', metadata.join('\n')];
  return trapLines({
    socket: agent.socket,
    trapped,
    options: ['-i', id, ...given, ...options],
    operations,
  });
}

/** Bundles of an operator: `first` and `second` answer getpgid, each with an errno. */
function operatorsBundles(): BundleFolder {
  const folder = new BundleFolder();
  const common = { component: 'errno-getpgid/errno', syscalls: ['getpgid'] } as const;
  folder.write('first', { ...common, settings: { errno: 'EXDEV' } });
  folder.write('second', { ...common, settings: { errno: 'EDOM' } });
  folder.write('strict', { ...common, failure: 'errno:EIO', settings: { errno: 'EDOM' } });
  return folder;
}

test('selection: a shipped bundle is selected by its name, with its settings', async () => {
  await using agent = await startWatchedAgent({ resolver: 'none', log: 'warn' });
  using folder = new TemporaryFolder();

  expect(
    await lines(agent, {
      metadata: ['BUNDLE=mkdir-suffix', 'MKDIR_SUFFIX=-{{.ContainerID}}-{{.Pid1}}'],
      id: 'c1',
      operations: [`mkdir:${folder.at('made')}:755`, 'chmod:/nowhere:755'],
    }),
  ).toEqual(['mkdir 0 OK', 'chmod -1 ENOENT']);
  expect(readdirSync(folder.path)).toEqual([expect.stringMatching(/^made-c1-[1-9]\d*$/u)]);
  expect(agent.log()).toEqual([]);
});

test('selection: containers of one agent have what each has selected', async () => {
  using bundles = operatorsBundles();
  await using agent = await startWatchedAgent({ bundleFolders: [bundles.path], log: 'warn' });
  const ask = async (metadata?: readonly string[]): Promise<readonly string[]> =>
    lines(agent, { ...(metadata === undefined ? {} : { metadata }), operations: ['getpgid'] });

  const [first, second, none, empty] = await Promise.all([
    ask(['BUNDLE=first']),
    ask(['', 'BUNDLE=second', '']),
    ask(),
    ask(['']),
  ]);

  expect(first).toEqual(['getpgid -1 EXDEV']);
  expect(second).toEqual(['getpgid -1 EDOM']);
  // nobody answers for them
  expect([none, empty]).toEqual([
    [expect.stringMatching(/^getpgid \d+ OK$/u)],
    [expect.stringMatching(/^getpgid \d+ OK$/u)],
  ]);
  expect(agent.log()).toEqual([]);
});

test('selection: several bundles are asked in their order, each about its own calls', async () => {
  using bundles = operatorsBundles();
  await using agent = await startWatchedAgent({ bundleFolders: [bundles.path], log: 'warn' });
  const operations = ['getpgid', 'chmod:/nowhere:755'];

  expect(await lines(agent, { metadata: ['BUNDLE=first,second,errno'], operations })).toEqual([
    'getpgid -1 EXDEV',
    'chmod -1 EPERM',
  ]);
  expect(
    await lines(agent, {
      metadata: ['CHMOD_ERRNO=EBADMSG', 'BUNDLE=errno, second, first'],
      operations,
    }),
  ).toEqual(['getpgid -1 EDOM', 'chmod -1 EBADMSG']);
});

test('selection: -bundle selects where metadata selects none', async () => {
  using bundles = operatorsBundles();
  await using agent = await startWatchedAgent({
    bundleFolders: [bundles.path],
    selection: [bundles.at('second'), 'first', 'errno'],
    log: 'warn',
  });
  const operations = ['getpgid', 'chmod:/nowhere:755'];

  expect(await lines(agent, { operations })).toEqual(['getpgid -1 EDOM', 'chmod -1 EPERM']);
  expect(await lines(agent, { metadata: ['CHMOD_ERRNO=EIO'], operations })).toEqual([
    'getpgid -1 EDOM',
    'chmod -1 EIO',
  ]);
  expect(await lines(agent, { metadata: ['BUNDLE=first'], operations })).toEqual([
    'getpgid -1 EXDEV',
    'chmod -1 ENOENT',
  ]);
});

test('selection: the pod is named by the annotations that the runtime sends', async () => {
  await using agent = await startWatchedAgent({ resolver: 'none', log: 'warn' });
  using folder = new TemporaryFolder();

  await lines(agent, {
    metadata: ['BUNDLE=mkdir-suffix', 'MKDIR_SUFFIX=-{{.Namespace}}-{{.Pod}}-{{.Container}}'],
    options: [
      ['-A', 'io.kubernetes.cri.sandbox-namespace=ns'],
      ['-A', 'io.kubernetes.cri.sandbox-name=pod-0'],
      ['-A', 'io.kubernetes.cri.container-name=main'],
    ].flat(),
    operations: [`mkdir:${folder.at('made')}:755`],
  });

  expect(readdirSync(folder.path)).toEqual(['made-ns-pod-0-main']);
});

describe('selection: what is wrong', () => {
  test.for<Wrong>([
    ['a line without "="', ['BUNDLE=first', 'nonsense'], /\b2\b.*"="/u],
    ['a key twice', ['BUNDLE=first', 'BUNDLE=first'], /"BUNDLE"/u],
    ['a key of no selected bundle', ['BUNDLE=first', 'CHMOD_ERRNO=EIO'], /first.*"CHMOD_ERRNO"/u],
    ['a key without a bundle', ['BUNDEL=first'], /"BUNDEL".*"BUNDLE"/u],
    ['a value that is none', ['BUNDLE=errno', 'CHMOD_ERRNO=EPERMM'], /"CHMOD_ERRNO".*\bEPERM\b/u],
    [
      'a template that is none',
      ['BUNDLE=mkdir-suffix', 'MKDIR_SUFFIX={{.Nope}}'],
      /"MKDIR_SUFFIX".*\{\{\.Namespace\}\}/u,
    ],
    [
      'a template without a value',
      ['BUNDLE=mkdir-suffix', 'MKDIR_SUFFIX={{.Pod}}'],
      /"MKDIR_SUFFIX".*\{\{\.Pod\}\}/u,
    ],
    ['a bundle that is nowhere', ['BUNDLE=first,nobody'], /"nobody"/u, 'AGENT_BUNDLE_INVALID'],
    ['a bundle twice', ['BUNDLE=first,first'], /BUNDLE.*"first"/u],
    ['a relative path', ['BUNDLE=../first'], /"\.\.\/first"/u, 'AGENT_BUNDLE_INVALID'],
    [
      'a registry',
      [`BUNDLE=oci://example.com/a@sha256:${'ab'.repeat(32)}`],
      /oci:\/\/example\.com\/a@sha256:/u,
      'AGENT_BUNDLE_INVALID',
    ],
  ])(
    'G3: selection: %s fails all trapped calls, and the log says why',
    async ([, metadata, named, code = 'AGENT_SETTING_INVALID']) => {
      using bundles = operatorsBundles();
      await using agent = await startWatchedAgent({ bundleFolders: [bundles.path], log: 'info' });
      using folder = new TemporaryFolder();

      const answers = await lines(agent, {
        metadata,
        id: 'wrong',
        operations: [`mkdir:${folder.at('made')}:755`, 'chmod:/nowhere:755', 'getpgid'],
      });

      expect(answers).toEqual(['mkdir -1 EPERM', 'chmod -1 EPERM', 'getpgid -1 EPERM']);
      expect(readdirSync(folder.path)).toEqual([]);
      expect(await agent.untilLogged('bundles-unresolved', { container: 'wrong' })).toMatchObject({
        level: 'error',
        code,
        error: expect.stringMatching(named),
      });
    },
  );

  test('G3: selection: the errno is that of the selected bundles’ failure policy', async () => {
    using bundles = operatorsBundles();
    await using agent = await startWatchedAgent({ bundleFolders: [bundles.path], log: 'fatal' });
    const operations = ['getpgid', 'mkdir:/proc/a:755'];

    expect(await lines(agent, { metadata: ['BUNDLE=strict', 'A=1'], operations })).toEqual([
      'getpgid -1 EIO',
      'mkdir -1 EIO',
    ]);
  });

  test('G3: selection: other containers are not touched by it', async () => {
    using bundles = operatorsBundles();
    await using agent = await startWatchedAgent({ bundleFolders: [bundles.path], log: 'fatal' });
    const ask = async (bundle: string): Promise<readonly string[]> =>
      lines(agent, { metadata: [`BUNDLE=${bundle}`], operations: ['getpgid'] });

    const answers = await Promise.all(['nobody', 'first', 'nobody', 'second'].map(ask));

    expect(answers.flat()).toEqual([
      'getpgid -1 EPERM',
      'getpgid -1 EXDEV',
      'getpgid -1 EPERM',
      'getpgid -1 EDOM',
    ]);
  });
});
