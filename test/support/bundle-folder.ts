// SPDX-License-Identifier: Apache-2.0
// Bundles that a test writes itself, with the components, deadlines and policies that it wants.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { TemporaryFolder } from './temporary-folder.ts';
import { testBundle } from './test-bundles.ts';

export interface WrittenBundle {
  /**
   * The bytes of the component, or the name of a test bundle whose component of that name it is; with
   * a slash, another one of it.
   */
  readonly component: Uint8Array | string;
  readonly syscalls?: readonly string[];
  /** How many handlers of that component it has, one behind the other; absent: one. */
  readonly handlers?: number;
  /** Of the bundle: what metadata may set. */
  readonly declared?: Readonly<Record<string, object>>;
  /** Of its handler; absent: those that are declared, or none. */
  readonly settings?: Readonly<Record<string, string | object>>;
  /** The handler is there where one of these settings is on. */
  readonly when?: readonly string[];
  readonly grants?: readonly string[];
  /** As a Go duration, such as `100ms`. */
  readonly deadline?: string;
  /** `errno:NAME`, `continue` or `kill-container`. */
  readonly failure?: string;
  /** `errno:NAME` or `continue`. */
  readonly default?: string;
}

/** A folder of bundles, most of them with one handler each. */
export class BundleFolder implements Disposable {
  readonly #folder = new TemporaryFolder();

  get path(): string {
    return this.#folder.path;
  }

  at(name: string): string {
    return this.#folder.at(name);
  }

  /** Writes one, also over another. @returns where its component is */
  write(name: string, bundle: WrittenBundle): string {
    const { component, syscalls, settings, when, grants = [], deadline, failure } = bundle;
    const folder = this.#folder.at(name);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'handler.wasm');
    if (typeof component === 'string') {
      const [from = '', of = from] = component.split('/');
      copyFileSync(join(testBundle(from), `${of}.wasm`), file);
    } else writeFileSync(file, component);
    const handler = {
      component: 'handler.wasm',
      ...(settings === undefined ? {} : { settings }),
      ...(syscalls === undefined ? {} : { syscalls }),
      ...(when === undefined ? {} : { when }),
      ...(deadline === undefined ? {} : { deadline }),
    };
    const manifest = {
      name,
      version: '0.1.0',
      description: 'For tests',
      ...(failure === undefined ? {} : { failure }),
      ...(bundle.default === undefined ? {} : { default: bundle.default }),
      settings: bundle.declared ?? {},
      grants: Object.fromEntries(grants.map((grant) => [grant, { reason: 'for tests' }])),
      handlers: Array.from({ length: bundle.handlers ?? 1 }, () => handler),
    };
    writeFileSync(join(folder, 'bundle.json'), JSON.stringify(manifest));
    return file;
  }

  /**
   * Writes one with many handlers.
   * @param components of the handlers: the same one is one file
   */
  writeMany(name: string, components: readonly Uint8Array[]): void {
    const folder = this.#folder.at(name);
    mkdirSync(folder, { recursive: true });
    const files = [...new Set(components)];
    for (const [index, bytes] of files.entries())
      writeFileSync(join(folder, `h${index}.wasm`), bytes);
    const handlers = components.map((bytes) => ({ component: `h${files.indexOf(bytes)}.wasm` }));
    const manifest = { name, version: '0.1.0', description: 'For tests', handlers };
    writeFileSync(join(folder, 'bundle.json'), JSON.stringify(manifest));
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
