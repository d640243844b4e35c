// SPDX-License-Identifier: Apache-2.0
// Handler bundles: reads bundle.json and the components beside it.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { AgentError } from '../errors.ts';
import { capabilities, checkGrants, loadComponent } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { Settings } from '../handler/instance.ts';

export interface BundleHandler {
  readonly name: string;
  readonly component: LoadedComponent;
  /** The families that it is asked about; absent: all that it answers. */
  readonly syscalls?: readonly string[];
  /** Values may be templates. */
  readonly settings: Settings;
}

export interface Bundle {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** In chain order. */
  readonly handlers: readonly BundleHandler[];
}

interface ManifestHandler {
  readonly component: string;
  readonly syscalls?: readonly string[];
  readonly settings: Settings;
  readonly grants: readonly string[];
}

/** A plain file name, so that a bundle never reaches out of its folder. */
const componentName = /^[a-z0-9][a-z0-9._-]*\.wasm$/u;

class ManifestReader {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  fail(what: string, cause?: unknown): never {
    throw new AgentError(
      'AGENT_BUNDLE_INVALID',
      `${this.#file}: ${what}`,
      cause === undefined ? {} : { cause },
    );
  }

  object(value: unknown, where: string, keys: readonly string[]): ReadonlyMap<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.fail(`${where} must be an object`);
    }
    const entries = Object.entries(value);
    const unknown = entries.map(([key]) => key).filter((key) => !keys.includes(key));
    if (unknown.length > 0) {
      this.fail(`${where} has the unknown key ${unknown.join(', ')}; known are ${keys.join(', ')}`);
    }
    return new Map<string, unknown>(entries);
  }

  text(value: unknown, where: string): string {
    return typeof value === 'string' ? value : this.fail(`${where} must be a string`);
  }

  texts(value: unknown, where: string): readonly string[] {
    if (!Array.isArray(value)) this.fail(`${where} must be an array of strings`);
    return value.map((item: unknown) => this.text(item, `an item of ${where}`));
  }

  handler(value: unknown, where: string): ManifestHandler {
    const keys = ['component', 'syscalls', 'settings', 'grants'];
    const entries = this.object(value, where, keys);
    const component = this.text(entries.get('component'), `${where}.component`);
    if (!componentName.test(component)) {
      this.fail(`${where}.component must be the name of a .wasm file beside it`);
    }
    const settings = this.settings(entries.get('settings') ?? {}, `${where}.settings`);
    const grants = this.texts(entries.get('grants') ?? [], `${where}.grants`);
    const unknown = grants.find((grant) => !capabilities.some(({ name }) => name === grant));
    if (unknown !== undefined) this.fail(`${where}.grants names no capability: ${unknown}`);
    const syscalls = entries.get('syscalls');
    if (syscalls === undefined) return { component, settings, grants };
    return { component, settings, grants, syscalls: this.texts(syscalls, `${where}.syscalls`) };
  }

  settings(value: unknown, where: string): Settings {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.fail(`${where} must be an object`);
    }
    return Object.entries(value).map(([key, setting]) => [
      key,
      this.text(setting, `${where}.${key}`),
    ]);
  }
}

function readHandler(folder: string, reader: ManifestReader, manifest: ManifestHandler): BundleHandler {
  const file = join(folder, manifest.component);
  try {
    const component = loadComponent(readFileSync(file));
    checkGrants(component, manifest.grants);
    const handler = {
      name: basename(manifest.component, '.wasm'),
      component,
      settings: manifest.settings,
    };
    return manifest.syscalls === undefined ? handler : { ...handler, syscalls: manifest.syscalls };
  } catch (cause) {
    return reader.fail(`component ${manifest.component} cannot be loaded`, cause);
  }
}

/**
 * Reads and checks a bundle.
 * @param folder the folder of its bundle.json
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function readBundle(folder: string): Bundle {
  const reader = new ManifestReader(join(folder, 'bundle.json'));
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(join(folder, 'bundle.json'), 'utf8'));
  } catch (cause) {
    reader.fail('cannot be read', cause);
  }
  const manifest = reader.object(parsed, 'the bundle', [
    'name',
    'version',
    'description',
    'handlers',
  ]);
  const handlers = manifest.get('handlers');
  const list: readonly unknown[] = Array.isArray(handlers) ? handlers : [];
  if (list.length === 0) reader.fail('handlers must be an array that is not empty');
  return {
    name: reader.text(manifest.get('name'), 'name'),
    version: reader.text(manifest.get('version'), 'version'),
    description: reader.text(manifest.get('description'), 'description'),
    handlers: list.map((handler, index) =>
      readHandler(folder, reader, reader.handler(handler, `handlers[${index}]`)),
    ),
  };
}
