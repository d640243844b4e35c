// SPDX-License-Identifier: Apache-2.0
// Tests results in callers' memory: written only where no signal can end the call meanwhile.
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { RunningCommand, runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import type { ContainerOptions, RuntimeName } from '../support/container-runtime.ts';
import { naming } from '../support/failures.ts';
import { killableBundle, ociBundleWith } from '../support/oci-bundle.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const flag = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';
const deadlineMs = 45_000;

const written = ['sysinfo OK, 112 of 112 bytes', 'getxattr OK, 65536 of 65536 bytes'];
const untouched = ['sysinfo EOPNOTSUPP, 0 of 112 bytes', 'getxattr EOPNOTSUPP, 0 of 65536 bytes'];
const both = ['sysinfo', 'getxattr', '65536'] as const;

let agent: WatchedAgent;
beforeAll(async () => {
  // each worker warns of a container without the flag
  agent = await startWatchedAgent({ bundle: testBundle('results'), log: 'warn', mayWarn: true });
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});

function start(options: readonly string[], modes: readonly string[]): RunningCommand {
  return new RunningCommand([compiled('result-caller'), '-s', agent.socket, ...options, ...modes], {
    deadlineMs,
  });
}

async function linesOf(options: readonly string[], modes: readonly string[]): Promise<string[]> {
  await using running = start(options, modes);
  const { code, signal, stdout, stderr } = await running.ended;
  if (code !== 0) throw new Error(`result-caller: ${signal ?? code} ${stdout} ${stderr}`);
  return stdout.split('\n').slice(0, -1);
}

describe('results: of a container whose bundle has the flag', () => {
  let bundle: TemporaryFolder;
  let withFlag: readonly string[];
  beforeAll(() => {
    bundle = killableBundle();
    withFlag = ['-k', '-b', bundle.path];
  });
  afterAll(() => {
    bundle[Symbol.dispose]();
  });

  test('M4: results: they are written, and nothing beside them', async () => {
    expect(await linesOf(withFlag, both)).toEqual(written);
  });

  test('M4: results: no signal ever sees one that is half written', async () => {
    expect(await linesOf(withFlag, ['storm', '200'])).toEqual([
      'storm 200 of 200 whole, torn 0, many signals',
    ]);
  });

  test('M2, M4: results: where the memory ends the call fails as the kernel has it', async () => {
    expect(await linesOf(withFlag, ['edge'])).toEqual([
      'last bytes OK',
      'one too few EFAULT',
      'null EFAULT',
      'end of all EFAULT',
    ]);
  });

  test('M4: results: memory that the caller may not write is not written for it', async () => {
    expect(await linesOf(withFlag, ['read-only'])).toEqual([
      'read-only EFAULT, 4096 bytes are as they were',
    ]);
  });

  test('M4: results: who is killed meanwhile is not written to', async () => {
    const from = agent.log().length;
    {
      await using running = start(withFlag, ['slow']);
      await agent.untilLogged('handler-log', { msg: /slow begins/u }, from);
      running.kill('SIGKILL');
      expect((await running.ended).signal).toBe('SIGKILL');
    }
    const { msg } = await agent.untilLogged('handler-log', { handler: 'results' }, from + 1);
    expect(msg).toContain('gone');
  });
});

/** Resolves with why a container is not written to, as the log has it after the first `from` lines. */
async function untilRefused(from: number): Promise<unknown> {
  return (await agent.untilLogged('caller-memory-refused', {}, from))['why'];
}

/** Runs one that is not written to; why, as the log has it. */
async function refusal(options: readonly string[]): Promise<unknown> {
  const from = agent.log().length;
  expect(await linesOf(options, both)).toEqual(untouched);
  return untilRefused(from);
}

describe('results: of a container of which nobody knows whether it has the flag', () => {
  test('M4: results: without the flag nothing is written, and the log says what to do', async () => {
    using bundle = ociBundleWith(['SECCOMP_FILTER_FLAG_LOG']);
    expect(await refusal(['-b', bundle.path])).toEqual(naming('"flags"', flag));
  });

  test('M4: results: without a bundle nothing is written, whatever the filter has', async () => {
    const why = await refusal(['-k', '-b', '/nonexistent']);
    expect(why).toEqual(naming(flag, '/nonexistent/config.json', 'ENOENT'));
  });

  test('M4: results: a bundle is not looked for inside of a container', async () => {
    using bundle = killableBundle();
    const path = `/proc/self/root${bundle.path}`;
    expect(await refusal(['-k', '-b', path])).toEqual(naming(path, 'ELOOP'));
  });
});

test('M4: results: a command of `run` has the flag, and results are written', async () => {
  const program = join(import.meta.dirname, '../support/run-bundle.ts');
  const command = [compiled('result-caller'), ...both, 'storm', '50'];
  expect(
    await runCommand([
      process.execPath,
      program,
      testBundle('results'),
      'sysinfo,getxattr',
      ...command,
    ]),
  ).toMatchObject({
    code: 0,
    stdout: [...written, 'storm 50 of 50 whole, torn 0, many signals', ''].join('\n'),
    stderr: '',
  });
});

/** A runtime that does not know the flag starts no container with it: runc before 1.5. */
function canHaveFlag(runtime: RuntimeName): boolean {
  if (runtime === 'crun') return true;
  return spawnSync('timeout', ['10', 'runc', 'features'], { encoding: 'utf8' }).stdout.includes(
    flag,
  );
}

async function refusedByRuntime(options: ContainerOptions): Promise<void> {
  await expect(Container.run(options)).rejects.toThrow(/seccomp flags/u);
}

describe.each(['runc', 'crun'] as const)('results: of %s', (runtime) => {
  let folder: TemporaryFolder;
  let options: ContainerOptions;
  beforeAll(() => {
    folder = new TemporaryFolder();
    const rootfs = folder.at('rootfs');
    makeRootfs(rootfs);
    copyFileSync(compiled('result-caller.static'), join(rootfs, 'bin/result-caller'));
    options = {
      runtime,
      folder: folder.path,
      rootfs,
      listenerPath: agent.socket,
      trapped: ['sysinfo', 'getxattr'],
      script: `result-caller ${both.join(' ')}`,
    };
  });
  afterAll(() => {
    folder[Symbol.dispose]();
  });

  test('M4: results: with the flag they are written, also for what is executed in the container', async () => {
    const wanted = { ...options, flags: [flag] };
    if (!canHaveFlag(runtime)) {
      await refusedByRuntime(wanted);
      return;
    }
    await using container = await Container.run(wanted);
    expect(container.output).toBe([...written, 'ready', ''].join('\n'));
    const executed = await container.exec('result-caller storm 100 sysinfo');
    expect(executed.stdout.split('\n')).toEqual([
      'storm 100 of 100 whole, torn 0, many signals',
      written[0],
      '',
    ]);
  });

  test('M4: results: a container without the flag is not written to, nor what is executed in it', async () => {
    const from = agent.log().length;
    await using container = await Container.run(options);
    expect(container.output).toBe([...untouched, 'ready', ''].join('\n'));
    const executed = await container.exec('result-caller sysinfo');
    expect(executed.stdout).toBe(`${untouched[0]}\n`);
    expect(await untilRefused(from)).toEqual(naming('"flags"', flag));
  });
});
