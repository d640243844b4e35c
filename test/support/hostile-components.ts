// SPDX-License-Identifier: Apache-2.0
// Components that do what no compiler of ours would let them do, written byte by byte.
import { closeSync, openSync, truncateSync, writeSync } from 'node:fs';

import { allocator, component, coreModule, instruction, unsigned } from './wasm-binary.ts';
import type { Bytes, CoreFunction, CoreModule } from './wasm-binary.ts';

const logInterface = 'seccompagent:handler/log@0.1.0';
const clockInterface = 'seccompagent:handler/clock@0.1.0';
/** Result of a well-behaved call: an answer that the kernel would not give. */
export const goodValue = 7;
const answerAt = 16;
const answerSize = 32;
/** Of the actions: the next handler is asked. */
const nextCase = 3;
/** Where the guest's memory holds text for the log, behind the answer. */
const textAt = 64;
export const guestText = 'said-by-a-hostile-handler';

const more = {
  if: [0x04, 0x40],
  end: [0x0b],
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  br: (depth: number): Bytes => [0x0c, ...unsigned(depth)],
  equal64: [0x51],
  /** Of numbers whose unsigned form is their signed one, too: 63, not 64, and 2,000,000,000. */
  i64: (value: number): Bytes => [0x42, ...unsigned(value)],
  setLocal: (index: number): Bytes => [0x21, ...unsigned(index)],
  teeLocal: (index: number): Bytes => [0x22, ...unsigned(index)],
  brIf: (depth: number): Bytes => [0x0d, ...unsigned(depth)],
  load32: [0x28, 0x02, 0x00],
  store32: [0x36, 0x02, 0x00],
  add: [0x6a],
  subtract: [0x6b],
  subtract64: [0x7d],
  isZero32: [0x45],
  /** Below zero: 0 is what it is not. */
  isNegative32: [...instruction.i32(0), 0x48],
  isZero64: [0x50],
  isBelow: [0x49],
  isLess64: [0x53],
  memorySize: [0x3f, 0x00],
  shiftLeft: [0x74],
  fill: [0xfc, 0x0b, 0x00],
  /** Of the first signature that the module has besides those of its exports. */
  callIndirect: [0x11, 2, 0],
} as const;

/** Never ends. */
const endless: Bytes = [...more.loop, ...more.br(0), ...more.end];

const pageBytes = 65_536;

/** The parameter of `any` that holds the call's first argument. */
const firstRegister = 4;
const parametersOfAny = 10;

/** Runs `body` when the call's first argument is this number, which must be below 64. */
function when(number: number, body: Bytes): Bytes {
  const isIt = [...instruction.local(firstRegister), ...more.i64(number), ...more.equal64];
  return [...isIt, ...more.if, ...body, ...more.end];
}

const goodAnswer = instruction.i32(answerAt);
const zeros = (count: number): Bytes => Array.from({ length: count }, () => 0);

function s64(value: bigint): Bytes {
  return [...new Uint8Array(BigInt64Array.of(value).buffer)];
}

/** An action of this case, as the canonical ABI has it. */
function action(tag: number, payload: Bytes): Bytes {
  const bytes = [tag, ...zeros(7), ...payload];
  return [...bytes, ...zeros(answerSize - bytes.length)];
}

/** The memory: an answer, the text at `textAt`, and whatever else from `restAt` on. */
const restAt = 128;
function memory(rest: Bytes = []): Bytes {
  const answer = [...zeros(answerAt), ...action(0, s64(BigInt(goodValue)))];
  const text = [...new TextEncoder().encode(guestText)];
  const upToRest = [...answer, ...zeros(textAt - answer.length), ...text];
  return [...upToRest, ...zeros(restAt - upToRest.length), ...rest];
}

function anyFunction(body: Bytes): CoreFunction {
  return { name: 'any', signature: 'iiiiIIIIII:i', body };
}

interface Sketch {
  readonly any?: Bytes;
  readonly allocate?: Bytes;
  readonly functions?: readonly CoreFunction[];
  readonly core?: CoreModule;
  readonly imports?: readonly string[];
  readonly exports?: readonly string[];
}

function build({ any = goodAnswer, allocate, functions = [], ...sketch }: Sketch): Uint8Array {
  const { core, imports = [], exports = ['any'] } = sketch;
  const allocates = allocate === undefined ? allocator() : { ...allocator(), body: allocate };
  return component({
    core: coreModule({
      functions: [anyFunction(any), allocates, ...functions],
      data: memory(),
      ...core,
    }),
    imports,
    exports,
  });
}

/** `any` with bodies by the call's first argument; 0 is answered well. */
function byArgument(bodies: readonly Bytes[], data: Bytes = memory()): Uint8Array {
  const any = [...bodies.flatMap((body, index) => when(index + 1, body)), ...goodAnswer];
  return build({ any, core: { data } });
}

const returnPointer = (pointer: number): Bytes => [...instruction.i32(pointer), 0x0f];

/** Answers well for 0 and loops for 1. */
export function looping(): Uint8Array {
  return byArgument([endless]);
}

/** Answers well for 0, and for 1 takes all memory that it gets, uses it, and wants more. */
export function growing(): Uint8Array {
  const size = [...more.memorySize, ...instruction.i32(16), ...more.shiftLeft];
  const takeAndFill = [
    ...instruction.i32(1),
    ...instruction.growMemory,
    ...instruction.drop,
    // from 64 KiB on: what is below holds the answer
    ...instruction.i32(65_536),
    ...instruction.i32(1),
    ...size,
    ...instruction.i32(65_536),
    ...more.subtract,
    ...more.fill,
  ];
  return byArgument([[...more.loop, ...takeAndFill, ...more.br(0), ...more.end]]);
}

/** Memory of `greedy` besides its first page. */
const greedPages = 255;

/** Answers well for 0, and for 1, too, after it has taken and used all the memory that it may have. */
export function greedy(): Uint8Array {
  const takeAndFill = [
    ...instruction.i32(greedPages),
    ...instruction.growMemory,
    ...more.isNegative32,
    ...more.isZero32,
    ...more.if,
    ...instruction.i32(pageBytes),
    ...instruction.i32(1),
    ...instruction.i32(greedPages * pageBytes),
    ...more.fill,
    ...more.end,
  ];
  return byArgument([takeAndFill]);
}

/** Answers well for 0 and traps for 1. */
export function trapping(): Uint8Array {
  return byArgument([instruction.unreachable]);
}

/** Computes for seconds for the first call of each instance, and answers the others at once. */
export function slowAtFirst(): Uint8Array {
  const flagAt = 96;
  const aRegister = 5;
  const flag = instruction.i32(flagAt);
  const count = [...more.i64(2_000_000_000), ...more.setLocal(aRegister)];
  const countDown = [
    ...more.loop,
    ...instruction.local(aRegister),
    ...more.i64(1),
    ...more.subtract64,
    ...more.teeLocal(aRegister),
    ...more.isZero64,
    ...more.isZero32,
    ...more.brIf(0),
    ...more.end,
  ];
  const first = [...flag, ...instruction.i32(1), ...more.store32, ...count, ...countDown];
  const isFirst = [...flag, ...more.load32, ...more.isZero32];
  return build({
    any: [...isFirst, ...more.if, ...first, ...more.end, ...goodAnswer],
    core: { data: memory() },
  });
}

export interface Computing {
  /** For how long, by the clock. */
  readonly milliseconds: number;
  /** The next handler is asked then; absent: the call is answered well. */
  readonly passesOn?: boolean;
}

/** Computes, and that is all it does, for each call. */
export function computing({ milliseconds, passesOn = false }: Computing): Uint8Array {
  const [aStart, aCount] = [5, 6];
  const clock = { module: clockInterface, name: 'monotonic', signature: ':I' };
  const countDown = [
    ...more.i64(200_000),
    ...more.setLocal(aCount),
    ...more.loop,
    ...instruction.local(aCount),
    ...more.i64(1),
    ...more.subtract64,
    ...more.teeLocal(aCount),
    ...more.isZero64,
    ...more.isZero32,
    ...more.brIf(0),
    ...more.end,
  ];
  const since = [...instruction.call(0), ...instruction.local(aStart), ...more.subtract64];
  const goOn = [...since, ...more.i64(milliseconds * 1_000_000), ...more.isLess64, ...more.brIf(0)];
  const loop = [...more.loop, ...countDown, ...goOn, ...more.end];
  const next = [...zeros(answerAt), ...action(nextCase, s64(0n))];
  return build({
    any: [...instruction.call(0), ...more.setLocal(aStart), ...loop, ...goodAnswer],
    core: { imports: [clock], data: passesOn ? next : memory() },
    imports: [clockInterface],
  });
}

/** Has the next handler asked, after so many steps of a loop. */
export function passing(steps = 1): Uint8Array {
  const count = 5;
  const loop = [
    ...more.i64(steps),
    ...more.setLocal(count),
    ...more.loop,
    ...instruction.local(count),
    ...more.i64(1),
    ...more.subtract64,
    ...more.teeLocal(count),
    ...more.isZero64,
    ...more.isZero32,
    ...more.brIf(0),
    ...more.end,
  ];
  const data = [...zeros(answerAt), ...action(nextCase, s64(0n))];
  return build({ any: [...loop, ...goodAnswer], core: { data } });
}

const badActions: readonly (readonly [what: string, bytes: Bytes])[] = [
  ['an unknown case', action(9, s64(0n))],
  ['the case 255', action(255, s64(0n))],
  ['the value -1', action(0, s64(-1n))],
  ['the value -14', action(0, s64(-14n))],
  ['the value -512, with which the kernel restarts calls', action(0, s64(-512n))],
  ['the value -4095', action(0, s64(-4095n))],
  ['an errno that there is not', action(1, [200])],
  ['the errno 255', action(1, [255])],
];
const badPointers: readonly (readonly [what: string, pointer: number])[] = [
  ['a pointer just below 4 GiB', -8],
  ['the pointer -1', -1],
  ['a pointer to the end of the memory', 65_536],
  ['a pointer so near to the end that it does not fit', 65_528],
  ['a misaligned pointer', answerAt + 1],
];

/** Answers of `crooked` to 1, 2, 3 and so on. */
export const crookedAnswers: readonly string[] = [...badActions, ...badPointers].map(
  ([what]) => what,
);

/** Answers well for 0, and as `crookedAnswers` says for the numbers from 1 on. */
export function crooked(): Uint8Array {
  const bodies = [
    ...badActions.map((_, index) => returnPointer(restAt + index * answerSize)),
    ...badPointers.map(([, pointer]) => returnPointer(pointer)),
  ];
  return byArgument(bodies, memory(badActions.flatMap(([, bytes]) => bytes)));
}

/** Whence a component calls the host although it is not asked. */
export const untimelyPlaces = ['start', '_initialize', 'cabi_post_any', 'cabi_realloc'] as const;
export type UntimelyPlace = (typeof untimelyPlaces)[number];

const logText: Bytes = [
  ...instruction.i32(1),
  ...instruction.i32(textAt),
  ...instruction.i32(guestText.length),
  ...instruction.call(0),
];

/** Calls the host, to log `guestText`, when it is not asked. */
export function untimely(place: UntimelyPlace): Uint8Array {
  const imports = [{ module: logInterface, name: 'log', signature: 'iii:' }];
  // index 0 is the import; `any` and the allocator follow
  const added = imports.length + 2;
  const isOwn = place !== 'cabi_realloc';
  const name = place === 'start' ? 'hidden' : place;
  const signature = place === 'cabi_post_any' ? 'i:' : ':';
  return build({
    ...(isOwn ? {} : { allocate: [...logText, ...instruction.i32(4096)] }),
    functions: isOwn ? [{ name, signature, body: logText }] : [],
    core: { imports, data: memory(), ...(place === 'start' ? { start: added } : {}) },
    imports: [logInterface],
  });
}

/** Where a component loops before, or instead of, being asked. */
export const stuckPlaces = ['start', '_initialize', 'configure', 'cabi_realloc'] as const;
export type StuckPlace = (typeof stuckPlaces)[number];

export function stuck(place: StuckPlace): Uint8Array {
  const own = 2;
  switch (place) {
    case 'start':
      return build({
        functions: [{ name: 'hidden', signature: ':', body: endless }],
        core: { start: own },
      });
    case '_initialize':
      return build({ functions: [{ name: '_initialize', signature: ':', body: endless }] });
    case 'configure':
      return build({
        functions: [{ name: 'configure', signature: 'ii:i', body: [...endless, ...goodAnswer] }],
        exports: ['any', 'configure'],
      });
    case 'cabi_realloc':
      return build({ allocate: [...endless, ...goodAnswer] });
  }
}

/** Refuses its settings, with all that its memory holds as the reason. */
export function refusing(): Uint8Array {
  // all of its bytes are ASCII, too
  const length = 0x7070;
  const text = new Uint8Array(Uint32Array.of(0, length).buffer);
  const refusal = [1, ...zeros(3), ...text];
  return build({
    functions: [{ name: 'configure', signature: 'ii:i', body: instruction.i32(restAt) }],
    core: { data: memory(refusal) },
    exports: ['any', 'configure'],
  });
}

/** A component that names so many interfaces that nobody has. */
export function manyInterfaces(count: number): Uint8Array {
  const imports = Array.from({ length: count }, (_, index) => `hostile:made-up/i${index}@0.1.0`);
  return build({ imports });
}

/** A component whose core module imports one function of the host so many times. */
export function manyImports(count: number): Uint8Array {
  const one = { module: logInterface, name: 'log', signature: 'iii:' };
  return build({
    core: { imports: Array.from({ length: count }, () => one) },
    imports: [logInterface],
  });
}

const times = (count: number, code: Bytes): Bytes =>
  Array.from({ length: count }, () => code).flat();

/** Small code that is dear to compile: its name, and its function. */
export interface CodeBomb {
  readonly locals?: number;
  readonly body: Bytes;
}

/** For the baseline compiler, which keeps the state of all locals for each block. */
export function manyStates(locals: number, blocks: number): CodeBomb {
  return { locals, body: times(blocks, [...more.loop, ...more.end]) };
}

/** For the optimizing compiler, which keeps a value for each local that changes in each loop. */
export function changingInLoops(locals: number, loops: number): CodeBomb {
  const changes = Array.from({ length: locals }, (_, index) => [
    ...instruction.local(index + parametersOfAny),
    ...instruction.i32(1),
    ...more.add,
    ...more.setLocal(index + parametersOfAny),
  ]);
  const again = [...instruction.local(parametersOfAny), ...more.brIf(0), ...more.end];
  return { locals, body: [...times(loops, more.loop), ...changes.flat(), ...times(loops, again)] };
}

/** Places that a table of branches leads to, in turn. */
export function branchTable(places: number, targets: number): CodeBomb {
  const table = Array.from({ length: targets }, (_, index) => unsigned(index % places));
  const jump = [...instruction.i32(0), 0x0e, ...unsigned(targets), ...table.flat(), 0];
  return { body: [...times(places, more.block), ...jump, ...times(places, more.end)] };
}

export function nestedBlocks(count: number): CodeBomb {
  return { body: [...times(count, more.block), ...times(count, more.end)] };
}

export function straightCode(bytes: number): CodeBomb {
  return { body: times(Math.ceil(bytes / 3), [...instruction.i32(0), ...instruction.drop]) };
}

/** Answers well, if it can be compiled. */
export function dear({ locals = 0, body }: CodeBomb): Uint8Array {
  const any = { ...anyFunction([...body, ...goodAnswer]), locals };
  return component({
    core: coreModule({ functions: [any, allocator()], data: memory() }),
    exports: ['any'],
  });
}

/** More pages than a memory can have: V8 takes no such module. */
export const impossibleMemory: Bytes = [1, 1, ...unsigned(70_000)];

/** Within the bounds of code, and dear for the optimizing compiler alone. */
export function manyCalls(count: number, core: CoreModule = {}): Uint8Array {
  // behind `any` and the allocator
  const itself = 2;
  const body = times(count, instruction.call(itself));
  return build({ functions: [{ name: 'calls', signature: ':', body }], core });
}

/**
 * Answers well, and so often calls what is dear for the optimizing compiler that V8 optimizes it; with
 * a memory that V8 would not take.
 */
export function dearWhenHot(): Uint8Array {
  const references = 1900;
  const heavy = 2;
  const aRegister = 5;
  const each = (code: (index: number) => Bytes): Bytes =>
    Array.from({ length: references }, (_, index) => code(index)).flat();
  const [getEntry, setEntry] = [0x25, 0x26];
  const body = [
    // never gets past this, which V8 does not know
    ...more.block,
    ...instruction.i32(0),
    ...more.load32,
    ...more.isZero32,
    ...more.brIf(0),
    ...each((index) => [...instruction.i32(index), getEntry, 0, ...more.setLocal(index)]),
    ...instruction.i32(0),
    ...times(105_000, instruction.growMemory),
    ...instruction.drop,
    ...each((index) => [...instruction.i32(index), ...instruction.local(index), setEntry, 0]),
    ...more.end,
  ];
  const often = [
    ...more.i64(100_000),
    ...more.setLocal(aRegister),
    ...more.loop,
    ...instruction.call(heavy),
    ...instruction.local(aRegister),
    ...more.i64(1),
    ...more.subtract64,
    ...more.teeLocal(aRegister),
    ...more.isZero64,
    ...more.isZero32,
    ...more.brIf(0),
    ...more.end,
  ];
  return build({
    any: [...often, ...goodAnswer],
    functions: [{ name: 'heavy', signature: ':', references, body }],
    core: {
      data: memory(),
      memories: [impossibleMemory],
      tables: [[0x70, 0, ...unsigned(references)]],
    },
  });
}

/** Does the same with each number, which is in the register behind the parameters. */
function forNumbers(from: number, below: number, body: Bytes): Bytes {
  return [
    ...instruction.i32(from),
    ...more.setLocal(parametersOfAny),
    ...more.loop,
    ...body,
    ...instruction.local(parametersOfAny),
    ...instruction.i32(1),
    ...more.add,
    ...more.teeLocal(parametersOfAny),
    ...instruction.i32(below),
    ...more.isBelow,
    ...more.brIf(0),
    ...more.end,
  ];
}

/** Functions in the table of `manyReferences`. */
const referenced = 16_380;

/** A small memory and a large table, of which `any` looks each entry up, and asks the next one. */
export function manyReferences(): Uint8Array {
  const [first, getEntry] = [2, 0x25];
  const lookUp = [...instruction.local(parametersOfAny), getEntry, 0, ...instruction.drop];
  const any = forNumbers(0, referenced, lookUp);
  const functions = Array.from({ length: referenced }, () => ({
    name: '',
    signature: ':',
    body: [],
  }));
  return component({
    core: coreModule({
      functions: [
        { ...anyFunction([...any, ...goodAnswer]), locals: 1 },
        allocator(),
        ...functions,
      ],
      tables: [[0x70, 0, ...unsigned(referenced)]],
      elements: functions.map((_, index) => first + index),
      data: [...zeros(answerAt), ...action(3, [])],
    }),
    exports: ['any'],
  });
}

/** A component with many functions, all in its table, whose code never gets behind its condition. */
function manyFunctions(parts: {
  readonly functions: number;
  readonly body: Bytes;
  /** Code of `any`, which may call functions of the table. */
  readonly any: (callAll: Bytes) => Bytes;
  /** Each number makes another component. */
  readonly number: number;
}): Uint8Array {
  const first = 2;
  const body = [...instruction.i32(0), ...more.if, ...parts.body, ...more.end];
  const call = [...instruction.local(parametersOfAny), ...more.callIndirect];
  return component({
    core: coreModule({
      functions: [
        { ...anyFunction(parts.any(forNumbers(0, parts.functions, call))), locals: 1 },
        allocator(4096 + 16 * parts.number),
        ...Array.from({ length: parts.functions }, () => ({ name: '', signature: ':', body })),
      ],
      tables: [[0x70, 0, ...unsigned(parts.functions)]],
      elements: Array.from({ length: parts.functions }, (_, index) => first + index),
      data: [...zeros(answerAt), ...action(nextCase, [])],
    }),
    exports: ['any'],
  });
}

/** Answers well. Of its 200 KB, V8 makes 4 MiB as soon as it is compiled. @param number tells it from others */
export function bulky(number: number): Uint8Array {
  const [max, segments] = [16_370, 65_000];
  const empty: CoreFunction = { name: '', signature: ':', body: [] };
  return build({
    any: [...instruction.i32(number), ...instruction.drop, ...goodAnswer],
    functions: Array.from({ length: max }, () => empty),
    core: { data: memory(), emptySegments: segments },
  });
}

/**
 * Code of which the machine code is far larger: `any` calls each function once, so that V8 compiles it,
 * and asks the next one. Each number makes another component.
 */
export function muchMachineCode(number: number): Uint8Array {
  return manyFunctions({
    functions: 1000,
    body: times(800, [...instruction.i32(0), ...more.callIndirect]),
    any: (callAll) => [...callAll, ...goodAnswer],
    number,
  });
}

/**
 * Functions with so many calls that V8 would keep more of them, for each instance, than its memory
 * has. `any` asks the next one, and calls each function once if the call's first argument is 1.
 */
export function muchCallFeedback(): Uint8Array {
  const firstHeavy = 2;
  return manyFunctions({
    functions: 500,
    body: times(2000, instruction.call(firstHeavy)),
    any: (callAll) => [...when(1, callAll), ...goodAnswer],
    number: 0,
  });
}

/** Appends a custom section, so that the file is as large as this; it takes no room on disk. */
export function inflate(file: string, bytes: number, original: Uint8Array): void {
  const custom = 0;
  // its size stands in five bytes, and its name is empty
  const content = bytes - original.length - 6;
  const size = Array.from({ length: 5 }, (_, index) => {
    const seven = Math.floor(content / 2 ** (7 * index)) % 0x80;
    return index < 4 ? seven + 0x80 : seven;
  });
  const descriptor = openSync(file, 'w');
  try {
    writeSync(descriptor, Uint8Array.from([...original, custom, ...size]));
  } finally {
    closeSync(descriptor);
  }
  truncateSync(file, bytes);
}
