// SPDX-License-Identifier: Apache-2.0
// Reads the test cases of a handler: handler.test.yaml.
import { errnoNumber, parseErrno } from '../syscalls/errno.ts';
import { gone } from '../call/host.ts';
import type { StringList } from '../call/string-list.ts';
import { credentialsLayout, processLayout } from '../native.ts';
import type { ArgumentKind, GivenFields } from '../syscalls/kinds/kind.ts';
import type { Argument } from '../syscalls/syscall-table.ts';
import { Syscalls } from '../syscalls/syscalls.ts';
import type { DescribedCall } from './described.ts';
import { locationBytes } from '../call/location.ts';
import { statusNames } from './described-answer.ts';
import { locatedNames } from './located.ts';
import type { GivenArgument } from './made-up-call.ts';
import type { PreparedAnswer } from './recording-host.ts';
import { parseYaml } from './yaml-value.ts';
import type { Plain, YamlValue } from './yaml-value.ts';

/** Expected outcome of a call. */
export interface Expectation {
  /** Absent: any. */
  readonly action?: Plain;
  /** Absent: any. Of arguments only those that are there count. */
  readonly calls?: readonly DescribedCall[];
  /** A part of the message: the handler must trap or answer nonsense. */
  readonly failure?: string;
  readonly line: number;
}

export interface TrialStep {
  readonly syscall: string;
  readonly arguments: readonly GivenArgument[];
  /** Answers to host calls, in turn. */
  readonly answers: readonly PreparedAnswer[];
  readonly expectation: Expectation;
}

/** Facts of the host. */
export interface Surroundings {
  readonly containerId?: string;
  readonly annotations: readonly (readonly [key: string, value: string])[];
  /** Memory behind arguments, for `memory`. */
  readonly memory: ReadonlyMap<number, Uint8Array>;
  /** Lists of strings behind arguments, for the same. */
  readonly strings: ReadonlyMap<number, StringList>;
  readonly state: ReadonlyMap<string, Uint8Array>;
  /** As `credentialsLayout` of native.ts says. */
  readonly caller?: Uint8Array;
  /** As `processLayout` of native.ts says. */
  readonly callingProcess?: Uint8Array;
}

export interface TrialCase {
  readonly name: string;
  readonly line: number;
  /** Absent: the defaults of the bundle alone. */
  readonly settings: ReadonlyMap<string, string>;
  readonly surroundings: Surroundings;
  /** A part of the reason: the handler must refuse its settings. No steps are done then. */
  readonly refusal?: string;
  readonly steps: readonly TrialStep[];
}

export interface CaseFile {
  /** Of a bundle with several handlers: the one that is tried. */
  readonly handler?: string;
  readonly cases: readonly TrialCase[];
}

export const stepKeys: readonly string[] = ['call', 'arguments', 'answers', 'expect'];
/** Of the caller: the last two are of its process. */
export const callerKeys: readonly string[] = [
  'uid',
  'gid',
  'groups',
  'umask',
  'comm',
  'capabilities',
  'age',
  'is-first',
];
export const caseKeys: readonly string[] = [
  'name',
  'settings',
  'container',
  'caller',
  'memory',
  'state',
  'steps',
  ...stepKeys,
];

/**
 * Unknown keys are errors.
 * @param name begins the messages
 * @throws AgentError AGENT_CASES_INVALID
 */
export function parseCases(text: string, name: string): CaseFile {
  const root = parseYaml(text, name);
  const entries = root.entries(['$schema', 'handler', 'settings', 'cases']);
  const settings = textsOf(entries.get('settings'));
  const syscalls = new Syscalls();
  const cases = entries.get('cases') ?? root.fail('must have "cases"');
  const handler = entries.get('handler');
  return {
    cases: cases.list().map((each) => parseCase(each, settings, syscalls)),
    ...(handler === undefined ? {} : { handler: handler.text() }),
  };
}

function textsOf(value: YamlValue | undefined): ReadonlyMap<string, string> {
  return new Map([...(value?.entries() ?? [])].map(([key, entry]) => [key, entry.text()]));
}

function parseCase(
  value: YamlValue,
  common: ReadonlyMap<string, string>,
  syscalls: Syscalls,
): TrialCase {
  const entries = value.entries(caseKeys);
  const own = entries.get('settings');
  const refusal = refusalOf(entries.get('expect'));
  const steps = entries.get('steps');
  if (entries.has('call') && (steps ?? refusal) !== undefined) {
    value.fail('has "call", and "steps" or a refusal, where there is no call');
  }
  const parsed =
    steps?.list().map((step) => parseStep(step, step.entries(stepKeys), syscalls)) ??
    (refusal === undefined ? [parseStep(value, entries, syscalls)] : []);
  return {
    name: (entries.get('name') ?? value.fail('must have "name"')).text(),
    line: value.line,
    settings: own === undefined ? common : textsOf(own),
    surroundings: parseSurroundings(entries),
    steps: parsed,
    ...(refusal === undefined ? {} : { refusal }),
  };
}

function refusalOf(value: YamlValue | undefined): string | undefined {
  if (value?.isMap !== true || !value.entries().has('refusal')) return undefined;
  return value.entries(['refusal']).get('refusal')?.text();
}

function parseSurroundings(entries: ReadonlyMap<string, YamlValue>): Surroundings {
  const container = entries.get('container')?.entries(['id', 'annotations']);
  const id = container?.get('id')?.text();
  const caller = entries.get('caller');
  const behind = [...(entries.get('memory')?.entries() ?? [])].map(
    ([key, value]) =>
      [
        /^[0-5]$/u.test(key) ? Number(key) : value.fail('is behind no argument from 0 to 5'),
        value,
      ] as const,
  );
  return {
    annotations: [...textsOf(container?.get('annotations'))],
    memory: new Map(
      behind.filter(([, value]) => !isStrings(value)).map(([key, value]) => [key, bytesOf(value)]),
    ),
    strings: new Map(
      behind.filter(([, value]) => isStrings(value)).map(([key, value]) => [key, stringsOf(value)]),
    ),
    state: new Map(
      [...(entries.get('state')?.entries() ?? [])].map(([key, value]) => [key, bytesOf(value)]),
    ),
    ...(id === undefined ? {} : { containerId: id }),
    ...(caller === undefined
      ? {}
      : { caller: parseCaller(caller), callingProcess: parseProcess(caller) }),
  };
}

function isStrings(value: YamlValue): boolean {
  return value.isList || (value.isMap && value.entries().has('strings'));
}

/** A list, or `{ strings: [ … ], truncated: true }`. */
function stringsOf(value: YamlValue): StringList {
  if (value.isList) return { items: value.list().map(bytesOf), isTruncated: false };
  const entries = value.entries(['strings', 'truncated']);
  const items = (entries.get('strings') ?? value).list().map(bytesOf);
  return { items, isTruncated: entries.get('truncated')?.boolean() === true };
}

/** Text, or `{ hex: … }`. */
function bytesOf(value: YamlValue): Uint8Array {
  if (!value.isMap) return new TextEncoder().encode(value.text());
  const hex = value.entries(['hex']).get('hex')?.plain();
  // digits alone are a number to YAML
  const text = typeof hex === 'string' ? hex : value.fail('must be a text, or "hex" with a text');
  if (!/^([0-9a-f]{2})*$/u.test(text)) value.fail('has "hex" that is no hexadecimal');
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** It has just begun, and is not the container's first one, unless it is said. */
function parseProcess(value: YamlValue): Uint8Array {
  const entries = value.entries();
  const bytes = new Uint8Array(processLayout.size);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(processLayout.age, entries.get('age')?.integer() ?? 0n, true);
  view.setUint32(processLayout.isFirst, entries.get('is-first')?.boolean() === true ? 1 : 0, true);
  return bytes;
}

/** All ids are 0, and no Linux capability is there, unless it is said. */
function parseCaller(value: YamlValue): Uint8Array {
  const entries = value.entries(callerKeys);
  const groups = entries.get('groups')?.list() ?? [];
  const bytes = new Uint8Array(credentialsLayout.groups + groups.length * 4);
  const view = new DataView(bytes.buffer);
  const setU32 = (offset: number, number: YamlValue | undefined): void => {
    if (number !== undefined) view.setUint32(offset, Number(number.integer()), true);
  };
  for (let id = 0; id < 4; id += 1) {
    setU32(credentialsLayout.uid + id * 4, entries.get('uid'));
    setU32(credentialsLayout.gid + id * 4, entries.get('gid'));
  }
  setU32(credentialsLayout.umask, entries.get('umask'));
  const effective = entries.get('capabilities')?.integer() ?? 0n;
  for (let set = 0; set < 5; set += 1) {
    view.setBigUint64(credentialsLayout.capabilities + set * 8, effective, true);
  }
  const comm = new TextEncoder().encode(entries.get('comm')?.text() ?? '').subarray(0, 15);
  view.setUint32(credentialsLayout.commLength, comm.length, true);
  bytes.set(comm, credentialsLayout.comm);
  view.setUint32(credentialsLayout.groupCount, groups.length, true);
  groups.forEach((group, index) => setU32(credentialsLayout.groups + index * 4, group));
  return bytes;
}

function parseStep(
  value: YamlValue,
  entries: ReadonlyMap<string, YamlValue>,
  syscalls: Syscalls,
): TrialStep {
  const call = entries.get('call') ?? value.fail('must have "call", the name of a system call');
  const syscall = syscalls.byName(call.text()) ?? call.fail(`is no system call of Linux`);
  return {
    syscall: syscall.name,
    arguments: parseArguments(entries.get('arguments'), syscall.arguments),
    answers: (entries.get('answers')?.list() ?? []).map((answer) => parseAnswer(answer)),
    expectation: parseExpectation(entries.get('expect') ?? value.fail('must have "expect"')),
  };
}

function parseExpectation(value: YamlValue): Expectation {
  const entries = value.entries(['action', 'calls', 'failure']);
  const action = entries.get('action')?.plain();
  const failure = entries.get('failure')?.text();
  const calls = entries.get('calls')?.list();
  if (entries.size === 0) value.fail('expects nothing');
  return {
    line: value.line,
    ...(action === undefined ? {} : { action }),
    ...(failure === undefined ? {} : { failure }),
    ...(calls === undefined ? {} : { calls: calls.map((call) => parseCall(call)) }),
  };
}

/** Flags and modes may be given by their names. */
function expected(key: string, value: YamlValue): Plain {
  return /^mode$|^resolve$|^set$|^clear$|flags$/u.test(key) ? value.bits() : value.plain();
}

/** `filesystem.mkdir: { path: /a }`, or the name alone. */
function parseCall(value: YamlValue): DescribedCall {
  if (!value.isMap) return { name: value.text(), arguments: {} };
  const [name, given] = value.only();
  const entries = [...given.entries()].map(([key, entry]) => [key, expected(key, entry)] as const);
  return { name, arguments: Object.fromEntries(entries) };
}

/** `ok`, `gone`, an errno's name, a number, or what an operation gives back. */
function parseAnswer(value: YamlValue): PreparedAnswer {
  if (value.isMap) return parseGift(value);
  const plain = value.plain();
  if (typeof plain === 'bigint') return { answer: Number(plain) };
  if (plain === 'ok') return { answer: 0 };
  if (plain === 'gone') return { answer: gone };
  const errno =
    (typeof plain === 'string' ? parseErrno(plain) : undefined) ??
    value.fail('is neither ok, gone, an errno nor a number');
  return { answer: errnoNumber(errno) };
}

function parseGift(value: YamlValue): PreparedAnswer {
  const [key, given] = value.only();
  switch (key) {
    case 'bytes':
      return { answer: 0, bytes: bytesOf(given) };
    case 'descriptor':
      return { answer: 0, descriptor: Number(given.integer()) };
    case 'status':
      return { answer: 0, bytes: parseStatus(given) };
    case 'located':
      return { answer: 0, bytes: parseLocated(given) };
    default:
      return value.fail('gives none of bytes, descriptor, located, status');
  }
}

function parseLocated(value: YamlValue): Uint8Array {
  const entries = value.entries(locatedNames);
  const status = entries.get('status');
  const path = entries.get('path') ?? value.fail('needs a path');
  return locationBytes({
    path: bytesOf(path),
    exists: entries.get('exists')?.boolean() ?? true,
    isMountPoint: entries.get('is-mount-point')?.boolean() ?? false,
    mount: entries.get('mount')?.bits() ?? 0n,
    ...(status === undefined ? {} : { status: parseStatus(status) }),
  });
}

function parseStatus(value: YamlValue): Uint8Array {
  const entries = value.entries(statusNames);
  const bytes = new Uint8Array(statusNames.length * 8);
  const view = new DataView(bytes.buffer);
  statusNames.forEach((name, index) => {
    view.setBigInt64(index * 8, BigInt.asIntN(64, entries.get(name)?.bits() ?? 0n), true);
  });
  return bytes;
}

/** By their names, or as a list. */
function parseArguments(
  value: YamlValue | undefined,
  known: readonly Argument[],
): readonly GivenArgument[] {
  if (value?.isList === true) {
    return value.list().map((item, index) => parseArgument(item, known[index]?.kind));
  }
  const entries = value?.entries(known.map(({ name }) => name));
  return known.map(({ name, kind }) => {
    const given = entries?.get(name);
    return given === undefined ? absent(kind) : parseArgument(given, kind);
  });
}

/** A register of 0, or a NULL pointer. */
function absent(kind: ArgumentKind): GivenArgument {
  return kind.type === 'number' ? (kind.absent ?? 0) : null;
}

/** @param kind undefined: nobody knows what it is */
function parseArgument(value: YamlValue, kind: ArgumentKind | undefined): GivenArgument {
  if (value.isMap) return parseMap(value, kind);
  const plain = value.plain();
  if (typeof plain === 'bigint' || plain === null) return plain;
  if (typeof plain !== 'string') return value.fail('is no argument');
  if (kind?.type !== 'number') return plain;
  if (kind.parse === undefined) return value.bits();
  return kind.parse(plain) ?? value.fail(`is no ${kind.name} such as ${kind.example ?? '1'}`);
}

/** Of a pointer: the fields of its struct; an errno; bytes. */
function parseMap(value: YamlValue, kind: ArgumentKind | undefined): GivenArgument {
  const entries = value.entries();
  if (entries.has('errno')) {
    const errno = value.entries(['errno']).get('errno') ?? value;
    return { errno: parseErrno(errno.text()) ?? errno.fail('is no errno') };
  }
  const map = kind?.type === 'pointer' ? kind.map : undefined;
  if (map === undefined || entries.has('hex')) return bytesOf(value);
  return map.bytes(givenFields(value, map.keys));
}

function givenFields(value: YamlValue, keys: readonly string[]): GivenFields {
  const entries = value.entries(keys);
  return {
    plain: (key) => {
      const plain = entries.get(key)?.plain();
      if (plain === undefined || typeof plain === 'string' || typeof plain === 'bigint')
        return plain;
      return entries.get(key)?.fail('is neither a word nor a whole number');
    },
    integer: (key) => entries.get(key)?.bits() ?? 0n,
    bytes: (key) => {
      const given = entries.get(key);
      return given === undefined ? new Uint8Array(0) : bytesOf(given);
    },
    fail: (key, what) => (entries.get(key) ?? value).fail(what),
  };
}
