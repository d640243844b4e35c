// SPDX-License-Identifier: Apache-2.0
// Recordings: msgpack maps behind each other. The first is the header, the last the end; see
// guest-sdk/docs/recording.md. What is read may be anybody's file, so everything is looked at.
import { longestDelayMs } from '../call/action.ts';
import type { Action, FinalAction } from '../call/action.ts';
import { isErrnoName } from '../syscalls/errno.ts';
import { fieldForms, isRequestField } from '../call/host-call.ts';
import type { FieldForm, HostAnswer } from '../call/host-call.ts';
import { hostFunctions } from '../call/host-functions.ts';
import type { HostFunction } from '../call/host-functions.ts';
import { argumentCount, operation } from '../native.ts';
import { maxPointerBytes } from './recorded-call.ts';
import type {
  RecordedAsk,
  RecordedCall,
  RecordedHostCall,
  RecordedOutcome,
  RecordedPointer,
} from './recorded-call.ts';

export const recordingFormat = 'seccompagent-recording';
/** Of the format; what is older can be read. */
export const recordingVersion = 1;

type Pairs = readonly (readonly [key: string, value: string])[];

export interface RecordedHandler {
  readonly name: string;
  readonly bundle: string;
  /** Hex sha256 of its component. */
  readonly digest: string;
  /** Names only: values may be secrets. */
  readonly settings: readonly string[];
}

/** Handlers that answer. */
export interface RecordedRegistry {
  readonly bundles: readonly { readonly name: string; readonly version: string }[];
  /** In chain order. */
  readonly handlers: readonly RecordedHandler[];
  /** Keys that the container's metadata sets; null: the value was left out. */
  readonly given: Readonly<Record<string, string | null>>;
}

export interface RecordedContainer {
  readonly id: string;
  /** Only where a handler may ask for them. */
  readonly annotations: Pairs;
  /** Fields of templates. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface HeaderEntry extends RecordedRegistry {
  readonly format: typeof recordingFormat;
  readonly version: number;
  readonly kind: 'header';
  /** The agent's version. */
  readonly agent: string;
  readonly container: RecordedContainer;
}

/** Reasons for a recording's end. */
export const endReasons = ['asked', 'calls', 'container', 'agent'] as const;
export type EndReason = (typeof endReasons)[number];

export interface EndEntry {
  readonly kind: 'end';
  readonly reason: EndReason;
  readonly calls: number;
  /** Calls that were answered and are not here: whoever reads was too slow. */
  readonly lost: number;
}

export type CallEntry = RecordedCall & { readonly kind: 'call' };

/** Somebody else answers from now on. */
export type RegistryEntry = RecordedRegistry & { readonly kind: 'registry' };

export type RecordingEntry = HeaderEntry | RegistryEntry | CallEntry | EndEntry;

/** Type of a field. */
type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

const isText: Check = (value) => typeof value === 'string';
const isFlag: Check = (value) => typeof value === 'boolean';
const isWide: Check = (value) => typeof value === 'bigint';
const isBytes: Check = (value) => value instanceof Uint8Array;
const isBytesOrNull: Check = (value) => value === null || isBytes(value);
const isWhole: Check = (value) => Number.isSafeInteger(value);
const isCount: Check = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function oneOf(...words: readonly string[]): Check {
  return (value) => words.some((word) => word === value);
}

function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every((item: unknown) => check(item));
}

function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shaped(shape: Shape): Check {
  return (value) =>
    isMap(value) && Object.entries(shape).every(([key, check]) => check(value[key]));
}

/** One of several, told apart by `kind`. */
function kinds(shapes: Readonly<Record<string, Shape>>): Check {
  return (value) => {
    if (!isMap(value) || typeof value['kind'] !== 'string') return false;
    const shape = Object.hasOwn(shapes, value['kind']) ? shapes[value['kind']] : undefined;
    return shape !== undefined && shaped(shape)(value);
  };
}

const isTexts: Check = (value) =>
  isMap(value) && Object.values(value).every((text) => isText(text));

const isMounted: Shape = {
  source: isBytesOrNull,
  target: isBytesOrNull,
  type: isBytesOrNull,
  flags: isWide,
  data: isBytesOrNull,
};

const isOperated: Shape = {
  operation: oneOf(...Object.keys(operation)),
  path: isBytesOrNull,
  secondPath: isBytesOrNull,
  name: isBytesOrNull,
  value: isBytesOrNull,
  flags: isWhole,
  mode: isWhole,
  first: isWhole,
  second: isWhole,
  low: isWhole,
  high: isWhole,
  descriptor: isWhole,
  isStrict: isFlag,
  isLent: isFlag,
};

const fieldChecks: Readonly<Record<FieldForm, Check>> = {
  whole: isWhole,
  count: isCount,
  wide: isWide,
  flag: isFlag,
  bytes: isBytes,
  text: isText,
  level: oneOf('debug', 'info', 'warn', 'error'),
};

/** By their table: of all functions of a kind. */
function plainShape(functions: readonly HostFunction[]): Shape {
  const fields = functions
    .flatMap(({ takes }) => Object.values(takes))
    .filter((field) => isRequestField(field))
    .map((field) => [field, fieldChecks[fieldForms[field]]] as const);
  const fixed = functions.flatMap(({ when }) => Object.keys(when));
  const isFixed =
    (name: string): Check =>
    (value) =>
      functions.some(({ when }) => when[name] === value);
  return Object.fromEntries([...fields, ...fixed.map((name) => [name, isFixed(name)] as const)]);
}

const hostCallShapes: Readonly<Record<string, Shape>> = {
  ...Object.fromEntries(
    hostFunctions
      .filter(({ kind }) => kind !== 'facts')
      .map(({ kind }) => [kind, plainShape(hostFunctions.filter((each) => each.kind === kind))]),
  ),
  mount: isMounted,
  operate: isOperated,
};

const isHostCall: Check = kinds(hostCallShapes);

/** More than an operation can give back. */
const maxAnswerBytes = 1024 * 1024;

const answerShape: Readonly<Record<keyof HostAnswer, Check>> = {
  answer: isWhole,
  bytes: optional((value) => value instanceof Uint8Array && value.length <= maxAnswerBytes),
  descriptor: optional(isWhole),
  wide: optional(isWide),
  failure: optional(isText),
};

const isErrno: Check = (value) => typeof value === 'string' && isErrnoName(value);

const finalShapes: Readonly<Record<FinalAction['kind'], Shape>> = {
  value: { value: isWide },
  fail: { errno: isErrno, number: isCount },
  continue: {},
};

const actionShapes: Readonly<Record<Action['kind'], Shape>> = {
  ...finalShapes,
  perform: {},
  next: {},
  delay: {
    delayMs: (value) => typeof value === 'number' && value > 0 && value <= longestDelayMs,
    answer: kinds(finalShapes),
  },
  descriptor: { descriptor: isCount, isCloseOnExec: isFlag },
};

const outcomeShapes: Readonly<Record<RecordedOutcome<Action>['kind'], Shape>> = {
  action: { action: kinds(actionShapes) },
  failed: { code: isText, reason: isText },
  'left-alone': {},
};

const hostCallShape: Readonly<Record<keyof RecordedHostCall, Check>> = {
  call: isHostCall,
  answer: shaped(answerShape),
};

const askShape: Readonly<Record<keyof RecordedAsk, Check>> = {
  handler: isCount,
  calls: listOf(shaped(hostCallShape)),
  outcome: kinds(outcomeShapes),
};

const isIndex: Check = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < argumentCount;

const pointerShapes: Readonly<Record<RecordedPointer['kind'], Shape>> = {
  null: { index: isIndex },
  fault: { index: isIndex, errno: isCount },
  bytes: { index: isIndex, bytes: isBytes },
};

const callShape: Readonly<Record<keyof RecordedCall, Check>> = {
  arch: isText,
  number: isCount,
  syscall: isText,
  family: isText,
  names: listOf(isText),
  registers: listOf(isWide),
  pointers: listOf(kinds(pointerShapes)),
  at: isCount,
  asks: listOf(shaped(askShape)),
  decision: kinds(outcomeShapes),
};

const registryShape: Readonly<Record<keyof RecordedRegistry, Check>> = {
  bundles: listOf(shaped({ name: isText, version: isText })),
  handlers: listOf(
    shaped({ name: isText, bundle: isText, digest: isText, settings: listOf(isText) }),
  ),
  given: (value) =>
    isMap(value) && Object.values(value).every((text) => text === null || isText(text)),
};

const containerShape: Readonly<Record<keyof RecordedContainer, Check>> = {
  id: isText,
  annotations: listOf(
    (pair) => Array.isArray(pair) && pair.length === 2 && pair.every((text) => isText(text)),
  ),
  fields: isTexts,
};

const entryShapes: Readonly<Record<RecordingEntry['kind'], Shape>> = {
  header: {
    ...registryShape,
    format: oneOf(recordingFormat),
    version: isCount,
    agent: isText,
    container: shaped(containerShape),
  },
  registry: registryShape,
  call: callShape,
  end: { reason: oneOf(...endReasons), calls: isCount, lost: isCount },
};

function fits({ pointers }: RecordedCall): boolean {
  const sizes = pointers.map((pointer) => (pointer.kind === 'bytes' ? pointer.bytes.length : 0));
  return sizes.reduce((sum, size) => sum + size, 0) <= maxPointerBytes;
}

/** Whether it is the first entry of a recording of any version. */
export function isRecording(value: unknown): value is { readonly version: number } {
  return isMap(value) && value['format'] === recordingFormat && isCount(value['version']);
}

export function isEntry(value: unknown): value is RecordingEntry {
  return kinds(entryShapes)(value);
}

/** Whether it can be put into an inbox, as every call that was received. */
export function isRestorable(call: RecordedCall): boolean {
  return fits(call);
}
