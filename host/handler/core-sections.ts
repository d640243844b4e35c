// SPDX-License-Identifier: Apache-2.0
// Counts what a core module has, in one pass, and refuses sections and instructions that handlers
// need not have.
import { BinaryReader } from './binary-reader.ts';
import type { CodeTally } from './code-bounds.ts';
import { refuse } from './refusal.ts';
import { costOfFunction } from './function-body.ts';
import type { Arity, CodeContext } from './function-body.ts';
import { readReferenceType, readValueType } from './value-type.ts';

const headerSize = 8;
const importKind = { function: 0, table: 1, memory: 2, global: 3 } as const;
const functionForm = 0x60;
/** Of elements. */
const functionKind = 0x00;
const endOfExpression = 0x0b;
/** Adding, subtracting and multiplying. */
const computing: ReadonlySet<number> = new Set([0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e]);
const maxInConstant = 16;

function skipName(reader: BinaryReader, tally: CodeTally): void {
  const length = reader.u32();
  tally.add('bytes of types and names', length);
  reader.skip(length);
}

function skipLimits(reader: BinaryReader): void {
  const flags = reader.byte();
  if (flags > 1) refuse('core module has a shared or 64-bit memory or table');
  reader.u32();
  if (flags === 1) reader.u32();
}

/** Constant expressions of globals and segments. */
function skipConstant(reader: BinaryReader): void {
  for (let left = maxInConstant; left > 0; left -= 1) {
    const opcode = reader.byte();
    if (opcode === endOfExpression) return;
    if (opcode === 0x41) reader.skipInteger(5);
    else if (opcode === 0x42) reader.skipInteger(10);
    else if (opcode === 0x43) reader.skip(4);
    else if (opcode === 0x44) reader.skip(8);
    else if (opcode === 0xd0) readReferenceType(reader);
    // global.get, ref.func
    else if (opcode === 0x23 || opcode === 0xd2) reader.u32();
    else if (!computing.has(opcode)) refuse('core module has a constant of an unknown kind');
  }
  refuse(`core module has a constant of more than ${maxInConstant} instructions`);
}

function skipGlobalType(content: BinaryReader): void {
  readValueType(content);
  if (content.byte() > 1) content.fail('global that is neither constant nor mutable');
}

function skipElementType(content: BinaryReader, areExpressions: boolean): void {
  if (areExpressions) readReferenceType(content);
  else if (content.byte() !== functionKind) refuse('core module has elements of an unknown kind');
}

function skipData(content: BinaryReader): void {
  const flags = content.u32();
  if (flags > 2) refuse('core module has data of an unknown kind');
  // of a memory
  if (flags === 2) content.u32();
  if (flags !== 1) skipConstant(content);
  content.skip(content.u32());
}

/** Parts that rewriting its code takes. */
export interface CoreCode {
  /** Number of functions, with imported ones. */
  readonly functions: number;
  /** Offsets of instructions that compilers make calls of, see `Instruction`. */
  readonly runtimeCalls: readonly number[];
}

class CoreSections {
  readonly #tally: CodeTally;
  readonly #runtimeCalls: number[] = [];
  readonly #types: Arity[] = [];
  /** Of functions, imported ones first. */
  readonly #functions: number[] = [];
  #imported = 0;

  constructor(tally: CodeTally) {
    this.#tally = tally;
  }

  get code(): CoreCode {
    return { functions: this.#functions.length, runtimeCalls: this.#runtimeCalls };
  }

  read(id: number, content: BinaryReader): void {
    const tally = this.#tally;
    switch (id) {
      case 1:
        this.#each(content, 'function types', () => this.#readType(content));
        break;
      case 2:
        this.#each(content, 'imports', () => this.#readImport(content));
        break;
      case 3:
        this.#each(content, 'functions', () => this.#functions.push(content.u32()));
        break;
      case 4:
        this.#each(content, 'tables and memories', () => {
          readReferenceType(content);
          skipLimits(content);
        });
        break;
      case 5:
        this.#each(content, 'tables and memories', () => {
          skipLimits(content);
        });
        break;
      case 6:
        this.#each(content, 'globals', () => {
          skipGlobalType(content);
          skipConstant(content);
        });
        break;
      case 7:
        this.#each(content, 'exports', () => {
          skipName(content, tally);
          content.skip(1);
          content.u32();
        });
        break;
      case 9:
        this.#each(content, 'element segments', () => this.#readElements(content));
        break;
      case 10:
        this.#readCode(content);
        break;
      case 11:
        this.#each(content, 'data segments', () => {
          skipData(content);
        });
        break;
      // start, count of data segments
      case 8:
      case 12:
        content.u32();
        break;
      // nobody sees custom ones, see `rewritten`
      case 0:
        content.skip(content.remaining);
        break;
      default:
        refuse(`core module has a section ${id}, which handlers cannot have`);
    }
    // what is left would be read by the compiler alone
    if (!content.isAtEnd) content.fail(`bytes behind section ${id}`);
  }

  #each(content: BinaryReader, what: Parameters<CodeTally['add']>[0], read: () => void): void {
    const count = content.u32();
    // before the first of them
    this.#tally.add(what, count);
    for (let left = count; left > 0; left -= 1) read();
  }

  #readType(content: BinaryReader): void {
    const whole = content.copy();
    if (content.byte() !== functionForm) refuse('core module has a type that is no function');
    const parameters = this.#readValues(content);
    const results = this.#readValues(content);
    this.#tally.add('parameters and results of types', parameters + results);
    this.#types.push({ parameters, results });
    const bytes = whole.bytes(content.position - whole.position);
    this.#tally.types.add(Buffer.from(bytes).toString('latin1'));
  }

  /** @returns how many */
  #readValues(content: BinaryReader): number {
    const count = content.u32();
    this.#tally.checkFunction('parameters or results', count);
    for (let left = count; left > 0; left -= 1) readValueType(content);
    return count;
  }

  #readImport(content: BinaryReader): void {
    skipName(content, this.#tally);
    skipName(content, this.#tally);
    const kind = content.byte();
    if (kind === importKind.function) {
      this.#functions.push(content.u32());
      this.#imported += 1;
    } else if (kind === importKind.table) {
      readReferenceType(content);
      skipLimits(content);
    } else if (kind === importKind.memory) skipLimits(content);
    else if (kind === importKind.global) skipGlobalType(content);
    else refuse('core module has imports of an unknown kind');
  }

  #readElements(content: BinaryReader): void {
    const flags = content.u32();
    if (flags > 7) refuse('core module has elements of an unknown kind');
    const isActive = (flags & 1) === 0;
    const isExplicit = (flags & 2) !== 0;
    const areExpressions = (flags & 4) !== 0;
    if (isActive && isExplicit) content.u32();
    if (isActive) skipConstant(content);
    // the usual one where none is said
    if (flags % 4 !== 0) skipElementType(content, areExpressions);
    const count = content.u32();
    this.#tally.add('table elements', count);
    for (let left = count; left > 0; left -= 1) {
      if (areExpressions) skipConstant(content);
      else content.u32();
    }
  }

  #readCode(content: BinaryReader): void {
    const tally = this.#tally;
    const { locals: maxLocals, 'nested blocks': deepest } = tally.bounds.each;
    const context: CodeContext = {
      types: this.#types,
      functions: this.#functions,
      maxLocals,
      deepest,
    };
    tally.add('bytes of code', content.remaining);
    const count = content.u32();
    if (count !== this.#functions.length - this.#imported) content.fail('functions without code');
    for (let index = 0; index < count; index += 1) {
      const type = this.#types[this.#functions[this.#imported + index] ?? -1];
      this.#readFunction(content, type ?? content.fail('unknown type'), context);
    }
  }

  #readFunction(content: BinaryReader, type: Arity, context: CodeContext): void {
    const tally = this.#tally;
    const body = content.part(content.u32());
    tally.checkFunction('bytes of code', body.remaining);
    const cost = costOfFunction(body, type, context);
    tally.checkFunction('locals', cost.locals);
    tally.add('instructions on memories and tables', cost.runtimeCalls.length);
    for (const place of cost.runtimeCalls) this.#runtimeCalls.push(place);
    for (const [what, count] of [
      ['branch targets', cost.targets],
      ['(locals + stack) × branches', cost.branches],
      ['(locals + stack) × loops', cost.loops],
      ['(locals + stack) × calls', cost.calls],
    ] as const) {
      tally.checkFunction(what, count);
      tally.add(what, count);
    }
  }
}

/**
 * Counts what a core module has.
 * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED
 */
export function tallyCoreModule(bytes: Uint8Array, tally: CodeTally): CoreCode {
  const reader = new BinaryReader(bytes, headerSize);
  const sections = new CoreSections(tally);
  const seen = new Set<number>();
  while (!reader.isAtEnd) {
    const { id, content } = reader.section();
    tally.add('sections', 1);
    if (id !== 0 && seen.has(id)) refuse(`core module has section ${id} twice`);
    seen.add(id);
    sections.read(id, content);
  }
  return sections.code;
}
