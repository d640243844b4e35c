// SPDX-License-Identifier: Apache-2.0
// The bundle.json that are the most work for whoever reads them, each as large as it may be.
import { maxManifestBytes } from '../../host/bundles/bundle-folder.ts';
import { maxHandlers } from '../../host/bundles/manifest.ts';
import { maxPaths, maxSettings } from '../../host/bundles/setting.ts';
import type { SettingType } from '../../host/bundles/setting.ts';
import { maxFields } from '../../host/bundles/template.ts';

type Settings = Readonly<Record<string, object | string>>;

interface Handler {
  readonly component: 'h.wasm';
  readonly settings?: Settings;
  readonly when?: readonly string[];
}

function manifestOf(settings: Settings, handlers: readonly Handler[]): string {
  const text = JSON.stringify({
    name: 'b',
    version: '0.1.0',
    description: 'd',
    settings,
    handlers,
  });
  if (text.length > maxManifestBytes) throw new Error(`${text.length} bytes are too many`);
  return text;
}

/** As many as fit into a bundle.json beside so many bytes. */
function fitting(entry: string, beside: number): number {
  const around = 300;
  return Math.floor((maxManifestBytes - beside - around) / entry.length);
}

function declaredAs(type: SettingType, text: string, count: number): Settings {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `K${index}`,
      { type, default: text, description: 'd' },
    ]),
  );
}

function sized(value: unknown): number {
  return JSON.stringify(value).length;
}

/** So many settings for each handler, as long as there are handlers for them. */
function divided(entries: number, value: object | string): readonly Handler[] {
  const handlers = Math.min(maxHandlers, Math.ceil(entries / maxSettings));
  const each = Math.min(maxSettings, Math.floor(entries / handlers));
  const settings = Object.fromEntries(
    Array.from({ length: each }, (_, index) => [`k${String(index).padStart(3, '0')}`, value]),
  );
  return Array.from({ length: handlers }, () => ({ component: 'h.wasm', settings }));
}

/** Settings depend on templates with many fields. */
function switching(): string {
  const settings = declaredAs('template', '{{.Init}}'.repeat(maxFields), 30);
  const value = { text: '', when: Object.keys(settings) };
  const beside = sized(settings) + 40 * maxHandlers;
  return manifestOf(settings, divided(fitting(`"k000":${JSON.stringify(value)},`, beside), value));
}

/** All handlers have all settings, which are templates. */
function giving(): string {
  const handler = { component: 'h.wasm' } as const;
  const beside = maxHandlers * sized(handler) + 100;
  const one = sized(declaredAs('template', '', 1));
  const fields = Math.floor(((maxManifestBytes - beside) / maxSettings - one - 10) / 9);
  const settings = declaredAs(
    'template',
    '{{.Init}}'.repeat(Math.min(fields, maxFields)),
    maxSettings,
  );
  return manifestOf(
    settings,
    Array.from({ length: maxHandlers }, () => handler),
  );
}

/** Each setting of each handler is the same long text. */
function repeating(): string {
  const settings = declaredAs('string', 'x'.repeat(maxManifestBytes / 2), 1);
  const value = { from: 'K0' };
  const beside = sized(settings) + 40 * maxHandlers;
  return manifestOf(settings, divided(fitting(`"k000":${JSON.stringify(value)},`, beside), value));
}

/** Fixed texts that are nothing but fields. */
function filling(): string {
  const text = '{{.Init}}'.repeat(maxFields);
  const beside = 40 * maxHandlers;
  return manifestOf({}, divided(fitting(`"k000":"${text}",`, beside), text));
}

/** Each setting needs all others. */
function needing(): string {
  const one = sized({ K000: { type: 'bool', default: 'true', needs: [], description: 'd' } });
  // of n settings each names n others, in seven bytes each
  const count = Math.floor(Math.min(maxSettings, Math.sqrt(maxManifestBytes / 7) - one / 14));
  const keys = Array.from({ length: count }, (_, index) => `K${index}`);
  const settings = Object.fromEntries(
    keys.map((key) => [
      key,
      {
        type: 'bool',
        default: 'true',
        needs: keys.filter((other) => other !== key),
        description: 'd',
      },
    ]),
  );
  return manifestOf(settings, [{ component: 'h.wasm' }]);
}

/** As many paths as may be held. */
function holding(): string {
  const paths = Array.from({ length: maxPaths }, (_, index) => `/${'p'.repeat(200)}${index}`);
  const settings = declaredAs('paths', paths.join(), 1);
  return manifestOf(settings, [{ component: 'h.wasm', when: ['K0'], settings: {} }]);
}

export const largeManifests: Readonly<Record<string, string>> = {
  'settings that depend on templates': switching(),
  'templates that all handlers have': giving(),
  'one long text for all settings': repeating(),
  'fields only': filling(),
  'settings that need each other': needing(),
  'paths that are held': holding(),
};
