// SPDX-License-Identifier: Apache-2.0
// Containers whose profile traps every call, so that the agent hears of what their runtime itself does
// under the filter, before there is a program of theirs.
import { cpSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import { isNewerThanLibseccomp } from '../../host/profile/families.ts';
import { runtimeCalls } from '../../host/profile/runtime-calls.ts';
import { askable } from '../../host/bundles/askable-calls.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { metricValues } from '../support/agent-metrics.ts';
import { Container } from '../support/container-runtime.ts';
import { Operator } from '../support/operator.ts';
import { patient } from '../support/patience.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { testBundle } from '../support/test-bundles.ts';

/** Some hundred milliseconds on a machine of its own; what nobody answers takes for ever. */
const promptMs = patient(10_000);

/** All that Linux has and the library of runtimes knows. */
const families = askable();
const all = families
  .flatMap((family) => familyMembers(family))
  .filter((name) => !isNewerThanLibseccomp(name));

/** A bundle that continues all calls, among the operator's. */
function addContinuing(operator: Operator): void {
  const folder = operator.at('bundles/continuing');
  cpSync(testBundle('observer-quiet'), folder, { recursive: true });
  const manifest = {
    name: 'continuing',
    version: '1.0.0',
    description: 'lets calls go on',
    handlers: [{ component: 'observer-quiet.wasm', syscalls: families }],
  };
  writeFileSync(`${folder}/bundle.json`, JSON.stringify(manifest));
}

/** The names of the calls that a handler was asked about. */
async function asked(agent: AgentProcess): Promise<ReadonlySet<string>> {
  const names = [...(await metricValues(agent)).keys()].flatMap((key) => {
    const [, name] = /^seccompagent_calls_total\{.*\bsyscall="(\w+)"/u.exec(key) ?? [];
    return name === undefined ? [] : [name];
  });
  return new Set(names);
}

async function timed<T>(work: Promise<T>): Promise<{ readonly made: T; readonly tookMs: number }> {
  const began = performance.now();
  const made = await work;
  return { made, tookMs: performance.now() - began };
}

describe.for(runtimeCalls)('$runtime', ({ runtime, refused, made: own }) => {
  test('G2: the runtime’s own calls are trapped and continued: containers start, and exec does', async () => {
    using operator = new Operator();
    const trapped = all.filter((name) => !refused.includes(name));
    addContinuing(operator);
    const socket = operator.at('agent.socket');
    const rootfs = operator.at('rootfs');
    makeRootfs(rootfs);
    await using agent = await AgentProcess.start(
      socket,
      `-config=${operator.write({ bundles: { continuing: {} } })}`,
      '-control-socket=none',
      '-metrics-bind-address=127.0.0.1:0',
    );
    const start = await timed(
      Container.run({
        runtime,
        folder: operator.at('.'),
        rootfs,
        listenerPath: socket,
        trapped,
        metadata: ['BUNDLE=continuing'],
        // what runtimes do more by default
        noNewPrivileges: false,
        uid: 1000,
        script: 'echo started',
      }),
    );
    await using container = start.made;
    expect(container.output).toBe('started\nready\n');
    expect(start.tookMs).toBeLessThan(promptMs);
    const joined = await timed(container.exec('echo joined'));
    expect(joined.made).toMatchObject({ code: 0, stdout: 'joined\n' });
    expect(joined.tookMs).toBeLessThan(promptMs);
    // they were the agent's to answer
    expect([...(await asked(agent))]).toEqual(expect.arrayContaining([...own]));
    expect(agent.log).not.toMatch(/WARN|ERROR|FATAL/u);
  });
});
