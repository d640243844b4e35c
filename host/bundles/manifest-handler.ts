// SPDX-License-Identifier: Apache-2.0
// One handler of a bundle.json: its component, what it is asked about, its settings and bounds.
import { messageOf } from '../errors.ts';
import { parseAdvisory } from './advisory-calls.ts';
import { checkAskable } from './askable-calls.ts';
import { parseByteSize } from '../text/byte-size.ts';
import { parseDuration } from '../text/duration.ts';
import { entriesOf, invalid, matching, objectOf, textOf, uniqueTexts } from './json-value.ts';
import { checkKeys, maxSettings } from './setting.ts';
import { parseOnly } from './only-calls.ts';
import type { OnlyCalls } from './only-calls.ts';
import { parseRefuse } from './refused-calls.ts';
import type { Declared, SettingDeclaration } from './setting.ts';
import { checkTemplate } from './template.ts';

/** Source of the value of a handler's setting. */
export type SettingSource =
  /** May be a template. */
  | {
      readonly kind: 'fixed';
      readonly text: string;
      /** It is there where one of these settings is on; absent: always. */
      readonly when?: readonly string[];
    }
  | { readonly kind: 'declared'; readonly declaration: SettingDeclaration };

export type HandlerSettings = readonly (readonly [key: string, source: SettingSource])[];

export interface ManifestHandler {
  /** The component's file name, in the bundle's own folder. */
  readonly component: string;
  /** Of the component: hex sha256; absent: not said. */
  readonly digest?: string;
  /** The families that this handler is asked about; absent: those that it exports. */
  readonly syscalls?: readonly string[];
  readonly settings: HandlerSettings;
  /** It is in the chain where one of these settings is on; absent: always. */
  readonly when?: readonly string[];
  /** Time limit for a call, not counting the host's work for it. */
  readonly deadlineMs: number;
  /** Of the memory of each instance, in pages of 64 KiB; absent: as much as the agent allows. */
  readonly memoryPages?: number;
  /** It passes all other calls on; absent: it may answer any. */
  readonly only?: OnlyCalls;
  /** Calls that profiles for its bundle refuse besides the trapped ones; absent: none. */
  readonly refuse?: readonly string[];
  /** Answers that are advice, since the kernel reads what they were decided by again; absent: none. */
  readonly advisory?: readonly string[];
}

export const defaultDeadlineMs = 1000;
export const longestDeadlineMs = 60_000;
const pageBytes = 65_536;
const maxPages = 65_536;
export const componentFile: RegExp = /^(?=.{1,128}$)[a-z][a-z0-9]*(-[a-z0-9]+)*\.wasm$/;
export const digestForm: RegExp = /^sha256:[0-9a-f]{64}$/;

function parseDeadline(json: unknown, place: string): number {
  if (json === undefined) return defaultDeadlineMs;
  const text = textOf(json, place);
  const deadlineMs = parseDuration(text);
  if (deadlineMs !== undefined && deadlineMs >= 1 && deadlineMs <= longestDeadlineMs) {
    return Math.ceil(deadlineMs);
  }
  return invalid(`${place}: "${text}" is not a duration from 1ms to 1m, such as 250ms or 1.5s`);
}

function parseMemory(json: unknown, place: string): number {
  const text = textOf(json, place);
  const pages = Math.floor((parseByteSize(text) ?? 0) / pageBytes);
  if (pages >= 1 && pages <= maxPages) return pages;
  return invalid(`${place}: "${text}" is not a size from 64KiB to 4GiB, such as 16MiB`);
}

function parseSyscalls(json: unknown, place: string): readonly string[] {
  const syscalls = uniqueTexts(json, place);
  for (const syscall of syscalls) checkAskable(syscall, place);
  return syscalls;
}

function parseSource(json: unknown, place: string, declared: Declared): SettingSource {
  if (typeof json === 'string') return { kind: 'fixed', text: fixedText(json, place) };
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    invalid(`${place} must be a string, { "from": KEY } or { "text": TEXT, "when": KEYS }`);
  }
  if ('text' in json) return parseConditional(json, place, declared);
  const key = textOf(objectOf(json, place, ['from'])['from'], `${place}.from`);
  const declaration = declared.get(key);
  if (declaration !== undefined) return { kind: 'declared', declaration };
  const keys = [...declared.keys()].join(', ');
  return invalid(`${place}.from: unknown setting "${key}". Settings: ${keys || 'none'}`);
}

function parseConditional(json: object, place: string, declared: Declared): SettingSource {
  const { text, when } = objectOf(json, place, ['text', 'when']);
  return {
    kind: 'fixed',
    text: fixedText(textOf(text, `${place}.text`), `${place}.text`),
    when: parseWhen(when, `${place}.when`, declared),
  };
}

function fixedText(text: string, place: string): string {
  try {
    checkTemplate(text);
    return text;
  } catch (thrown) {
    return invalid(`${place}: "${text}": ${messageOf(thrown)}`);
  }
}

/** Absent: every declared setting, under its own key. */
function parseSettings(json: unknown, place: string, declared: Declared): HandlerSettings {
  if (json === undefined) {
    return [...declared].map(([key, declaration]) => [key, { kind: 'declared', declaration }]);
  }
  const entries = entriesOf(json, place);
  if (entries.length > maxSettings) {
    invalid(
      `${place} has ${entries.length} keys; the maximum is ${maxSettings}: use several handlers`,
    );
  }
  return entries.map(([key, value]) => [key, parseSource(value, `${place}["${key}"]`, declared)]);
}

function parseWhen(json: unknown, place: string, declared: Declared): readonly string[] {
  const keys = uniqueTexts(json, place);
  checkKeys(keys, declared, place);
  return keys;
}

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function parseHandler(json: unknown, place: string, declared: Declared): ManifestHandler {
  const handler = objectOf(json, place, [
    'component',
    'digest',
    'syscalls',
    'settings',
    'when',
    'deadline',
    'memory',
    'only',
    'refuse',
    'advisory',
  ]);
  const { syscalls, digest, memory, when, only, refuse, advisory } = handler;
  return {
    component: matching(handler['component'], `${place}.component`, componentFile),
    settings: parseSettings(handler['settings'], `${place}.settings`, declared),
    deadlineMs: parseDeadline(handler['deadline'], `${place}.deadline`),
    ...(digest === undefined
      ? {}
      : { digest: matching(digest, `${place}.digest`, digestForm).slice('sha256:'.length) }),
    ...(syscalls === undefined ? {} : { syscalls: parseSyscalls(syscalls, `${place}.syscalls`) }),
    ...(when === undefined ? {} : { when: parseWhen(when, `${place}.when`, declared) }),
    ...(memory === undefined ? {} : { memoryPages: parseMemory(memory, `${place}.memory`) }),
    ...(only === undefined ? {} : { only: parseOnly(only, `${place}.only`) }),
    ...(refuse === undefined ? {} : { refuse: parseRefuse(refuse, `${place}.refuse`) }),
    ...(advisory === undefined ? {} : { advisory: parseAdvisory(advisory, `${place}.advisory`) }),
  };
}
