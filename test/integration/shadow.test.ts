// SPDX-License-Identifier: Apache-2.0
// Shadows: bundles that are asked the same, without effect on anything.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { CallEntry } from '../../host/recording/recording-format.ts';
import { RecordingReader } from '../../host/recording/recording-reader.ts';
import type { ShadowStatus } from '../../host/replay/shadows.ts';
import { metricsAddress } from '../support/agent-metrics.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import { ControlledAgent } from '../support/controlled-agent.ts';
import { failed } from '../support/failures.ts';
import { shippedComponent } from '../support/handler-harness.ts';
import { recordsOf } from '../support/log-records.ts';
import type { LogRecord } from '../support/log-records.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Once its shadow has been asked about so many calls. */
async function shadowStatus(agent: ControlledAgent, calls: number): Promise<ShadowStatus> {
  return until(`${calls} calls of a shadow`, async () => {
    const { containers } = await agent.status();
    const shadow = containers[0]?.shadow;
    return shadow !== undefined && shadow.calls >= calls ? shadow : undefined;
  });
}

function differencesIn(records: readonly LogRecord[]): readonly LogRecord[] {
  return records.filter(({ event }) => event === 'shadow-differs');
}

/** A bundle that makes directories under another name. */
function writeSuffix(bundles: BundleFolder, name: string, suffix: string): string {
  bundles.write(name, {
    component: readFileSync(shippedComponent('mkdir-suffix')),
    settings: { suffix },
    grants: ['filesystem'],
  });
  return join(bundles.path, name);
}

/** A bundle that lets no directory be made. */
function writeErrno(bundles: BundleFolder): string {
  bundles.write('active', {
    component: readFileSync(shippedComponent('errno')),
    syscalls: ['mkdir'],
    settings: { errno: 'EXDEV' },
  });
  return join(bundles.path, 'active');
}

test('shadow: one that does the same differs in nothing, and does nothing', async () => {
  using folder = new TemporaryFolder();
  await using agent = await ControlledAgent.start(
    '-bundle=mkdir-suffix',
    '-bundle-shadow=mkdir-suffix',
  );
  await using caller = new AskedCaller({ socket: agent.socket });
  for (const name of ['a', 'b', 'a']) await caller.ask(`mkdir ${folder.at(name)}`);
  expect(await shadowStatus(agent, 3)).toEqual({
    bundles: [{ name: 'mkdir-suffix', version: '0.1.0' }],
    calls: 3,
    different: 0,
    lost: 0,
  });
  expect(readdirSync(folder.path).toSorted()).toEqual(['a-suffix', 'b-suffix']);
  expect(differencesIn(agent.process.records)).toEqual([]);
});

test('shadow: differing decisions are counted, logged and not carried out', async () => {
  using folder = new TemporaryFolder();
  using bundles = new BundleFolder();
  await using agent = await ControlledAgent.start(
    '-bundle=mkdir-suffix',
    `-bundle-shadow=${writeSuffix(bundles, 'next', '-next')}`,
    '-metrics-bind-address=127.0.0.1:0',
  );
  await using caller = new AskedCaller({ socket: agent.socket, id: 'c' });
  for (let call = 0; call < 100; call += 1) {
    expect((await caller.ask(`mkdir ${folder.at(`d${call}`)}`)).answer).toBe('0');
  }
  expect(await shadowStatus(agent, 100)).toMatchObject({ calls: 100, different: 100 });
  expect(readdirSync(folder.path).every((name) => name.endsWith('-suffix'))).toBe(true);

  const differences = differencesIn(agent.process.records);
  expect(differences).toContainEqual(
    expect.objectContaining({
      container: 'c',
      bundle: 'next',
      syscall: 'mkdir',
      what: 'calls[0]',
      active: expect.stringContaining(`filesystem.mkdir { path: "${folder.at('d0-suffix')}"`),
      shadow: expect.stringContaining(`filesystem.mkdir { path: "${folder.at('d0-next')}"`),
    }),
  );
  // each call has two, and a line a millisecond helps nobody
  expect(differences.length).toBeLessThan(200);

  const address = await metricsAddress(agent.process);
  const readMetrics = async (): Promise<string> =>
    (await fetch(`http://${address}/metrics`)).text();
  const metrics = await readMetrics();
  const labels = 'bundle="next",syscall="mkdir"';
  expect(metrics).toContain(`seccompagent_shadow_calls_total{${labels}} 100\n`);
  expect(metrics).toContain(`seccompagent_shadow_differences_total{${labels}} 100\n`);

  // L9: containers come and go, and each might choose another shadow
  caller.end();
  await agent.process.logged('container-detached');
  await until('the counts to end', async () =>
    (await readMetrics()).includes('bundle="next"') ? undefined : true,
  );
});

test('shadow: one that traps again and again is left alone, and no call hears of it', async () => {
  using bundles = new BundleFolder();
  bundles.write('trap', { component: 'trap' });
  await using agent = await ControlledAgent.start(
    `-bundle=${writeErrno(bundles)}`,
    `-bundle-shadow=${join(bundles.path, 'trap')}`,
  );
  await using caller = new AskedCaller({ socket: agent.socket });
  for (let call = 0; call < 8; call += 1) {
    expect((await caller.ask('mkdir /trap')).answer).toBe('EXDEV');
    // another answer in between: they are not in a row
    expect((await caller.ask('mkdir /other')).answer).toBe('EXDEV');
  }
  expect(await shadowStatus(agent, 16)).toMatchObject({ different: 16 });
  for (let call = 0; call < 6; call += 1) {
    expect((await caller.ask('mkdir /trap')).answer).toBe('EXDEV');
  }
  await agent.process.logged('shadow-failed');
  const [container] = (await agent.status()).containers;
  expect(container?.shadow?.leftAlone).toMatch(/\bmkdir\b/u);
  expect(container?.handlers).toMatchObject([{ isQuarantined: false }]);
});

test('shadow: one that never ends holds nothing up, and is left alone', async () => {
  using bundles = new BundleFolder();
  bundles.write('hostile', { component: 'hostile' });
  await using agent = await ControlledAgent.start(
    `-bundle=${writeErrno(bundles)}`,
    `-bundle-shadow=${join(bundles.path, 'hostile')}`,
  );
  await using twin = new AskedCaller({ socket: agent.socket, id: 'twin' });
  await twin.ask('mkdir /other');
  await using caller = new AskedCaller({ socket: agent.socket, id: 'looping' });
  for (let call = 0; call < 50; call += 1) {
    expect((await caller.ask('mkdir /loop')).answer).toBe('EXDEV');
  }
  await agent.process.logged('shadow-failed');
  const { containers: found } = await agent.status();
  const shadowOf = (id: string): ShadowStatus | undefined =>
    found.find((container) => container.id === id)?.shadow;
  // all the others were answered while it looped
  const leftAlone = expect.stringMatching(/\b5 s\b/u);
  expect(shadowOf('looping')).toMatchObject({ calls: 1, leftAlone });
  // it would loop for others as well
  expect(shadowOf('twin')).toMatchObject({ calls: 1, leftAlone });
  expect((await caller.ask('mkdir /loop')).answer).toBe('EXDEV');

  // nor does it hold up those of others, though it was to be asked about 49 more
  await using other = new AskedCaller({ socket: agent.socket, id: 'other' });
  expect((await other.ask('mkdir /other')).answer).toBe('EXDEV');
  await until('the shadow of the other container', async () => {
    const { containers } = await agent.status();
    const last = containers.find(({ id }) => id === 'other');
    return last?.shadow?.calls === 1 || undefined;
  });
});

test('shadow: metadata chooses it, with settings of its own', async () => {
  using folder = new TemporaryFolder();
  await using agent = await ControlledAgent.start();
  await using caller = new AskedCaller({
    socket: agent.socket,
    metadata: String.raw`BUNDLE=errno\nBUNDLE_SHADOW=mkdir-suffix\nMKDIR_SUFFIX=-x`,
  });
  expect((await caller.ask(`mkdir ${folder.at('a')}`)).answer).toBe('0');
  // which the kernel has made, and the shadow would have made otherwise
  expect(readdirSync(folder.path)).toEqual(['a']);
  expect(await shadowStatus(agent, 1)).toMatchObject({ different: 1 });
  expect(differencesIn(agent.process.records)).toContainEqual(
    expect.objectContaining({
      shadow: expect.stringContaining(`filesystem.mkdir { path: "${folder.at('a-x')}"`),
    }),
  );
});

test.for([
  [
    'of no such bundle',
    String.raw`BUNDLE=errno\nBUNDLE_SHADOW=no-such`,
    'no-such',
    'AGENT_BUNDLE_INVALID',
  ],
  [
    'whose settings are wrong',
    String.raw`BUNDLE=errno\nBUNDLE_SHADOW=mkdir-suffix\nMKDIR_SUFFIX={{.Nothing}}`,
    'MKDIR_SUFFIX',
    'AGENT_SETTING_INVALID',
  ],
] as const)(
  'shadow: one %s is nothing to the container, and is told',
  async ([, metadata, reason, code]) => {
    await using agent = await ControlledAgent.start();
    await using caller = new AskedCaller({ socket: agent.socket, metadata });
    expect((await caller.ask('getpgid 0')).answer).toMatch(/^\d+$/u);
    const { containers } = await agent.status();
    expect(containers[0]?.shadow?.leftAlone).toContain(reason);
    expect(containers[0]).not.toHaveProperty('refusal');
    await agent.process.logged('shadow-unresolved', { error: new RegExp(reason, 'u'), code });
  },
);

test.for(['mkdir-suffix', 'no-such'])(
  'shadow: a key that nobody declares is refused as ever, beside %s',
  async (shadow) => {
    await using agent = await ControlledAgent.start();
    await using caller = new AskedCaller({
      socket: agent.socket,
      metadata: String.raw`BUNDLE=errno\nBUNDLE_SHADOW=${shadow}\nMKDIR_SUFIX=-x`,
    });
    expect((await caller.ask('getpgid 0')).answer).toBe('EPERM');
  },
);

test('shadow: one that the command line names and that is not there is said at once', async () => {
  expect(await runCommand([seccompagent, '-bundle-shadow=no-such'])).toEqual(
    failed('AGENT_BUNDLE_INVALID', '"no-such"'),
  );
});

test('shadow: after a reload the new version is asked, also where one was left alone', async () => {
  using bundles = new BundleFolder();
  bundles.write('next', { component: 'hostile' });
  await using agent = await ControlledAgent.start(
    `-bundle=${writeErrno(bundles)}`,
    `-bundle-shadow=${join(bundles.path, 'next')}`,
  );
  await using caller = new AskedCaller({ socket: agent.socket });
  for (let call = 0; call < 6; call += 1) await caller.ask('mkdir /throw');
  await agent.process.logged('shadow-failed');
  writeSuffix(bundles, 'next', '-suffix');
  process.kill((await agent.status()).pid, 'SIGHUP');
  await agent.process.logged('reloaded');
  await caller.ask('mkdir /throw');
  const status = await shadowStatus(agent, 1);
  expect(status).toMatchObject({ calls: 1, different: 1 });
  expect(status).not.toHaveProperty('leftAlone');
});

test('shadow: a recording beside it has the same calls', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  const { stderr } = await runCommand([
    seccompagent,
    'record',
    '-o',
    file,
    '-bundle=mkdir-suffix',
    '-bundle-shadow=errno',
    '-log=warn',
    '--',
    'mkdir',
    folder.at('a'),
  ]);
  expect(differencesIn(recordsOf(stderr))).not.toEqual([]);
  const reader = await RecordingReader.open(file);
  const calls: CallEntry[] = [];
  for await (const call of reader.calls()) calls.push(call);
  expect(calls).toHaveLength(1);
});
