// SPDX-License-Identifier: Apache-2.0
// Settings that a bundle declares: their types, and which texts are values of those.
import { messageOf } from '../errors.ts';
import { errnos } from '../handler/errno.ts';
import { parseDuration } from './duration.ts';
import { entriesOf, flagOf, invalid, objectOf, proseOf, textOf } from './json-value.ts';
import { checkTemplate } from './template.ts';

export const settingTypes = ['string', 'list', 'duration', 'bool', 'template', 'errno'] as const;

export type SettingType = (typeof settingTypes)[number];

export interface SettingDeclaration {
  readonly key: string;
  readonly type: SettingType;
  readonly default?: string;
  readonly isRequired: boolean;
  readonly description: string;
}

/** Lines of metadata that say something else. */
export const reservedKeys: readonly string[] = ['BUNDLE', 'BUNDLE_SHADOW'];

export const settingKey: RegExp = /^[A-Za-z][A-Za-z0-9_.-]*$/;

/**
 * What is wrong with a value; undefined: it is one of the type. The reason is given without the
 * text: options of mounts hold passwords.
 */
export function settingFault(type: SettingType, text: string): string | undefined {
  switch (type) {
    case 'string':
      return undefined;
    case 'list':
      return isList(text) ? undefined : 'has an empty item';
    case 'duration':
      return parseDuration(text) === undefined ? 'is no duration, such as 1.5s or 2m' : undefined;
    case 'bool':
      return text === 'true' || text === 'false' ? undefined : 'is neither true nor false';
    case 'template':
      return templateFault(text);
    case 'errno':
      return errnos.some(([name]) => name === text) ? undefined : 'is no errno, such as EPERM';
  }
}

/** Items with commas in between; an empty text has none. */
function isList(text: string): boolean {
  return text === '' || text.split(',').every((item) => item.trim() !== '');
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
  return type ?? invalid(`${place}: "${text}" is none of ${settingTypes.join(', ')}`);
}

function parseDeclaration(key: string, json: unknown, place: string): SettingDeclaration {
  if (!settingKey.test(key)) invalid(`${place}: "${key}" does not match ${settingKey}`);
  if (reservedKeys.includes(key)) invalid(`${place}: "${key}" selects bundles: choose another key`);
  const at = `${place}.${key}`;
  const declaration = objectOf(json, at, ['type', 'default', 'required', 'description']);
  const type = typeOf(declaration['type'], `${at}.type`);
  const isRequired = flagOf(declaration['required'], `${at}.required`);
  const description = proseOf(declaration['description'], `${at}.description`);
  if (declaration['default'] === undefined) return { key, type, isRequired, description };
  if (isRequired) invalid(`${at} is required, so it can have no default`);
  const text = textOf(declaration['default'], `${at}.default`);
  const fault = settingFault(type, text);
  if (fault !== undefined) invalid(`${at}.default: "${text}" ${fault}`);
  return { key, type, default: text, isRequired, description };
}

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function parseSettingDeclarations(
  json: unknown,
  place: string,
): readonly SettingDeclaration[] {
  return entriesOf(json, place).map(([key, declaration]) =>
    parseDeclaration(key, declaration, place),
  );
}
