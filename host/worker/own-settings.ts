// SPDX-License-Identifier: Apache-2.0
// Listeners of a container may differ in a few settings, as by a template that names a process: the
// rest of their handlers is in memory once.
import { isDeepStrictEqual } from 'node:util';

import type { RegistryHandler } from '../registry/registry.ts';

type Handlers = readonly RegistryHandler[];

/** One that a listener has otherwise: by its places among handlers and their settings. */
export type OwnSetting = readonly [handler: number, setting: number, text: string];

function withoutTexts({ settings, ...rest }: RegistryHandler): object {
  return { ...rest, keys: settings.map(([key]) => key) };
}

/** @returns undefined: more than texts of settings differs */
export function ownSettings(own: Handlers, base: Handlers): readonly OwnSetting[] | undefined {
  if (own.length !== base.length) return undefined;
  const found: OwnSetting[] = [];
  for (const [at, handler] of own.entries()) {
    const other = base[at];
    if (handler === other) continue;
    if (other === undefined) return undefined;
    if (!isDeepStrictEqual(withoutTexts(handler), withoutTexts(other))) return undefined;
    for (const [setting, [, text]] of handler.settings.entries()) {
      if (text !== other.settings[setting]?.[1]) found.push([at, setting, text]);
    }
  }
  return found;
}

/** The other way. */
export function withOwnSettings(base: Handlers, own: readonly OwnSetting[]): Handlers {
  if (own.length === 0) return base;
  const handlers = [...base];
  for (const [at, setting, text] of own) {
    const handler = handlers[at];
    const key = handler?.settings[setting]?.[0];
    if (handler === undefined || key === undefined) continue;
    handlers[at] = { ...handler, settings: handler.settings.with(setting, [key, text]) };
  }
  return handlers;
}
