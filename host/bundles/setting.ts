// SPDX-License-Identifier: Apache-2.0
// Settings that a bundle declares: their types, and which texts are values of those.
import { messageOf } from '../errors.ts';
import { errnos } from '../syscalls/errno.ts';
import { parseDuration } from '../text/duration.ts';
import {
  entriesOf,
  flagOf,
  invalid,
  objectOf,
  proseOf,
  textOf,
  uniqueTexts,
} from './json-value.ts';
import { checkTemplate } from './template.ts';

export const settingTypes = [
  'string',
  'list',
  'paths',
  'duration',
  'bool',
  'template',
  'errno',
] as const;

export type SettingType = (typeof settingTypes)[number];

export interface SettingDeclaration {
  readonly key: string;
  readonly type: SettingType;
  readonly default?: string;
  readonly isRequired: boolean;
  /** Where it is set, one of these has to be, too; absent: it stands alone. */
  readonly needs?: readonly string[];
  readonly description: string;
}

/** Declared settings of a bundle, by key. */
export type Declared = ReadonlyMap<string, SettingDeclaration>;

/** Lines of metadata that say something else. */
export const reservedKeys: readonly string[] = [
  'BUNDLE',
  'BUNDLE_SHADOW',
  'DEFAULT_ACTION',
  'MIDDLEWARE',
];

export const settingKey: RegExp = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;

/** Of a bundle, and of each handler: each is compared with what metadata and other settings name. */
export const maxSettings = 256;

/** Of all settings of a container: each is looked up in it, and held. */
export const maxPaths = 256;
/** Together. */
export const maxPathBytes: number = 64 * 1024;

/**
 * The error in a value; undefined: it is one of the type. The reason leaves the text out: options of
 * mounts hold passwords.
 */
export function settingFault(type: SettingType, text: string): string | undefined {
  switch (type) {
    case 'string':
      return undefined;
    case 'list':
      return isList(text) ? undefined : 'has an empty item';
    case 'paths':
      return pathsFault(pathsOf(text));
    case 'duration':
      return (parseDuration(text) ?? -1) < 0 ? 'is not a duration, such as 1.5s or 2m' : undefined;
    case 'bool':
      return text === 'true' || text === 'false' ? undefined : 'must be true or false';
    case 'template':
      return templateFault(text);
    case 'errno':
      return errnos.some(([name]) => name === text) ? undefined : 'is not an errno, such as EPERM';
  }
}

/** Items with commas in between; an empty text has none. */
function isList(text: string): boolean {
  return text === '' || text.split(',').every((item) => item.trim() !== '');
}

/** Of a text of this type: its items. */
export function pathsOf(text: string): readonly string[] {
  return text === '' ? [] : text.split(',').map((item) => item.trim());
}

function pathsFault(paths: readonly string[]): string | undefined {
  if (paths.length > maxPaths) return `has more than ${maxPaths} paths`;
  return paths.every((path) => path.startsWith('/') && !path.includes('\0'))
    ? undefined
    : 'has an item that is not an absolute path';
}

function templateFault(text: string): string | undefined {
  try {
    checkTemplate(text);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function typeOf(json: unknown, place: string): SettingType {
  const text = textOf(json, place);
  const type = settingTypes.find((known) => known === text);
  return type ?? invalid(`${place}: "${text}" must be one of ${settingTypes.join(', ')}`);
}

function parseDeclaration(key: string, json: unknown, place: string): SettingDeclaration {
  if (!settingKey.test(key)) invalid(`${place}: "${key}" does not match ${settingKey}`);
  if (reservedKeys.includes(key))
    invalid(`${place}: "${key}" is reserved for the agent: use another key`);
  const at = `${place}.${key}`;
  const declaration = objectOf(json, at, ['type', 'default', 'required', 'needs', 'description']);
  const type = typeOf(declaration['type'], `${at}.type`);
  const isRequired = flagOf(declaration['required'], `${at}.required`);
  const description = proseOf(declaration['description'], `${at}.description`);
  const needs = declaration['needs'];
  const whole: SettingDeclaration = {
    key,
    type,
    isRequired,
    ...(needs === undefined ? {} : { needs: uniqueTexts(needs, `${at}.needs`) }),
    description,
  };
  if (declaration['default'] === undefined) return whole;
  if (isRequired) invalid(`${at} is required, so it cannot have a default`);
  const text = textOf(declaration['default'], `${at}.default`);
  const fault = settingFault(type, text);
  if (fault !== undefined) invalid(`${at}.default: "${text}" ${fault}`);
  return { ...whole, default: text };
}

/** @throws AgentError AGENT_BUNDLE_INVALID, unless they are all declared */
export function checkKeys(keys: readonly string[], declared: Declared, place: string): void {
  const unknown = keys.find((key) => !declared.has(key));
  if (unknown === undefined) return;
  const list = [...declared.keys()].join(', ');
  invalid(`${place}: unknown setting "${unknown}". Settings: ${list || 'none'}`);
}

/** Whether a value, which may be absent, switches something on. */
export function isOn(type: SettingType, text: string | undefined): boolean {
  return text !== undefined && (type !== 'bool' || text === 'true');
}

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function parseSettingDeclarations(json: unknown, place: string): Declared {
  const entries = entriesOf(json, place);
  if (entries.length > maxSettings) {
    invalid(
      `${place} has ${entries.length} keys; the maximum is ${maxSettings}: use several bundles`,
    );
  }
  const declared = new Map(
    entries.map(([key, declaration]) => [key, parseDeclaration(key, declaration, place)]),
  );
  for (const [key, { needs = [] }] of declared) {
    if (needs.includes(key)) invalid(`${place}.${key}.needs names the setting itself`);
    checkKeys(needs, declared, `${place}.${key}.needs`);
  }
  return declared;
}
