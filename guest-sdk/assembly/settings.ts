// SPDX-License-Identifier: Apache-2.0
// Settings of this handler from the bundle or the container's metadata.

import { parseMilliseconds } from './duration';

let keys: string[] = [];
let values: string[] = [];

/**
 * The value of a setting; a key that is not set is a trap. Let `configure` refuse that first:
 *
 * ```ts
 * export function configure(): string | null {
 *   return requireSettings(['suffix']);
 * }
 * ```
 */
export function setting(key: string): string {
  const index = keys.indexOf(key);
  if (index < 0) throw new Error('no such setting');
  return values[index];
}

/** The value of a setting, or `fallback` if it is not set. */
export function settingOr(key: string, fallback: string): string {
  const index = keys.indexOf(key);
  return index < 0 ? fallback : values[index];
}

/**
 * The items of a comma-separated setting, without the blanks around them and without empty ones; a
 * key that is not set has those of `fallback`, and without one is a trap.
 */
export function settingList(key: string, fallback: string | null = null): string[] {
  const items: string[] = [];
  const text = fallback === null ? setting(key) : settingOr(key, fallback);
  const parts = text.split(',');
  for (let i = 0; i < parts.length; i++) {
    const item = parts[i].trim();
    if (item.length > 0) items.push(item);
  }
  return items;
}

/** Null if all of these keys are set, else the reason for `configure` to give. */
export function requireSettings(required: string[]): string | null {
  for (let i = 0; i < required.length; i++) {
    if (!keys.includes(required[i])) return 'the setting "' + required[i] + '" is missing';
  }
  return null;
}

/** Whether a setting that is `true` or `false` is `true`; `fallback` if it is not set. */
export function isSet(key: string, fallback: bool = false): bool {
  const value = settingOr(key, '');
  return value.length == 0 ? fallback : value == 'true';
}

/** Null if each of these keys is `true`, `false` or not set, else the reason for `configure`. */
export function refuseFlags(flags: string[]): string | null {
  for (let i = 0; i < flags.length; i++) {
    const value = settingOr(flags[i], 'false');
    if (value != 'true' && value != 'false')
      return 'the setting "' + flags[i] + '" is neither true nor false';
  }
  return null;
}

/**
 * A setting that is a duration, such as `1.5s`, in whole milliseconds, rounded up; a key that is not
 * set, or is no duration, is a trap: let `configure` refuse that with `refuseDurations`.
 */
export function settingMilliseconds(key: string): u64 {
  const milliseconds = parseMilliseconds(setting(key));
  if (milliseconds < 0) throw new Error('the setting is no duration');
  return milliseconds;
}

/**
 * Null if each of these keys is a duration of at most so many milliseconds or not set, else the
 * reason for `configure`.
 */
export function refuseDurations(names: string[], max: u64): string | null {
  for (let i = 0; i < names.length; i++) {
    const milliseconds = parseMilliseconds(settingOr(names[i], '0'));
    if (milliseconds < 0) return 'the setting "' + names[i] + '" is no duration, such as 1.5s';
    if (<u64>milliseconds > max) return 'the setting "' + names[i] + '" is too long';
  }
  return null;
}

/** Whether a setting is there. */
export function hasSetting(key: string): bool {
  return keys.includes(key);
}

/** Called by the build's glue before the handler's own `configure`. */
export function replaceSettings(newKeys: string[], newValues: string[]): void {
  keys = newKeys;
  values = newValues;
}
