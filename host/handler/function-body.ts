// SPDX-License-Identifier: Apache-2.0
// Reads the code of a function and says what compiling it costs: compilers keep what they know of
// all locals and of the whole operand stack for each place that code may branch to.
import { refuse } from './refusal.ts';
import type { BinaryReader } from './binary-reader.ts';
import { immediate, instructions, prefixedInstructions } from './instruction.ts';
import type { Instruction } from './instruction.ts';
import { checkValueType, readReferenceType, readValueType } from './value-type.ts';

/** Numbers of parameters and results of a function type. */
export interface Arity {
  readonly parameters: number;
  readonly results: number;
}

/** Types and functions that code may name. */
export interface CodeContext {
  readonly types: readonly Arity[];
  /** The types of functions, imported ones first: indices of `types`. */
  readonly functions: readonly number[];
  /** Refuses a function with more of either. */
  readonly maxLocals: number;
  readonly deepest: number;
}

export interface FunctionCost {
  /** With parameters. */
  locals: number;
  /** Nested blocks. */
  depth: number;
  /** Targets of br_table. */
  targets: number;
  /** (locals + operand stack) × branches and blocks, in sum. */
  branches: number;
  /** The same for loops. */
  loops: number;
  /** The same for calls, and for instructions that compilers make calls of. */
  calls: number;
  /** Offsets of those instructions, in the bytes that the reader reads. */
  readonly runtimeCalls: number[];
}

const opcode = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  typedSelect: 0x1c,
  prefix: 0xfc,
} as const;

const noValues: Arity = { parameters: 0, results: 0 };
const oneResult: Arity = { parameters: 0, results: 1 };
const emptyBlock = 0x40;
/** Types of values stand as negative numbers of one byte. */
const firstValueType = 0x41;
const severalMemories = 0x40;

/** Its instructions, one after the other. */
class FunctionReader {
  readonly #code: BinaryReader;
  readonly #context: CodeContext;
  readonly cost: FunctionCost;
  /** Of each open block: the height below it, and what it leaves there. */
  readonly #bases: number[] = [0];
  readonly #results: number[] = [];
  readonly #parameters: number[] = [0];
  #height = 0;
  /** Of the instruction at hand. */
  #start = 0;

  constructor(code: BinaryReader, type: Arity, context: CodeContext) {
    this.#code = code;
    this.#context = context;
    this.#results.push(type.results);
    this.cost = {
      locals: this.#locals(type.parameters),
      depth: 0,
      targets: 0,
      branches: 0,
      loops: 0,
      calls: 0,
      runtimeCalls: [],
    };
  }

  #locals(parameters: number): number {
    let locals = parameters;
    for (let groups = this.#code.u32(); groups > 0; groups -= 1) {
      locals += this.#code.u32();
      readValueType(this.#code);
      if (locals > this.#context.maxLocals) this.#refuseLocals(locals);
    }
    return locals;
  }

  #refuseLocals(locals: number): never {
    return refuse(
      `a function has ${locals} locals; ${this.#context.maxLocals} are allowed: divide it into smaller ones`,
    );
  }

  readAll(): void {
    while (this.#bases.length > 0) {
      this.#start = this.#code.position;
      this.#readOne(this.#code.byte());
    }
    if (!this.#code.isAtEnd) this.#code.fail('code behind the end of a function');
  }

  /** Memory of a compiler for one place in the code. */
  get #state(): number {
    return this.cost.locals + this.#height + 1;
  }

  #pop(count: number): void {
    // below its block there is nothing: what cannot be reached may take what is not there
    this.#height = Math.max(this.#height - count, this.#bases.at(-1) ?? 0);
  }

  #apply({ pops, pushes, isCall, immediate: what }: Instruction): void {
    const code = this.#code;
    if (isCall) {
      this.cost.calls += this.#state;
      this.cost.runtimeCalls.push(this.#start);
    }
    switch (what) {
      case immediate.none:
        break;
      case immediate.index:
        code.u32();
        break;
      case immediate.reference:
        readReferenceType(code);
        break;
      case immediate.indices:
        code.u32();
        code.u32();
        break;
      case immediate.memory:
        if (code.u32() >= severalMemories) refuse('core module has several memories');
        code.u32();
        break;
      case immediate.integer32:
        code.skipInteger(5);
        break;
      case immediate.integer64:
        code.skipInteger(10);
        break;
      case immediate.bytes4:
        code.skip(4);
        break;
      case immediate.bytes8:
        code.skip(8);
    }
    this.#pop(pops);
    this.#height += pushes;
  }

  #readOne(read: number): void {
    const known = instructions[read];
    if (known !== undefined) {
      this.#apply(known);
      return;
    }
    switch (read) {
      case opcode.block:
      case opcode.loop:
      case opcode.if:
        this.#open(read);
        break;
      case opcode.else:
        this.cost.branches += this.#state;
        this.#height = (this.#bases.at(-1) ?? 0) + (this.#parameters.at(-1) ?? 0);
        break;
      case opcode.end:
        this.#close();
        break;
      case opcode.brIf:
        this.#code.u32();
        this.#pop(1);
        this.cost.branches += this.#state;
        break;
      case opcode.br:
        this.#code.u32();
        this.cost.branches += this.#state;
        this.#leave();
        break;
      case opcode.brTable:
        this.#readTable();
        break;
      case opcode.return:
        this.cost.branches += this.#state;
        this.#leave();
        break;
      case opcode.unreachable:
        this.#leave();
        break;
      case opcode.call:
        this.#call(this.#context.functions[this.#code.u32()]);
        break;
      case opcode.callIndirect:
        this.#pop(1);
        this.#call(this.#code.u32());
        this.#code.u32();
        break;
      case opcode.typedSelect:
        if (this.#code.u32() !== 1) this.#code.fail('select of several types');
        readValueType(this.#code);
        this.#pop(3);
        this.#height += 1;
        break;
      case opcode.prefix:
        this.#apply(prefixedInstructions[this.#code.u32()] ?? this.#unknown('0xfc '));
        break;
      default:
        this.#unknown(`0x${read.toString(16)}`);
    }
  }

  #unknown(what: string): never {
    return refuse(
      `core module has an instruction (${what}) beyond WebAssembly 2.0, or one of vectors: build it without threads, SIMD, exceptions and tail calls`,
    );
  }

  #blockType(): Arity {
    const first = this.#code.byte();
    if (first === emptyBlock) return noValues;
    if (first >= firstValueType && first < 0x80) {
      checkValueType(first);
      return oneResult;
    }
    let index = first & 0x7f;
    if (first >= 0x80) {
      // an index of types, of which there are few; from 0x40 on it is a negative number
      const second = this.#code.byte();
      if (second >= 0x40) this.#code.fail('unknown type');
      index += second * 0x80;
    }
    return this.#context.types[index] ?? this.#code.fail('unknown type');
  }

  #open(read: number): void {
    const { parameters, results } = this.#blockType();
    if (read === opcode.if) this.#pop(1);
    this.#pop(parameters);
    this.#bases.push(this.#height);
    this.#parameters.push(parameters);
    this.#results.push(results);
    this.#height += parameters;
    this.cost.branches += this.#state;
    if (read === opcode.loop) this.cost.loops += this.#state;
    const depth = this.#bases.length - 1;
    if (depth <= this.cost.depth) return;
    this.cost.depth = depth;
    const { deepest } = this.#context;
    if (depth > deepest)
      refuse(
        `a function has more than ${deepest} blocks inside each other: divide it into smaller ones`,
      );
  }

  #close(): void {
    this.#parameters.pop();
    this.#height = (this.#bases.pop() ?? 0) + (this.#results.pop() ?? 0);
  }

  /** The following code cannot be reached. */
  #leave(): void {
    this.#height = this.#bases.at(-1) ?? 0;
  }

  #readTable(): void {
    const targets = this.#code.u32() + 1;
    this.#pop(1);
    this.cost.targets += targets;
    // each place is prepared for once
    this.cost.branches += this.#state * Math.min(targets, this.#bases.length);
    for (let left = targets; left > 0; left -= 1) this.#code.u32();
    this.#leave();
  }

  #call(type: number | undefined): void {
    const { parameters, results } =
      this.#context.types[type ?? -1] ?? this.#code.fail('unknown type');
    this.cost.calls += this.#state;
    this.#pop(parameters);
    this.#height += results;
  }
}

/**
 * @param code of one function: its locals and its instructions
 * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED
 */
export function costOfFunction(
  code: BinaryReader,
  type: Arity,
  context: CodeContext,
): FunctionCost {
  const reader = new FunctionReader(code, type, context);
  reader.readAll();
  return reader.cost;
}
