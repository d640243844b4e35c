// SPDX-License-Identifier: Apache-2.0
// The child process in which jco says how a composed component is linked, since jco reads what a
// stranger has written. The child has no environment, no network and no rights, is killed when it
// takes too long, and what it prints is data that is checked.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { AgentError } from '../../errors.ts';
import { readRegularFile } from '../../files/regular-file.ts';
import type { Program, ProgramEnd } from '../../program.ts';
import { failureOf, readyLine } from '../child-end.ts';
import { underLimits } from '../child-limits.ts';
import type { ChildLimits } from '../child-limits.ts';
import { drawUser } from '../child-user.ts';
import type { Finding } from '../finding.ts';
import { parseWiring } from './wiring.ts';
import type { TranspileRequest } from './wiring.ts';

const packageName = '@bytecodealliance/jco-transpile';
const maxPackageBytes = 2 ** 20;

export interface TranspilingLimits extends ChildLimits {
  readonly limitMs: number;
}

/**
 * A TypeScript handler, which is by far the largest, takes 224 MiB and 1 s. With an agent of 400 MiB
 * it is below the limit that units and DaemonSets set, 1 GiB.
 */
export const transpilingLimits: TranspilingLimits = {
  dataBytes: 352 * 2 ** 20,
  processorSeconds: 15,
  limitMs: 60_000,
};

/** There are some 50 bytes for each import of a core module, of which a component has 2048. */
const maxOutputBytes = 2 ** 19;
const maxMessage = 300;

const childFlags = [
  // it may read files; it may not write any, start programs or threads, load addons, or use the
  // network (the last with Node 25 and later)
  '--permission',
  '--allow-fs-read=*',
  '--max-old-space-size=512',
  '--wasm-max-mem-pages=8192',
] as const;

/** An installed jco-transpile. */
export interface Jco {
  /** The module of it that writes code. */
  readonly generator: string;
  readonly version: string;
}

/**
 * Finds it as the file `from` would.
 * @throws AgentError AGENT_COMPONENT_REFUSED: it is not installed
 */
export function findJco(from: string = import.meta.filename): Jco {
  let generator: string;
  try {
    generator = createRequire(from).resolve(`${packageName}/component`);
  } catch (cause) {
    throw new AgentError(
      'AGENT_COMPONENT_REFUSED',
      `component is composed of others, as JavaScript handlers are; npm install ${packageName} to use it`,
      { cause },
    );
  }
  let folder = dirname(generator);
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  const manifest: unknown = JSON.parse(
    readRegularFile(join(folder, 'package.json'), { maxBytes: maxPackageBytes }).toString(),
  );
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest
      ? String(manifest.version)
      : 'unknown';
  return { generator, version };
}

/** The last line of the child: it may be a stranger's, so it is escaped. */
function reasonOf({ why, stderr }: ProgramEnd): string {
  if (why !== '') return why;
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const line = lines.findLast((each) => each.startsWith('transpiler: ')) ?? lines.at(-1) ?? '';
  const plain = line.replace('transpiler: ', '').replaceAll(/[^\x20-\x7e]/gu, '?');
  return plain.slice(0, maxMessage) || 'it says nothing';
}

export interface Transpilation {
  readonly component: Uint8Array;
  readonly request: TranspileRequest;
  readonly jco: Jco;
  readonly limits: TranspilingLimits;
}

export function transpilingProgram({ component, request, jco, limits }: Transpilation): Program {
  const program = import.meta.filename.endsWith('.ts') ? 'transpiler.ts' : 'transpiler.js';
  return {
    command: underLimits(limits, [
      process.execPath,
      ...childFlags,
      join(import.meta.dirname, program),
      jco.generator,
      JSON.stringify(request),
      String(drawUser()),
    ]),
    environment: {},
    folder: '/',
    input: component,
    limitMs: limits.limitMs,
    maxOutputBytes,
  };
}

/** @param given the limits that the child had, which are lower where memory is short */
export function wiringFound(end: ProgramEnd | undefined, given: TranspilingLimits): Finding {
  if (end === undefined) return { kind: 'unknown', reason: 'it was not asked' };
  if (end.code !== 0 || !end.stdout.startsWith(readyLine)) {
    return failureOf(end, { given, usual: transpilingLimits }, reasonOf(end));
  }
  const text = end.stdout.slice(readyLine.length);
  try {
    parseWiring(text);
    return { kind: 'good', text };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return { kind: 'bad', reason: thrown.message };
  }
}
