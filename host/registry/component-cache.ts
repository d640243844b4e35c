// SPDX-License-Identifier: Apache-2.0
// Components by their files: what has not changed is not read and compiled again.
import { readFileSync, statSync } from 'node:fs';

import { checkSize, loadComponent } from '../handler/direct.ts';
import type { LoadedComponent, LoadLimits } from '../handler/direct.ts';

interface KnownFile {
  readonly identity: string;
  readonly component: LoadedComponent;
}

/** Differs when the file is another one, or was written to. */
function identityOf(file: string, limits: LoadLimits): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  // before it is read: it may be of any size
  checkSize(Number(size), limits);
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

export class ComponentCache {
  readonly #files: Map<string, KnownFile> = new Map();

  /** @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED; Error of the file system */
  load(file: string, limits: LoadLimits): LoadedComponent {
    const key = `${limits.maximumPages} ${file}`;
    const identity = identityOf(file, limits);
    const known = this.#files.get(key);
    if (known?.identity === identity) return known.component;
    const component = this.#shared(loadComponent(readFileSync(file), limits));
    this.#files.set(key, { identity, component });
    return component;
  }

  /** The same component of another file, if there is one: workers then have one of it. */
  #shared(component: LoadedComponent): LoadedComponent {
    const twin = [...this.#files.values()].find((known) => known.component.id === component.id);
    return twin?.component ?? component;
  }
}
