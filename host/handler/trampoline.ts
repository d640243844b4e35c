// SPDX-License-Identifier: Apache-2.0
// Writes the module through which a component is asked: it moves a call's arguments from the inbox
// into the handler's memory, so that they never become JavaScript values.
import { parametersOf } from '../syscalls/parameter-source.ts';
import { rowKey, syscallTable } from '../syscalls/syscall-table.ts';
import type { SyscallRow } from '../syscalls/syscall-table.ts';
import { nameLayout } from '../call/inbox-names.ts';
import type { StringEncoding } from './component.ts';
import { emptyPointer, lowering } from './argument-lowering.ts';
import { encodeU32 } from './core-module.ts';
import type { CoreSignature } from './core-description.ts';
import {
  flatten,
  valueType,
  valueTypes,
  name,
  vector,
  sized,
  sectionOf,
  end,
  giveBack,
  beginIf,
  isZero,
  isZero64,
  add,
  subtract,
  and,
  or,
  shiftLeft,
  copyFromInbox,
  call,
  get,
  set,
  keep,
  setGlobal,
  i32,
  i64,
  load,
  loadInbox,
  register,
  functionType,
} from './written-code.ts';
import type { Code } from './written-code.ts';

/** An export of the component that answers calls. */
interface TrampolineAnswer {
  /** A family or `any`. */
  readonly name: string;
  readonly signature: CoreSignature;
  readonly hasPostReturn: boolean;
}

/** The modules that it imports from: the handler's exports keep their names. */
export const trampolineImport = { handler: 'handler', host: 'host' } as const;

/** Its imports from the host. */
export const trampolineHost = { inbox: 'inbox', misaligned: 'misaligned' } as const;

/**
 * The globals that it exports: whether the handler runs, and of the last action its payload and the
 * payload of its late answer.
 */
export const trampolineGlobal = { inCall: 'in-call', payload: 'payload', late: 'late' } as const;

/** The function that asks `any`; for a typed export each row of the table has one, by its key. */
export const anyFunction = 'any';

/**
 * Result of a function of the trampoline. Below 0: the pointer of the argument `-1 - outcome`
 * could not be read, and the handler was not asked. Else, from the lowest byte on: the tag of the
 * action, the lowest byte of its payload, the tag of its late answer, and 1 for a payload of 0.
 */
export type Outcome = number;

const external = { function: 0, memory: 2, global: 3 } as const;
const section = { type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 } as const;

const global = { inCall: 0, payload: 1, late: 2 } as const;

/** variant action: a tag, then a payload aligned to 8; `late` has such a variant again. */
const action = { alignment: 8, payload: 8, lateTag: 16, latePayload: 24 } as const;

interface WrittenFunction {
  /** Name of its export. */
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

const nameLength = (place: number): Code => [get(place), loadInbox('i32', 0)];

/** (place of the syscall's name, place of its family's name) → outcome. */
function askAny(
  callees: Callees,
  indices: AnswerIndices,
  encoding: StringEncoding,
): WrittenFunction {
  const [syscall, family, , syscallPointer, familyPointer] = [0, 1, 2, 3, 4];
  const unitShift = encoding === 'utf16' ? 1 : 0;
  const put = (place: number, pointer: number): Code => [
    [get(place), i32(nameLayout.text), add],
    [nameLength(place), i32(unitShift), shiftLeft, i32(1 << unitShift), call(callees.copyIn)],
    set(pointer),
  ];
  const values = [
    [get(syscallPointer), nameLength(syscall), get(familyPointer), nameLength(family)],
    [0, 1, 2, 3, 4, 5].map((index) => register('i64', index)),
  ];
  return {
    name: anyFunction,
    signature: 'ii:i',
    locals: 'iii',
    body: [put(syscall, syscallPointer), put(family, familyPointer), ask(callees, indices, values)],
  };
}

/** (unused, unused) → outcome. */
function askTyped(callees: Callees, indices: AnswerIndices, row: SyscallRow): WrittenFunction {
  const parameters = parametersOf(row).map((parameter, place) =>
    lowering(parameter, { copyIn: callees.copyIn, pointer: 3 + place }),
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
