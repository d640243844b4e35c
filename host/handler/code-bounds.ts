// SPDX-License-Identifier: Apache-2.0
// Limits of a component's code. Nothing ends a compiler that has begun, and the memory that it takes is
// the agent's: so its input is counted before, without reading any of it into memory.
import { refuse } from './refusal.ts';

/** Of a component, in sum. Handlers in TypeScript, which bring QuickJS along, have half or less. */
const sums = {
  sections: 8192,
  'core modules': 64,
  'nested components': 128,
  'types, aliases and instances': 4096,
  imports: 2048,
  exports: 2048,
  'bytes of types and names': 524_288,
  // V8 keeps them for good, see known-types.ts
  'function types': 512,
  'parameters and results of types': 16_384,
  functions: 16_384,
  'tables and memories': 64,
  globals: 1024,
  'element segments': 256,
  'table elements': 16_384,
  'data segments': 65_536,
  'bytes of code': 4_194_304,
  // such as memory.fill: a call is inserted before each, see interrupt-checks.ts
  'instructions on memories and tables': 16_384,
  'branch targets': 131_072,
  '(locals + stack) × branches': 16_000_000,
  '(locals + stack) × loops': 500_000,
  '(locals + stack) × calls': 8_000_000,
} as const;

/** Of one function. */
const each = {
  locals: 2000,
  'nested blocks': 4096,
  'parameters or results': 128,
  'bytes of code': 262_144,
  'branch targets': 16_384,
  '(locals + stack) × branches': 1_000_000,
  '(locals + stack) × loops': 40_000,
  '(locals + stack) × calls': 500_000,
} as const;

export type Sum = keyof typeof sums;
export type FunctionMeasure = keyof typeof each;

export interface CodeBounds {
  readonly sums: Readonly<Record<Sum, number>>;
  readonly each: Readonly<Record<FunctionMeasure, number>>;
}

export const codeBounds: CodeBounds = { sums, each };

/** Counts what a component has. */
export class CodeTally {
  readonly bounds: CodeBounds;
  readonly #sums: Map<Sum, number> = new Map();
  /** Types of functions that differ: the bytes of each, as latin1. */
  readonly types: Set<string> = new Set();

  constructor(bounds: CodeBounds = codeBounds) {
    this.bounds = bounds;
  }

  get counted(): ReadonlyMap<Sum, number> {
    return this.#sums;
  }

  /** Of what it has most of, how much there is of what may be. */
  get share(): number {
    return Math.max(0, ...[...this.#sums].map(([what, sum]) => sum / this.bounds.sums[what]));
  }

  /** @throws AgentError AGENT_COMPONENT_REFUSED: there are too many by now */
  add(what: Sum, count: number): void {
    const sum = (this.#sums.get(what) ?? 0) + count;
    this.#sums.set(what, sum);
    const max = this.bounds.sums[what];
    if (sum <= max) return;
    tooMany({ of: 'component', what, found: sum, max, cure: 'leave out what it does not need' });
  }

  /** @throws AgentError AGENT_COMPONENT_REFUSED */
  checkFunction(what: FunctionMeasure, count: number): void {
    const max = this.bounds.each[what];
    if (count <= max) return;
    tooMany({ of: 'a function', what, found: count, max, cure: 'divide it into smaller ones' });
  }
}

interface Excess {
  readonly of: string;
  readonly what: string;
  readonly found: number;
  readonly max: number;
  /** Advice for its author. */
  readonly cure: string;
}

function tooMany({ of, what, found, max, cure }: Excess): never {
  return refuse(`${of} has ${found} ${what}; ${max} are allowed, since it is compiled: ${cure}`);
}
