// SPDX-License-Identifier: Apache-2.0
// Writes the module through which a component is asked: it moves a call's arguments from the inbox
// into the handler's memory, so that they never become JavaScript values.
import { inbox } from '../native.ts';
import { isWide } from '../syscalls/kinds/kind.ts';
import type { CoreType, NumberForm, ParameterKind } from '../syscalls/kinds/kind.ts';
import { parametersOf } from '../syscalls/parameter-source.ts';
import type { Parameter } from '../syscalls/parameter-source.ts';
import { rowKey, syscallTable } from '../syscalls/syscall-table.ts';
import type { SyscallRow } from '../syscalls/syscall-table.ts';
import { nameLayout } from '../call/inbox-names.ts';
import type { StringEncoding } from './component.ts';
import { encodeU32 } from './core-module.ts';
import type { CoreSignature } from './core-description.ts';

/** An export of the component that answers calls. */
interface TrampolineAnswer {
  /** A family or `any`. */
  readonly name: string;
  readonly signature: CoreSignature;
  readonly hasPostReturn: boolean;
}

/** The modules that it imports from: the handler's exports keep their names. */
export const trampolineImport = { handler: 'handler', host: 'host' } as const;

/** What it imports from the host. */
export const trampolineHost = { inbox: 'inbox', misaligned: 'misaligned' } as const;

/**
 * The globals that it exports: whether the handler runs, and of the last action its payload and the
 * payload of its late answer.
 */
export const trampolineGlobal = { inCall: 'in-call', payload: 'payload', late: 'late' } as const;

/** The function that asks `any`; for a typed export each row of the table has one, by its key. */
export const anyFunction = 'any';

/**
 * What a function of the trampoline returns. Below 0: the pointer of the argument `-1 - outcome`
 * could not be read, and the handler was not asked. Else, from the lowest byte on: the tag of the
 * action, the lowest byte of its payload, the tag of its late answer, and 1 for a payload of 0.
 */
export type Outcome = number;

/** Bytes, nested as is convenient. */
type Code = readonly (number | Code)[];

function flatten(code: Code): readonly number[] {
  return code.flatMap((part) => (typeof part === 'number' ? part : flatten(part)));
}

const valueType = { i32: 0x7f, i64: 0x7e } as const;
/** By the letters of signatures. */
const valueTypes: Readonly<Record<string, number>> = { i: valueType.i32, I: valueType.i64 };
const external = { function: 0, memory: 2, global: 3 } as const;
const section = { type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 } as const;

/** The handler's memory is the first, so that its instructions need no index. */
const handlerMemory = 0;
const inboxMemory = 1;
const global = { inCall: 0, payload: 1, late: 2 } as const;

/** Where empty lists are said to be: aligned for all, never read. */
const emptyPointer = 8;
/** variant action: a tag, then a payload aligned to 8; `late` has such a variant again. */
const action = { alignment: 8, payload: 8, lateTag: 16, latePayload: 24 } as const;

function signed(value: number): Code {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, signed(rest)];
}

function name(text: string): Code {
  const bytes = new TextEncoder().encode(text);
  return [encodeU32(bytes.length), [...bytes]];
}

function vector(items: readonly Code[]): Code {
  return [encodeU32(items.length), items];
}

function sized(content: Code): Code {
  const bytes = flatten(content);
  return [encodeU32(bytes.length), bytes];
}

function sectionOf(id: number, items: readonly Code[]): Code {
  return [id, sized(vector(items))];
}

// instructions: their operands come before them
const end = 0x0b;
const giveBack = 0x0f;
const select = 0x1b;
const beginIf: Code = [0x04, 0x40];
const isZero = 0x45;
const isEqual = 0x46;
const isNotEqual = 0x47;
const isLess = 0x48;
const isZero64 = 0x50;
const add = 0x6a;
const subtract = 0x6b;
const and = 0x71;
const or = 0x72;
const shiftLeft = 0x74;
const shiftRight = 0x76;
const or64 = 0x84;
const shiftLeft64 = 0x86;
const extendSigned = 0xac;
const extend = 0xad;
const copyFromInbox: Code = [0xfc, 0x0a, handlerMemory, inboxMemory];

const call = (index: number): Code => [0x10, encodeU32(index)];
const get = (local: number): Code => [0x20, encodeU32(local)];
const set = (local: number): Code => [0x21, encodeU32(local)];
const keep = (local: number): Code => [0x22, encodeU32(local)];
const setGlobal = (index: number): Code => [0x24, index];
const i32 = (value: number): Code => [0x41, signed(value)];
const i64 = (value: number): Code => [0x42, signed(value)];

const opcode = { i32: 0x28, i64: 0x29, u8: 0x2d, u16: 0x2f } as const;
type Loaded = keyof typeof opcode;

const load = (what: Loaded, offset: number): Code => [opcode[what], 0, encodeU32(offset)];
/** Bit 6 of the alignment says that a memory's index follows. */
const loadInbox = (what: Loaded, offset: number): Code => [
  opcode[what],
  0x40,
  inboxMemory,
  encodeU32(offset),
];

const register = (what: Loaded, index: number): Code => [
  i32(0),
  loadInbox(what, inbox.registers + 8 * index),
];
const pointerLength = (index: number): Code => [
  i32(0),
  loadInbox('i32', inbox.pointers + 8 * index),
];
const pointerOffset = (index: number): Code => [
  i32(0),
  loadInbox('i32', inbox.pointers + 8 * index + 4),
];

interface WrittenFunction {
  /** What it is exported as. */
  readonly name?: string;
  readonly signature: CoreSignature;
  /** Types of its locals behind the parameters, as in a signature. */
  readonly locals: string;
  readonly body: Code;
}

/** Indices of the functions that others use. */
interface Callees {
  readonly misaligned: number;
  readonly reallocate: number;
  readonly copyIn: number;
  readonly readAction: number;
}

/** (place in the inbox, bytes, alignment) → where they are in the handler's memory. */
function copyIn({ misaligned, reallocate }: Callees): WrittenFunction {
  const [place, size, alignment, pointer] = [0, 1, 2, 3];
  return {
    signature: 'iii:i',
    locals: 'i',
    body: [
      [get(size), isZero, beginIf, i32(emptyPointer), giveBack, end],
      [i32(0), i32(0), get(alignment), get(size), call(reallocate), keep(pointer)],
      [get(alignment), i32(1), subtract, and, beginIf, call(misaligned), end],
      // traps where the pointer is out of bounds
      [get(pointer), get(place), get(size), copyFromInbox],
      get(pointer),
    ],
  };
}

/** (address of an action) → its outcome. */
function readAction({ misaligned }: Callees): WrittenFunction {
  const [address, payload] = [0, 1];
  return {
    signature: 'i:i',
    locals: 'I',
    body: [
      [get(address), i32(action.alignment - 1), and, beginIf, call(misaligned), end],
      // the last field: traps unless all of the action is within bounds
      [get(address), load('i64', action.latePayload), setGlobal(global.late)],
      [get(address), load('i64', action.payload), keep(payload), setGlobal(global.payload)],
      [get(address), load('u8', 0)],
      [get(address), load('u8', action.payload), i32(8), shiftLeft, or],
      [get(address), load('u8', action.lateTag), i32(16), shiftLeft, or],
      [get(payload), isZero64, i32(24), shiftLeft, or],
    ],
  };
}

/** An answer's index and that of its post-return. */
interface AnswerIndices {
  readonly answer: number;
  readonly postReturn: number | undefined;
}

/** The call itself: only within the export the handler may call the host. */
function ask({ readAction: read }: Callees, indices: AnswerIndices, values: Code): Code {
  // parameters are two always, so the first local behind them is 2
  const address = 2;
  return [
    [i32(1), setGlobal(global.inCall)],
    [values, call(indices.answer), set(address)],
    [i32(0), setGlobal(global.inCall)],
    [get(address), call(read)],
    indices.postReturn === undefined ? [] : [get(address), call(indices.postReturn)],
  ];
}

/** (place of the syscall's name, place of its family's name) → outcome. */
function askAny(
  callees: Callees,
  indices: AnswerIndices,
  encoding: StringEncoding,
): WrittenFunction {
  const [syscall, family, , syscallPointer, familyPointer] = [0, 1, 2, 3, 4];
  const unitShift = encoding === 'utf16' ? 1 : 0;
  const length = (place: number): Code => [get(place), loadInbox('i32', 0)];
  const put = (place: number, pointer: number): Code => [
    [get(place), i32(nameLayout.text), add],
    [length(place), i32(unitShift), shiftLeft, i32(1 << unitShift), call(callees.copyIn)],
    set(pointer),
  ];
  const values = [
    [get(syscallPointer), length(syscall), get(familyPointer), length(family)],
    [0, 1, 2, 3, 4, 5].map((index) => register('i64', index)),
  ];
  return {
    name: anyFunction,
    signature: 'ii:i',
    locals: 'iii',
    body: [put(syscall, syscallPointer), put(family, familyPointer), ask(callees, indices, values)],
  };
}

interface FieldPlace {
  readonly offset: number;
  readonly size: 4 | 8;
}

/** How one parameter of a typed export gets to the handler. */
interface Lowering {
  /** Gives up when a pointer could not be read. */
  readonly check: Code;
  readonly put: Code;
  readonly values: Code;
}

const plain = (values: Code): Lowering => ({ check: [], put: [], values });

function number(type: CoreType, value: number): Code {
  return isWide(type) ? i64(value) : i32(value);
}

/** The values of a parameter that a call has no argument for. */
function constant({ core, passed }: ParameterKind, value: number): Code {
  if (passed.as === 'number') return core.map((type) => number(type, value));
  if (passed.as === 'list' && !passed.isOptional) return [i32(emptyPointer), i32(0)];
  return core.map((type) => number(type, 0));
}

/** As new_decode_dev of the kernel has it. */
function deviceValues(index: number): Code {
  const own = register('i32', index);
  const major = [own, i32(0xfff00), and, i32(8), shiftRight];
  const high = [own, i32(12), shiftRight, i32(0xfff00), and];
  return [major, own, i32(0xff), and, high, or];
}

/** The number of a register of at most 32 bits. */
function narrowValue({ bits, hasUnset }: NumberForm, index: number): Code {
  if (bits === 32) return register('i32', index);
  const own = register('u16', index);
  return hasUnset === true ? [i32(-1), own, own, i32(0xffff), isEqual, select] : own;
}

/** The number of a register, as wide as the parameter is. */
function registerValue(form: NumberForm, index: number, { core: [type] }: ParameterKind): Code {
  if (form.bits === 64) {
    if (form.isPair !== true) return register('i64', index);
    const high = [register('i32', index + 1), extend, i64(32), shiftLeft64];
    return [register('i32', index), extend, high, or64];
  }
  const narrow = narrowValue(form, index);
  if (type === undefined || !isWide(type)) return narrow;
  return [narrow, form.isSigned === true ? extendSigned : extend];
}

/** A number among those that a pointer leads to. */
function fieldValue(index: number, { offset, size }: FieldPlace, type: CoreType): Code {
  const isWhole = isWide(type) && size === 8;
  const loaded = [pointerOffset(index), loadInbox(isWhole ? 'i64' : 'i32', offset)];
  return isWide(type) && !isWhole ? [loaded, extend] : loaded;
}

/** @param pointer the local for its address */
function lowering(callees: Callees, parameter: Parameter, pointer: number): Lowering {
  const { kind, source } = parameter;
  const { passed } = kind;
  if (source.from === 'constant') return plain(constant(kind, source.value));
  const { index } = source;
  if (source.from === 'register') {
    return plain(
      passed.as === 'device' ? deviceValues(index) : registerValue(source.form, index, kind),
    );
  }
  const length = pointerLength(index);
  const isNegative = [length, i32(0), isLess];
  const isThere = [length, i32(inbox.null), isNotEqual];
  const giveUp = [beginIf, i32(-1 - index), giveBack, end];
  if (source.from === 'field') {
    const values = kind.core.map((type) => fieldValue(index, source, type));
    return { check: [isNegative, giveUp], put: [], values };
  }
  if (passed.as === 'optional-fields') {
    const [, ...core] = kind.core;
    const values = passed.fields.map((field, place) => {
      const type = core[place] ?? 'i32';
      return [fieldValue(index, field, type), number(type, 0), isThere, select];
    });
    return { check: [isNegative, isThere, and, giveUp], put: [], values: [isThere, values] };
  }
  const { skip } = source;
  const own: Code = skip === 0 ? length : [length, i32(skip), subtract];
  const place: Code = skip === 0 ? pointerOffset(index) : [pointerOffset(index), i32(skip), add];
  const put = [place, own, i32(1), call(callees.copyIn), set(pointer)];
  if (passed.as === 'list' && passed.isOptional) {
    return {
      check: [isNegative, isThere, and, giveUp],
      put: [isThere, beginIf, put, end],
      values: [isThere, get(pointer), own, i32(0), isThere, select],
    };
  }
  return { check: [isNegative, giveUp], put, values: [get(pointer), own] };
}

/** (unused, unused) → outcome. */
function askTyped(callees: Callees, indices: AnswerIndices, row: SyscallRow): WrittenFunction {
  const parameters = parametersOf(row).map((parameter, place) =>
    lowering(callees, parameter, 3 + place),
  );
  return {
    name: rowKey(row),
    signature: 'ii:i',
    locals: 'i'.repeat(1 + parameters.length),
    body: [
      // all before any: the handler gets nothing of a call that it is not asked about
      parameters.map(({ check }) => check),
      parameters.map(({ put }) => put),
      ask(
        callees,
        indices,
        parameters.map(({ values }) => values),
      ),
    ],
  };
}

interface Import {
  readonly module: string;
  readonly name: string;
  readonly signature: CoreSignature;
}

function side(letters: string): Code {
  return vector(letters.split('').map((letter) => [valueTypes[letter] ?? 0]));
}

function functionType(signature: CoreSignature): Code {
  const [parameters = '', results = ''] = signature.split(':');
  return [0x60, side(parameters), side(results)];
}

/** The module; each of its functions takes two numbers and returns an outcome. */
export function trampolineModule(
  answers: readonly TrampolineAnswer[],
  encoding: StringEncoding,
): Uint8Array {
  const { handler, host } = trampolineImport;
  const imports: Import[] = [
    { module: host, name: trampolineHost.misaligned, signature: ':' },
    { module: handler, name: 'cabi_realloc', signature: 'iiii:i' },
  ];
  const indices = answers.map(({ name: answer, signature, hasPostReturn }): AnswerIndices => {
    const index = imports.push({ module: handler, name: answer, signature }) - 1;
    if (!hasPostReturn) return { answer: index, postReturn: undefined };
    const post = { module: handler, name: `cabi_post_${answer}`, signature: 'i:' };
    return { answer: index, postReturn: imports.push(post) - 1 };
  });
  const callees: Callees = {
    misaligned: 0,
    reallocate: 1,
    copyIn: imports.length,
    readAction: imports.length + 1,
  };
  const functions: readonly WrittenFunction[] = [
    copyIn(callees),
    readAction(callees),
    ...answers.flatMap((answer, position) => {
      const own = indices[position] ?? { answer: 0, postReturn: undefined };
      return answer.name === anyFunction
        ? [askAny(callees, own, encoding)]
        : syscallTable
            .filter(({ family }) => family === answer.name)
            .map((row) => askTyped(callees, own, row));
    }),
  ];
  return assemble(imports, functions);
}

function importedMemory(module: string, memory: string): Code {
  return [name(module), name(memory), [external.memory, 0, 0]];
}

function assemble(imports: readonly Import[], functions: readonly WrittenFunction[]): Uint8Array {
  const signatures = [...new Set([...imports, ...functions].map(({ signature }) => signature))];
  const typeIndex = (signature: CoreSignature): Code => encodeU32(signatures.indexOf(signature));
  const exported = functions.flatMap(({ name: text }, index) =>
    text === undefined ? [] : [[name(text), external.function, encodeU32(imports.length + index)]],
  );
  const exportedGlobals = [
    trampolineGlobal.inCall,
    trampolineGlobal.payload,
    trampolineGlobal.late,
  ].map((text, index) => [name(text), external.global, index]);
  const importedFunctions = imports.map(({ module, name: text, signature }) => [
    [name(module), name(text)],
    [external.function, typeIndex(signature)],
  ]);
  const bodies = functions.map(({ locals, body }) => {
    const declared = locals.split('').map((letter) => [1, valueTypes[letter] ?? 0]);
    return sized([vector(declared), body, end]);
  });
  const variable = 1;
  return Uint8Array.from(
    flatten([
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      sectionOf(
        section.type,
        signatures.map((signature) => functionType(signature)),
      ),
      sectionOf(section.import, [
        importedMemory(trampolineImport.handler, 'memory'),
        importedMemory(trampolineImport.host, trampolineHost.inbox),
        ...importedFunctions,
      ]),
      sectionOf(
        section.function,
        functions.map(({ signature }) => typeIndex(signature)),
      ),
      sectionOf(section.global, [
        [valueType.i32, variable, i32(0), end],
        [valueType.i64, variable, i64(0), end],
        [valueType.i64, variable, i64(0), end],
      ]),
      sectionOf(section.export, [...exported, ...exportedGlobals]),
      sectionOf(section.code, bodies),
    ]),
  );
}
