// SPDX-License-Identifier: Apache-2.0
// Reads a bundle.json: which handlers are asked in which order, with which settings and grants.
import { AgentError } from '../errors.ts';
import { capabilities } from '../handler/direct.ts';
import { syscallNumbers } from '../notification/syscall-numbers.ts';
import { families, familyMembers, syscallTable } from '../notification/syscall-table.ts';
import { parseDuration } from './duration.ts';
import { defaultFailure, parseDefaultAction, parseFailurePolicy } from './policy.ts';
import type { DefaultAction, FailurePolicy } from './policy.ts';

export interface ManifestHandler {
  /** The component's file name, in the bundle's own folder. */
  readonly component: string;
  /** The families that this handler is asked about; absent: those that it exports. */
  readonly syscalls?: readonly string[];
  readonly settings: readonly (readonly [key: string, value: string])[];
  /** The capabilities that it wants: names of the host's interfaces. */
  readonly grants: readonly string[];
  /** How long it may take for a call, not counting what the host does for it. */
  readonly deadlineMs: number;
}

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** In chain order. */
  readonly handlers: readonly ManifestHandler[];
  /** For calls that no handler has an opinion of. */
  readonly defaultAction: DefaultAction;
  /** For calls that the agent or a handler failed at. */
  readonly failure: FailurePolicy;
}

const defaultDeadlineMs = 1000;
const longestDeadlineMs = 60_000;

function invalid(what: string, cause?: unknown): never {
  throw new AgentError('AGENT_BUNDLE_INVALID', what, cause === undefined ? {} : { cause });
}

/**
 * Unknown keys are errors.
 * @param place begins the messages
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function parseManifest(text: string, place: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    return invalid(`${place}: not JSON`, cause);
  }
  const bundle = objectOf(json, place, [
    'name',
    'version',
    'description',
    'handlers',
    'default',
    'failure',
  ]);
  const handlers = listOf(bundle['handlers'], `${place}: handlers`);
  if (handlers.length === 0) invalid(`${place}: handlers is empty`);
  return {
    name: matching(bundle['name'], `${place}: name`, folderName),
    version: matching(bundle['version'], `${place}: version`, /^\d+\.\d+\.\d+(-[\w.-]+)?$/),
    description: textOf(bundle['description'], `${place}: description`),
    handlers: handlers.map((handler, index) =>
      parseHandler(handler, `${place}: handlers[${index}]`),
    ),
    defaultAction: parsePolicy(
      bundle['default'],
      `${place}: default`,
      'continue',
      parseDefaultAction,
    ),
    failure: parsePolicy(
      bundle['failure'],
      `${place}: failure`,
      defaultFailure,
      parseFailurePolicy,
    ),
  };
}

/** Of a bundle or a handler: words of lower-case letters and digits, joined by `-`. */
export const folderName: RegExp = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

const componentFile = /^[a-z][a-z0-9]*(-[a-z0-9]+)*\.wasm$/;

function parseHandler(json: unknown, place: string): ManifestHandler {
  const handler = objectOf(json, place, [
    'component',
    'syscalls',
    'settings',
    'grants',
    'deadline',
  ]);
  const syscalls = handler['syscalls'];
  return {
    component: matching(handler['component'], `${place}.component`, componentFile),
    settings: parseSettings(handler['settings'], `${place}.settings`),
    grants: parseGrants(handler['grants'], `${place}.grants`),
    deadlineMs: parseDeadline(handler['deadline'], `${place}.deadline`),
    ...(syscalls === undefined ? {} : { syscalls: parseSyscalls(syscalls, `${place}.syscalls`) }),
  };
}

function parsePolicy<T>(json: unknown, place: string, absent: T, parse: (text: string) => T): T {
  if (json === undefined) return absent;
  const text = textOf(json, place);
  try {
    return parse(text);
  } catch (cause) {
    return invalid(`${place}: not understood`, cause);
  }
}

function parseDeadline(json: unknown, place: string): number {
  if (json === undefined) return defaultDeadlineMs;
  const text = textOf(json, place);
  const deadlineMs = parseDuration(text);
  if (deadlineMs !== undefined && deadlineMs >= 1 && deadlineMs <= longestDeadlineMs) {
    return Math.ceil(deadlineMs);
  }
  return invalid(`${place}: "${text}" is no time from 1ms to 1m, such as 250ms or 1.5s`);
}

function parseSyscalls(json: unknown, place: string): readonly string[] {
  const syscalls = uniqueTexts(json, place);
  if (syscalls.length === 0) invalid(`${place} is empty`);
  for (const syscall of syscalls) {
    if (!syscallNumbers.some(([name]) => name === syscall) && !families().includes(syscall)) {
      invalid(`${place}: Linux has no "${syscall}"`);
    }
    const family = syscallTable.find((row) => row.name === syscall)?.family;
    if (family !== undefined && family !== syscall) {
      const members = familyMembers(family).join(', ');
      invalid(`${place}: "${syscall}" belongs to "${family}" (${members}): name that`);
    }
  }
  return syscalls;
}

function parseGrants(json: unknown, place: string): readonly string[] {
  const grants = uniqueTexts(json, place);
  const known = capabilities.filter(({ needsGrant }) => needsGrant).map(({ name }) => name);
  const unknown = grants.find((grant) => !known.includes(grant));
  if (unknown === undefined) return grants;
  return invalid(`${place} names "${unknown}"; the agent can grant ${known.join(', ')}`);
}

function parseSettings(json: unknown, place: string): ManifestHandler['settings'] {
  if (!isObject(json)) invalid(`${place} must be an object of texts`);
  return Object.entries(json).map(([key, value]) => [key, textOf(value, `${place}["${key}"]`)]);
}

function uniqueTexts(json: unknown, place: string): readonly string[] {
  const texts = listOf(json, place).map((item, index) => textOf(item, `${place}[${index}]`));
  const twice = texts.find((text, index) => texts.indexOf(text) !== index);
  if (twice !== undefined) invalid(`${place} names "${twice}" twice`);
  return texts;
}

function objectOf(json: unknown, place: string, keys: readonly string[]): Record<string, unknown> {
  if (!isObject(json)) invalid(`${place} must be an object`);
  const unknownKey = Object.keys(json).find((key) => !keys.includes(key));
  if (unknownKey !== undefined) {
    invalid(`${place}: unknown key "${unknownKey}"; known are ${keys.join(', ')}`);
  }
  return json;
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function listOf(json: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(json)) invalid(`${place} must be a list`);
  return json;
}

function textOf(json: unknown, place: string): string {
  if (typeof json !== 'string') invalid(`${place} must be a text`);
  return json;
}

function matching(json: unknown, place: string, pattern: RegExp): string {
  const text = textOf(json, place);
  if (!pattern.test(text)) invalid(`${place}: "${text}" does not match ${pattern}`);
  return text;
}
