// SPDX-License-Identifier: Apache-2.0
// Tests the child process that asks jco how a component is linked, and what it is not able to do.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { expect, test } from 'vitest';

import { loadComponent } from '../../host/handler/direct.ts';
import { DigestCache } from '../../host/handler/digest-cache.ts';
import type { Finding } from '../../host/handler/finding.ts';
import {
  findJco,
  transpilingLimits,
  transpilingProgram,
  wiringFound,
} from '../../host/handler/jco/transpile.ts';
import type { TranspilingLimits } from '../../host/handler/jco/transpile.ts';
import { Wirings } from '../../host/handler/jco/wirings.ts';
import { runProgramSync } from '../../host/program.ts';
import type { ProgramEnd } from '../../host/program.ts';
import { failureOf } from '../support/agent-failure.ts';
import { composed } from '../support/composed-component.ts';
import { failure, naming } from '../support/failures.ts';
import { trapping } from '../support/hostile-components.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const request = { modules: [], interfaces: [], exports: [] };
const generator = join(import.meta.dirname, '../support/prying-generator.mjs');

/** How a child ends that does what a stranger's code could. */
function endOf(deed: string, limits: TranspilingLimits = transpilingLimits): ProgramEnd {
  const component = Buffer.from(deed);
  const jco = { generator, version: '0' };
  return runProgramSync(transpilingProgram({ component, request, jco, limits }));
}

/** Result of a stranger's code in the child. */
function foundBy(deed: string, changed: Partial<TranspilingLimits> = {}): Finding {
  const limits = { ...transpilingLimits, ...changed };
  return wiringFound(endOf(deed, limits), limits);
}

test('G5: jco: code in the child has no environment, rights, files, programs or threads', () => {
  const reason =
    'groups:1,environment:0,root:EPERM,' +
    'shadow:EACCES,write:ERR_ACCESS_DENIED,run:ERR_ACCESS_DENIED,' +
    'addon:ERR_DLOPEN_DISABLED,memory:RangeError,thread:ERR_ACCESS_DENIED}';
  // neither a user of the machine nor one of a container's
  const found = expect.stringMatching(`^{uid:[2-4]\\d{9},${reason}$`);
  expect(foundBy('pry')).toEqual({ kind: 'bad', reason: found });
});

test('G5: jco: code in the child reaches no network', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  expect(foundBy(`connect ${port}`)).toEqual({ kind: 'bad', reason: 'ERR_ACCESS_DENIED' });
  server.close();
});

test('G5: jco: a child that wants too much memory ends', () => {
  expect(foundBy('bloat')).toEqual({ kind: 'bad', reason: naming('SIGABRT') });
});

test('G5: jco: a failure for want of the agent’s memory is not kept as a bad result', () => {
  expect(foundBy('bloat', { dataBytes: transpilingLimits.dataBytes / 2 })).toEqual({
    kind: 'unknown',
    reason: naming('176 MiB'),
  });
});

test('G5: jco: a child that takes too much of the processor is ended', () => {
  expect(foundBy('loop', { processorSeconds: 1 })).toEqual({
    kind: 'bad',
    reason: naming(/\b1 s\b/u),
  });
});

test('G5: jco: a child that takes too long is ended, which may be the fault of the machine', () => {
  expect(foundBy('loop', { limitMs: 1500 })).toEqual({
    kind: 'unknown',
    reason: naming('1.5 s'),
  });
});

test('G5: jco: a child that says too much is ended', () => {
  const end = endOf('flood');
  expect(end.hasSaidTooMuch).toBe(true);
  expect(wiringFound(end, transpilingLimits).kind).toBe('bad');
});

// as where no more tasks may be started
test('G5: jco: what ends the child before it has read the component is not the component’s fault', () => {
  using folder = new TemporaryFolder();
  const aborting = folder.at('generator.mjs');
  writeFileSync(aborting, 'process.abort();');
  const jco = { generator: aborting, version: '0' };
  const program = { component: Buffer.from('pry'), request, jco, limits: transpilingLimits };
  const end = runProgramSync(transpilingProgram(program));
  expect(end.signal).toBe('SIGABRT');
  expect(wiringFound(end, transpilingLimits).kind).toBe('unknown');
});

test.for([
  ['says nothing', 'end'],
  ['lies', 'lie'],
] as const)('jco: a child that %s is not believed', ([, deed]) => {
  const end = endOf(deed);
  expect(end.code).toBe(0);
  expect(wiringFound(end, transpilingLimits).kind).toBe('bad');
});

test('jco: without jco-transpile, one line says what to install', () => {
  using folder = new TemporaryFolder();
  expect(() => findJco(folder.at('agent.js'))).toThrow(
    failure('AGENT_COMPONENT_REFUSED', 'npm install @bytecodealliance/jco-transpile'),
  );
});

test('jco: a component of one core module needs no jco-transpile', () => {
  using folder = new TemporaryFolder();
  const wirings = new Wirings(new DigestCache('wirings', folder.path), folder.at('agent.js')).find;
  expect(loadComponent(trapping(), undefined, { wirings }).code.kind).toBe('direct');
});

test('jco: a component that is none is refused with what jco says of it', async () => {
  const bytes = await composed(trapping());
  using folder = new TemporaryFolder();
  const wirings = new Wirings(new DigestCache('wirings', folder.path)).find;
  // the type of the exported function is another one
  const at = bytes.lastIndexOf(0x60, bytes.length);
  expect(at).toBeGreaterThan(0);
  const broken = bytes.with(bytes.indexOf(0x77), 0x7f);
  // in its own words
  expect(() => loadComponent(broken, undefined, { wirings })).toThrow(
    failure('AGENT_COMPONENT_INVALID', 'jco', 'failed to extract interface information'),
  );
});

const noWirings = (): never => {
  throw new Error('jco was asked');
};

const ten = (item: string): string => Array.from({ length: 10 }, () => item).join('');

/** A core module that answers. */
const answering = `
  (core module $a
    (memory (export "memory") 1)
    (func (export "sysinfo") (result i32) i32.const 16)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 64))
  (core instance $a (instantiate $a))
  (alias core export $a "sysinfo" (core func $f))
  (func $sysinfo (result u32) (canon lift (core func $f)))
  (export "sysinfo" (func $sysinfo))`;

/** A component that makes ten of a component that makes ten of … */
async function bomb(): Promise<Uint8Array> {
  let text = `(component $c0 (core module $m) ${ten('(core instance (instantiate $m))')})`;
  for (let depth = 1; depth <= 6; depth += 1) {
    text = `(component $c${depth} ${text} ${ten(`(instance (instantiate $c${depth - 1}))`)})`;
  }
  return parse(`(component ${text} (instance (instantiate $c6)) ${answering})`);
}

test.for([
  ['answers what it should not', '"sysinfo" (func $sysinfo)', '"run" (func $sysinfo)', ['"run"']],
  ['answers by other types', '(result i32) i32.const 16', '(param i32)', ['"sysinfo"', '(i:)']],
] as const)('G5: jco: it is not asked about a component that %s', async ([, from, to, named]) => {
  const bytes = await parse(`(component (component) ${answering.replace(from, to)})`);
  expect(() => loadComponent(bytes, undefined, { wirings: noWirings })).toThrow(
    failure('AGENT_COMPONENT_REFUSED', ...named),
  );
});

test('G5: jco: a component that unfolds to millions of instances is given up', async () => {
  using folder = new TemporaryFolder();
  const wirings = new Wirings(new DigestCache('wirings', folder.path)).find;
  const bytes = await bomb();
  expect(() => loadComponent(bytes, undefined, { wirings })).toThrow(
    failure('AGENT_COMPONENT_INVALID', 'jco'),
  );
});

const escaped = (name: string): string =>
  [...new TextEncoder().encode(name)]
    .map((byte) => `\\${byte.toString(16).padStart(2, '0')}`)
    .join('');

/** A composed handler one of whose core modules takes a function of this name from another. */
async function withName(name: string): Promise<Uint8Array> {
  const text = escaped(name);
  return parse(`(component
    (component)
    (core module $a (memory (export "memory") 1) (func (export "${text}")))
    (core instance $a (instantiate $a))
    (core module $b
      (import "env" "memory" (memory 1))
      (import "${text}" "${text}" (func))
      (func (export "sysinfo") (result i32) i32.const 16)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 64))
    (core instance $b
      (instantiate $b (with "env" (instance $a)) (with "${text}" (instance $a))))
    (alias core export $b "sysinfo" (core func $f))
    (func $sysinfo (result u32) (canon lift (core func $f)))
    (export "sysinfo" (func $sysinfo)))`);
}

test.for([
  'help',
  'a b',
  '$imports',
  'cm32p2|wasi:io/poll@0.2|[method]pollable.block',
  'constructor',
  'then',
  '*/ boom(); /*',
  '${boom()}',
  '',
])('jco: the name "%s" of a core module is a name', async (name) => {
  using folder = new TemporaryFolder();
  const wirings = new Wirings(new DigestCache('wirings', folder.path)).find;
  const { code } = loadComponent(await withName(name), undefined, { wirings });
  const instances = code.kind === 'jco' ? code.composition.instances : [];
  expect(instances[1]?.imports).toEqual([
    { module: 'env', name: 'memory', what: { kind: 'export', place: [0, 'memory'] } },
    { module: name, name, what: { kind: 'export', place: [0, name] } },
  ]);
});

test.for([
  ["'+boom()+'", "'+boom()+'"],
  ['"]; boom(); ["', '"]; boom(); ["'],
  ['`', '`'],
  ['\\', '\\'],
  ['\n boom()', '? boom()'],
  ['\u2028', '?'],
  ['ü', '?'],
  ['a\0', 'a?'],
  ['__proto__', '__proto__'],
  ['x'.repeat(257), 'x'.repeat(100)],
] as const)('G5: jco: it never gets the name %j of a core module', async ([name, shown]) => {
  const bytes = await withName(name);
  const refused = failureOf(() => loadComponent(bytes, undefined, { wirings: noWirings }));
  expect(refused).toEqual(failure('AGENT_COMPONENT_REFUSED', shown));
  // cut and replaced, where that differs
  expect(refused.message.includes(name.slice(0, shown.length + 1))).toBe(name === shown);
});
