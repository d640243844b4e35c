// SPDX-License-Identifier: Apache-2.0
// Compiles code in a child process, before anything of the agent does: a compiler cannot be ended,
// and takes what memory it likes. The child has no rights, is the first that the kernel kills where
// memory is short, and has limits of its own. V8 compiles functions when they are first called, and
// by another compiler when they are called often: the child does all of it at once, by one of both.
import type { Program, ProgramEnd } from '../../program.ts';
import { failureOf } from '../child-end.ts';
import { underLimits } from '../child-limits.ts';
import type { ChildLimits } from '../child-limits.ts';
import { drawUser, nobody } from '../child-user.ts';
import type { Finding } from '../finding.ts';

/** V8's two compilers: the one for first calls, and the one for what is called often. */
export const compilers = ['baseline', 'optimizing'] as const;
export type Compiler = (typeof compilers)[number];

export interface CompilingLimits extends ChildLimits {
  /** Memory of the compiler while it compiles, besides the resulting code. */
  readonly workBytes: Readonly<Record<Compiler, number>>;
  readonly limitMs: number;
}

const mebibyte = 2 ** 20;

/**
 * A TypeScript handler, which is by far the largest, takes 2 and 22 MiB, and 3 s. As many workers as
 * there are compile for first calls at once; what is called often is compiled one after the other.
 */
export const compilingLimits: CompilingLimits = {
  dataBytes: 256 * mebibyte,
  workBytes: { baseline: 24 * mebibyte, optimizing: 64 * mebibyte },
  processorSeconds: 30,
  limitMs: 120_000,
};

const childFlags = [
  '--permission',
  '--allow-fs-read=*',
  '--max-old-space-size=128',
  '--no-wasm-lazy-compilation',
  '--no-wasm-tier-up',
  // as the agent: few functions at once
  '--wasm-num-compilation-tasks=1',
  '--v8-pool-size=1',
];
const compilerFlags: Readonly<Record<Compiler, string>> = {
  baseline: '--liftoff-only',
  optimizing: '--no-liftoff',
};

/**
 * The program of the child: it is not in a file, since Node would compile code of its own for that, by the
 * compiler that is to be tried. It says `ready` before it compiles, `invalid` where a module is not
 * valid, `dear` where it took more than it may, and else `compiled` with the size of the code in bytes.
 */
const source = `
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';

const become = (user) => {
  process.setgid(user);
  process.setuid(user);
};
if (process.geteuid() === 0) {
  process.setgroups([]);
  try {
    become(Number(process.argv[3]));
  } catch {
    become(${nobody});
  }
}
const modules = await buffer(process.stdin);
// of no file: V8's own
const executable = /^([0-9a-f]+)-([0-9a-f]+) ..x. \\S+ 00:00 0 *$/gm;
const codeBytes = () =>
  [...readFileSync('/proc/self/maps', 'utf8').matchAll(executable)].reduce(
    (sum, [, start, end]) => sum + parseInt(end, 16) - parseInt(start, 16),
    0,
  );
const kibibytesOf = (name) =>
  Number(new RegExp(name + ':[^0-9]*([0-9]+) kB').exec(readFileSync('/proc/self/status', 'utf8'))[1]);
const residentBefore = kibibytesOf('VmRSS');
const codeBefore = codeBytes();
// none is to be collected before it is measured
const compiled = (globalThis.compiled = []);
process.stdout.write('ready\\n');
let offset = 0;
for (const length of JSON.parse(process.argv[1])) {
  const bytes = modules.subarray(offset, offset + length);
  offset += length;
  try {
    compiled.push(new WebAssembly.Module(bytes));
  } catch (thrown) {
    if (!(thrown instanceof WebAssembly.CompileError)) throw thrown;
    process.stdout.write('invalid\\n');
    process.exit();
  }
}
// what getrusage(2) says is the size of who has started it, where that is larger
const code = modules.length + codeBytes() - codeBefore;
const resident = 1024 * (kibibytesOf('VmHWM') - residentBefore);
process.stdout.write((resident - code > process.argv[2] ? 'dear' : 'compiled') + ' ' + code + '\\n');
`;

/** All that a verdict depends on besides the code. */
export const compilingVersion: string = JSON.stringify([childFlags, compilerFlags, source]);

/** Why what no compiler takes is bad. */
export const notValid = 'it is not valid';

export function compilingProgram(
  modules: readonly Uint8Array[],
  compiler: Compiler,
  { dataBytes, processorSeconds, workBytes, limitMs }: CompilingLimits,
): Program {
  return {
    command: underLimits({ dataBytes, processorSeconds }, [
      process.execPath,
      ...childFlags,
      compilerFlags[compiler],
      '--input-type=module',
      '--eval',
      source,
      JSON.stringify(modules.map(({ length }) => length)),
      String(workBytes[compiler]),
      String(drawUser()),
    ]),
    environment: {},
    folder: '/',
    input: Buffer.concat(modules),
    limitMs,
  };
}

/**
 * @param given the limits that the child had, which are lower where memory is short
 * @returns what is good with the size of its machine code, in bytes
 */
export function verdictOf(
  end: ProgramEnd,
  usual: CompilingLimits,
  given: CompilingLimits = usual,
): Finding {
  const { code, stdout } = end;
  const [, kind, codeBytes = ''] = /^(dear|compiled) (\d+)$/mu.exec(stdout) ?? [];
  if (code === 0 && kind === 'compiled') return { kind: 'good', text: codeBytes };
  if (code === 0 && kind === 'dear') return { kind: 'bad', reason: 'it takes too much memory' };
  if (code === 0 && stdout.endsWith('invalid\n')) return { kind: 'bad', reason: notValid };
  return failureOf(end, { given, usual });
}
