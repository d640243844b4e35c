// SPDX-License-Identifier: Apache-2.0
// Tests the operator's configuration with the command: what it grants, what it shows and what is
// wrong with it.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import type { LogEvent } from '../../host/log/log-events.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import type { CommandResult } from '../support/command.ts';
import { projectRoot, RunningCommand, runCommand, seccompagent } from '../support/command.ts';
import { failed, naming } from '../support/failures.ts';
import { isRecord, recordsOf } from '../support/log-records.ts';
import { Operator } from '../support/operator.ts';
import { testBundle } from '../support/test-bundles.ts';

/** Not the entry that would grant it. */
const requested = /\bfilesystem\b(?!:)/u;
const grant = (grants: object): object => ({ files: { grants } });

describe('configuration', () => {
  test('configuration: a found bundle has what is granted to its name, and no more', async () => {
    using operator = new Operator();
    operator.add('files');
    operator.write({
      bundles: grant({
        filesystem: { operations: ['mkdir', 'unlink'], paths: [operator.at('in')] },
      }),
    });
    const [inside, outside] = [operator.at('in'), operator.at('out')];
    const script = `busybox mkdir ${inside}/a ${outside}/a; busybox chmod 700 ${inside}
      cd ${inside} && busybox mkdir b ../out/b; busybox rmdir a`;
    const { stdout, stderr } = await operator.run(
      script,
      '-bundle=files',
      '-syscalls=mkdir,chmod,rmdir',
      '-log=warn,json',
    );
    expect(stdout).toBe('');
    expect(readdirSync(inside)).toEqual(['b']);
    expect(readdirSync(outside)).toEqual([]);
    const lines = stderr.split('\n');
    expect(lines.filter((line) => line.includes('Operation not permitted'))).toHaveLength(3);
    // each is told of, by each worker once
    const told = recordsOf(stderr).filter((record) => isRecord(record, 'operation-denied'));
    const refused = told.map(
      (record) => `${String(record['operation'])} ${String(record['limit'])}`,
    );
    expect(new Set(refused)).toEqual(
      new Set(['filesystem.chmod operations', 'filesystem.mkdir paths']),
    );
    expect(told.every((record) => record['bundle'] === 'files')).toBe(true);
  });

  test.for([
    ['nothing', {}, [requested]],
    ['another', { caller: {} }, [requested, 'caller']],
  ] as const)(
    'configuration: a bundle that is granted %s is refused with both lists',
    async ([, grants, named]) => {
      using operator = new Operator();
      operator.add('files');
      operator.write({ bundles: grant(grants) });
      const result = await operator.run(`mkdir ${operator.at('in/a')}`, '-bundle=files');
      const place = [operator.at('bundles/files/bundle.json'), operator.at('config.yaml')];
      expect(result).toEqual(
        failed(
          'AGENT_GRANT_MISSING',
          ...named,
          ...place,
          'bundles: { files: { grants: { filesystem: ',
        ),
      );
      expect(existsSync(operator.at('in/a'))).toBe(false);
    },
  );

  test('configuration: a bundle that is given by its path has what it asks for', async () => {
    using operator = new Operator();
    operator.write({});
    const script = `busybox mkdir ${operator.at('in/a')}`;
    const { code, stderr } = await operator.run(
      script,
      `-bundle=${testBundle('files')}`,
      '-syscalls=mkdir',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(existsSync(operator.at('in/a'))).toBe(true);
  });

  test('configuration: default and failure hold where a bundle says nothing', async () => {
    using operator = new Operator();
    operator.add('trap');
    operator.write({ default: 'errno:EXDEV', failure: 'errno:EDOM' });
    const script = 'busybox chmod 700 /tmp; busybox mkdir /tmp/no/such/folder';
    const asked = await operator.run(script, '-bundle=trap', '-syscalls=chmod,mkdir', '-log=fatal');
    expect(asked.stderr).toMatch(/chmod: .*: Invalid cross-device link\n/u);
    expect(asked.stderr).toMatch(/mkdir: .*: Numerical argument out of domain\n/u);
  });

  test.for([
    [{ 'component-bytes': '64KiB' }, {}, failed('AGENT_BUNDLE_INVALID', / 65536\b/u)],
    [{ memory: '64KiB' }, { memory: '1MiB' }, failed('AGENT_BUNDLE_INVALID', /1024 KiB.* 64 KiB/u)],
    [{ deadline: '2s' }, { deadline: '3s' }, failed('AGENT_BUNDLE_INVALID', /3000 ms.* 2000 ms/u)],
  ] as const)(
    'configuration: beyond the limits %j a bundle is refused',
    async ([limits, handler, failure]) => {
      using operator = new Operator();
      operator.add('trap');
      const manifest = {
        name: 'trap',
        version: '0.1.0',
        description: 'For tests',
        // the same code, with another memory
        handlers: [{ component: 'trap.wasm', ...handler }, { component: 'trap.wasm' }],
      };
      writeFileSync(operator.at('bundles/trap/bundle.json'), JSON.stringify(manifest));
      operator.write({});
      expect((await operator.run('true', '-bundle=trap')).code).toBe(0);

      operator.write({ limits });
      if ('component-bytes' in limits) {
        const big = join(projectRoot, 'build/Release/seccompagent.node');
        copyFileSync(big, operator.at('bundles/trap/trap.wasm'));
      }
      expect(await operator.run('true', '-bundle=trap')).toEqual(failure);
    },
  );

  test('configuration: one that is wrong is said with its line, and nothing runs', async () => {
    using operator = new Operator();
    const file = operator.at('config.yaml');
    writeFileSync(file, 'default: continue\nbundels: {}\n');
    const result = await operator.run('echo ran', '-syscalls=mkdir');
    expect(result).toEqual(failed('AGENT_CONFIG_INVALID', `${file}:2`, 'bundels'));
    expect(result.stdout).toBe('');
  });
});

test('configuration: options of the agent may be in it, and count before the defaults', async () => {
  using operator = new Operator();
  const socket = operator.at('agent.socket');
  const options = {
    socketfile: socket,
    'control-socket': operator.at('control.sock'),
    'metrics-bind-address': '127.0.0.1:0',
    'audit-log': operator.at('audit.jsonl'),
    bundle: ['mkdir-suffix'],
    log: ['info', 'json'],
  };
  const file = operator.write(options);
  await using agent = new RunningCommand([seccompagent, `-config=${file}`, '-log=info']);
  await agent.printed(/ INFO +.* event=agent-listening\n/u);
  const serving = recordsOf(agent.stderr).find((record) => isRecord(record, 'metrics-serving'));
  expect((await fetch(`http://${String(serving?.['address'])}/readyz`)).status).toBe(200);
  const asked = await runCommand([
    seccompagent,
    'status',
    `-control-socket=${operator.at('control.sock')}`,
  ]);
  expect(asked.code).toBe(0);
  {
    await using caller = new AskedCaller({ socket });
    expect((await caller.ask(`mkdir ${operator.at('in/a')}`)).answer).toBe('0');
  }
  operator.write({ ...options, log: 'debug' });
  agent.kill('SIGHUP');
  await agent.printed(/ event=options-changed\n[^]* event=reloaded\n/u);
  // it would not start with that
  operator.write({ ...options, log: 'loud' });
  agent.kill('SIGHUP');
  await agent.printed(/ event=reload-failed\n/u);
  expect(recordsOf(agent.stderr).at(-1)).toMatchObject({
    code: 'AGENT_CONFIG_INVALID',
    error: naming(/config\.yaml:\d+/u, '"loud"'),
  });
  agent.kill('SIGTERM');
  expect(await agent.ended).toMatchObject({ code: 0 });
  expect(readFileSync(operator.at('audit.jsonl'), 'utf8')).toContain('"handler":"mkdir-suffix"');
  expect(readdirSync(operator.at('in'))).toEqual(['a-suffix']);
});

describe('configuration: reload', () => {
  test.for([
    ['the container', { metadata: 'BUNDLE=files' }, []],
    ['the command line', {}, ['-bundle=files']],
  ] as const)(
    'configuration: what is taken away is taken from running containers, as %s selects',
    async ([, metadata, options]) => {
      using operator = new Operator();
      operator.add('files');
      const file = operator.write({ bundles: grant({ filesystem: {} }) });
      const socket = operator.at('agent.socket');
      const config = `-config=${file}`;
      await using agent = await AgentProcess.start(socket, config, ...options);
      await using caller = new AskedCaller({ socket, ...metadata });
      const mkdir = async (path: string): Promise<string> =>
        (await caller.ask(`mkdir ${operator.at(path)}`)).answer;
      const reloads: LogEvent[] = [];
      const reload = async (event: 'reloaded' | 'reload-failed'): Promise<void> => {
        reloads.push(event);
        agent.signal('SIGHUP');
        await agent.logged(event, {}, reloads.filter((each) => each === event).length);
        const told = agent.records.map((record) => record.event);
        expect(told.filter((each) => each.startsWith('reload'))).toEqual(reloads);
      };
      expect(await mkdir('in/a')).toBe('0');

      operator.write({ bundles: grant({ filesystem: { paths: [operator.at('in')] } }) });
      await reload('reloaded');
      expect(await mkdir('in/b')).toBe('0');
      expect(await mkdir('out/b')).toBe('EPERM');

      // a mistake leaves all as it is
      writeFileSync(file, 'bundels: {}\n');
      await reload('reload-failed');
      expect(await mkdir('in/c')).toBe('0');

      operator.write({});
      await reload('reloaded');
      expect(await mkdir('in/d')).toBe('EPERM');
      expect(readdirSync(operator.at('in'))).toEqual(['a', 'b', 'c']);

      operator.write({ bundles: grant({ filesystem: {} }) });
      await reload('reloaded');
      expect(await mkdir('in/d')).toBe('0');
      expect(await agent.stop('SIGTERM')).toMatchObject({ code: 0 });
    },
  );
});

function allowingFiles(limits: object): Readonly<Record<string, unknown>> {
  return { bundles: { 'mkdir-suffix': { grants: { filesystem: limits } } } };
}

/** A bundle without the setting that containers set. */
function removeSettings(manifest: string): void {
  const { settings: _gone, ...rest } = JSON.parse(readFileSync(manifest, 'utf8'));
  const handlers = [{ component: 'mkdir-suffix.wasm', settings: { suffix: '-y' } }];
  writeFileSync(manifest, JSON.stringify({ ...rest, handlers }));
}

test('G3: configuration: a container that keeps its handlers at a reload has no more than is granted now', async () => {
  using operator = new Operator();
  operator.add('mkdir-suffix', join(shippedBundles(), 'mkdir-suffix'));
  const file = operator.write(allowingFiles({}));
  const socket = operator.at('agent.socket');
  await using agent = await AgentProcess.start(socket, `-config=${file}`);
  const metadata = String.raw`BUNDLE=mkdir-suffix\nMKDIR_SUFFIX=-x`;
  await using caller = new AskedCaller({ socket, metadata });
  const mkdir = async (path: string): Promise<string> =>
    (await caller.ask(`mkdir ${operator.at(path)}`)).answer;
  expect(await mkdir('out/before')).toBe('0');

  // there is no new registry for it
  removeSettings(operator.at('bundles/mkdir-suffix/bundle.json'));
  operator.write(allowingFiles({ paths: [operator.at('in')] }));
  agent.signal('SIGHUP');
  await agent.logged('reloaded', { containers: 0, kept: 1 });

  expect([await mkdir('in/after'), await mkdir('out/after')]).toEqual(['0', 'EPERM']);
  expect(readdirSync(operator.at('in'))).toEqual(['after-x']);
  expect(readdirSync(operator.at('out'))).toEqual(['before-x']);
  await agent.logged('bundles-not-resolved-again');
});

test('configuration: a bundle of which a file cannot be looked at keeps no grant of another one', async () => {
  using operator = new Operator();
  operator.add('files');
  operator.add('mkdir-suffix', join(shippedBundles(), 'mkdir-suffix'));
  const file = operator.write({
    bundles: { ...grant({ filesystem: {} }), 'mkdir-suffix': { grants: { filesystem: {} } } },
  });
  const socket = operator.at('agent.socket');
  await using agent = await AgentProcess.start(socket, `-config=${file}`);
  await using author = new AskedCaller({ socket, id: 'author', metadata: 'BUNDLE=mkdir-suffix' });
  await using caller = new AskedCaller({ socket, metadata: 'BUNDLE=files' });
  expect((await author.ask(`mkdir ${operator.at('in/a')}`)).answer).toBe('0');
  expect((await caller.ask(`mkdir ${operator.at('in/b')}`)).answer).toBe('0');

  const component = operator.at('bundles/mkdir-suffix/mkdir-suffix.wasm');
  rmSync(component);
  symlinkSync('mkdir-suffix.wasm', component);
  operator.write({});
  agent.signal('SIGHUP');
  await agent.logged('reloaded');

  // nor one of its own
  expect((await author.ask(`mkdir ${operator.at('in/c')}`)).answer).toBe('EPERM');
  expect((await caller.ask(`mkdir ${operator.at('in/d')}`)).answer).toBe('EPERM');
  expect(readdirSync(operator.at('in')).toSorted()).toEqual(['a-suffix', 'b']);
});

async function check(...words: readonly string[]): Promise<CommandResult> {
  return runCommand([seccompagent, 'config', 'check', ...words]);
}

/** With all that there is to check. */
function complete(operator: Operator): string {
  operator.add('files');
  operator.addKey('acme.pub');
  return operator.write({
    bundles: grant({ filesystem: { paths: ['/work'] } }),
    signers: [
      {
        name: 'acme',
        key: operator.at('acme.pub'),
        grants: { mounts: { filesystems: ['proc'] } },
      },
    ],
    registries: [{ host: 'registry.example.com', signers: ['acme'] }],
    failure: 'kill-container',
    'audit-log': '/var/log/audit.jsonl',
    'audit-arguments': true,
  });
}

describe('config check', () => {
  test('config check: it shows all grants and their owners', async () => {
    using operator = new Operator();
    const { code, stdout, stderr } = await check(complete(operator));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      naming(/ files\b/u),
      naming(' filesystem: ', ' /work'),
      naming(/ acme\b/u, `(${operator.at('acme.pub')})`),
      naming(' mounts: ', / proc$/u),
      naming(' registry.example.com', / acme$/u),
      naming(' files ', operator.at('bundles/files')),
      naming(' filesystem: ', ' /work'),
      naming(operator.at('bundles')),
      naming(' continue'),
      naming(' kill-container'),
      naming(/ 16MiB\b.* 16MiB\b.* 60s\b.* 1GiB$/u),
      naming(' -audit-log /var/log/audit.jsonl'),
      naming(' -audit-arguments'),
      '',
    ]);
  });

  test('config check: the same as JSON', async () => {
    using operator = new Operator();
    const { code, stdout } = await check('-json', complete(operator));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      bundles: { files: { capabilities: { filesystem: { paths: ['/work'] } } } },
      signers: [{ name: 'acme' }],
      found: [{ name: 'files', granted: { capabilities: { filesystem: { paths: ['/work'] } } } }],
      policies: { failure: { kind: 'kill-container' } },
      options: { 'audit-log': '/var/log/audit.jsonl', 'audit-arguments': true },
      problems: [],
    });
  });

  test('config check: keys, folders and bundles that are not there are told with their lines', async () => {
    using operator = new Operator();
    operator.add('files');
    operator.addKey('open.pub');
    chmodSync(operator.at('open.pub'), 0o666);
    writeFileSync(operator.at('text.pub'), 'no key');
    chmodSync(operator.at('bundles'), 0o777);
    const file = operator.at('config.yaml');
    writeFileSync(
      file,
      `bundles:
  other: {}
signers:
  - { name: a, key: ${operator.at('open.pub')} }
  - { name: b, key: ${operator.at('text.pub')} }
  - name: c
    key: ${operator.at('none.pub')}
bundle-folders:
  - ${operator.at('bundles')}
  - ${operator.at('nowhere')}
`,
      { mode: 0o644 },
    );
    const { code, stderr } = await check(file);
    expect(code).toBe(1);
    const told = stderr.split('\n').map((line) => line.replace(`seccompagent: ${file}:`, ''));
    expect(told).toEqual([
      expect.stringMatching(/^4: .*open\.pub .*chmod/u),
      expect.stringMatching(/^5: .*text\.pub/u),
      expect.stringMatching(/^7: .*none\.pub.*ENOENT/u),
      expect.stringMatching(/^9: .*bundles .*chmod/u),
      expect.stringMatching(/^1: .*files\/bundle\.json .*\bfilesystem\b/u),
      expect.stringMatching(/^10: .*nowhere$/u),
      expect.stringMatching(/^2: .*"other"/u),
      '',
    ]);
  });

  test('config check: a file that is not there is told', async () => {
    using operator = new Operator();
    const file = operator.at('none.yaml');
    expect(await check(file)).toEqual(failed('AGENT_CONFIG_INVALID', file));
  });

  test('config check: entries that do not hold for pulled bundles, or not with their signer, are told', async () => {
    using operator = new Operator();
    operator.addKey('acme.pub');
    const signed = { mounts: { filesystems: ['proc'] } };
    const file = operator.write({
      bundles: {
        alone: {},
        fine: { grants: signed, signers: ['acme'] },
        other: { grants: { mounts: {} }, signers: ['acme'] },
      },
      signers: [{ name: 'acme', key: operator.at('acme.pub'), grants: signed }],
      registries: [{ host: 'registry.example.com', signers: ['acme'] }],
    });
    const { code, stdout, stderr } = await check(file);
    expect(code).toBe(1);
    expect(stdout).toMatch(/ fine .* acme\b/u);
    expect(stderr.trimEnd().split('\n')).toEqual([
      naming('"alone"', '"signers"'),
      naming('"other"', '"acme"', '"mounts"'),
    ]);
  });

  test('config check: a file that others can write is not even read', async () => {
    using operator = new Operator();
    const file = operator.write({});
    chmodSync(file, 0o666);
    const result = await check(file);
    expect(result).toEqual(failed('AGENT_CONFIG_INVALID', file, 'chmod go-w'));
    expect(result.stdout).toBe('');
  });

  test.for([[[]], [['show']], [['check', 'a', 'b']]] as const)(
    'config %j: the message and where help is, exit code 2',
    async ([words]) => {
      const { code, stdout, stderr } = await runCommand([seccompagent, 'config', ...words]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^seccompagent: .+\n.*seccompagent config -help\n$/u);
    },
  );
});
