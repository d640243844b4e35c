// SPDX-License-Identifier: Apache-2.0
// Components by their files: what has not changed is not read and compiled again.
import { readFileSync, statSync } from 'node:fs';

import { Verdicts, trustedCode } from '../handler/compiling/verdicts.ts';
import { DigestCache } from '../handler/digest-cache.ts';
import { checkSize, codeOf, loadComponent } from '../handler/direct.ts';
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

function keyOf(file: string, { maximumPages }: LoadLimits): string {
  return `${maximumPages} ${file}`;
}

/** Whether somebody else could have written it. */
export type ComponentTrust = 'own' | 'foreign';

export class ComponentCache {
  readonly #files: Map<string, KnownFile> = new Map();
  readonly #verdicts = new Verdicts(new DigestCache('verdicts'));

  /**
   * @param trust of the package's own, nobody finds out whether it can be compiled
   * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED; Error of the file system
   */
  load(file: string, limits: LoadLimits, trust: ComponentTrust): LoadedComponent {
    const key = keyOf(file, limits);
    const identity = identityOf(file, limits);
    const known = this.#files.get(key);
    if (known?.identity === identity) return known.component;
    const checkCode = trust === 'own' ? trustedCode : this.#verdicts.check;
    const component = this.#shared(loadComponent(readFileSync(file), limits, { checkCode }));
    this.#files.set(key, { identity, component });
    return component;
  }

  /**
   * So that `load` needs not wait until its code was compiled in a child. It never rejects.
   * @returns undefined: it need not
   * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED; Error of the file system
   */
  prepare(file: string, limits: LoadLimits): Promise<void> | undefined {
    const identity = identityOf(file, limits);
    if (this.#files.get(keyOf(file, limits))?.identity === identity) return undefined;
    return this.#verdicts.prepare(codeOf(readFileSync(file), limits));
  }

  /** The same component of another file, if there is one: workers then have one of it. */
  #shared(component: LoadedComponent): LoadedComponent {
    const twin = [...this.#files.values()].find((known) => known.component.id === component.id);
    return twin?.component ?? component;
  }
}
