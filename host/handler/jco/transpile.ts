// SPDX-License-Identifier: Apache-2.0
// Has jco say how a composed component is linked: in a child process, since jco reads what a
// stranger has written. The child has no environment, no network and no rights, is killed when it
// takes too long, and what it prints is data that is checked.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { AgentError } from '../../errors.ts';
import { runProgramSync } from '../../program.ts';
import { underLimits } from '../child-limits.ts';
import type { ChildLimits } from '../child-limits.ts';
import { parseWiring } from './wiring.ts';
import type { TranspileRequest, Wiring } from './wiring.ts';

const packageName = '@bytecodealliance/jco-transpile';

/** A JavaScript handler takes a second or two. */
const usualLimitMs = 15_000;
const mostOutputBytes = 8 * 2 ** 20;
const mostMessage = 300;

const childFlags = [
  // it may read files; it may not write any, start programs or threads, load addons, or use the
  // network (the last with Node 25 and later)
  '--permission',
  '--allow-fs-read=*',
  '--max-old-space-size=512',
  '--wasm-max-mem-pages=8192',
] as const;

/** Of the heap and of jco's own WebAssembly as above, and as much again. */
const childLimits: ChildLimits = { dataBytes: 1536 * 2 ** 20, processorSeconds: 30 };

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
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest
      ? String(manifest.version)
      : 'unknown';
  return { generator, version };
}

/** What the child says in its last line: of a stranger's making, so made harmless. */
function reasonOf(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const line = lines.findLast((each) => each.startsWith('transpiler: ')) ?? lines.at(-1) ?? '';
  const plain = line.replace('transpiler: ', '').replaceAll(/[^\x20-\x7e]/gu, '?');
  return plain.slice(0, mostMessage) || 'it says nothing';
}

export interface Transpilation {
  readonly component: Uint8Array;
  readonly request: TranspileRequest;
  readonly jco: Jco;
  readonly limitMs?: number;
}

/** @throws AgentError AGENT_COMPONENT_INVALID */
export function transpile(transpilation: Transpilation): Wiring {
  const { component, request, jco, limitMs = usualLimitMs } = transpilation;
  const program = import.meta.filename.endsWith('.ts') ? 'transpiler.ts' : 'transpiler.js';
  const child = runProgramSync({
    command: underLimits(childLimits, [
      process.execPath,
      ...childFlags,
      join(import.meta.dirname, program),
      jco.generator,
      JSON.stringify(request),
    ]),
    environment: {},
    folder: '/',
    input: component,
    limitMs,
    mostOutputBytes,
  });
  if (child.code === 0) return parseWiring(child.stdout);
  const reason = child.why === '' ? reasonOf(child.stderr) : child.why;
  throw new AgentError('AGENT_COMPONENT_INVALID', `jco cannot link the component: ${reason}`);
}
