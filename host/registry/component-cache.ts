// SPDX-License-Identifier: Apache-2.0
// Components by their files: what has not changed is not read and compiled again.
import { readFileSync, statSync } from 'node:fs';

import { Verdicts, trustedCode } from '../handler/compiling/verdicts.ts';
import { DigestCache } from '../handler/digest-cache.ts';
import { loadComponent } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { Wirings } from '../handler/jco/wirings.ts';
import { checkSize, outlineOf } from '../handler/outline.ts';
import type { LoadLimits } from '../handler/outline.ts';
import { Turns } from '../handler/turns.ts';

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

/** Who wants a component prepared. */
export interface Preparing {
  readonly limits: LoadLimits;
  readonly trust: ComponentTrust;
  /** Its bundle: each has its turn. */
  readonly bundle: string;
}

export class ComponentCache {
  readonly #files: Map<string, KnownFile> = new Map();
  readonly #verdicts = new Verdicts(new DigestCache('verdicts'));
  readonly #wirings = new Wirings(new DigestCache('wirings'));
  readonly #turns = new Turns();
  readonly #waits: boolean;

  /** @param waits whether `load` may wait for children; else it knows what was prepared */
  constructor({ waits }: { readonly waits: boolean } = { waits: true }) {
    this.#waits = waits;
  }

  /**
   * @param trust of the package's own, nobody finds out whether it can be compiled
   * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED, AGENT_COMPONENT_UNTRIED;
   *   Error of the file system
   */
  load(file: string, limits: LoadLimits, trust: ComponentTrust): LoadedComponent {
    const key = keyOf(file, limits);
    const identity = identityOf(file, limits);
    const known = this.#files.get(key);
    if (known?.identity === identity) return known.component;
    const verdicts = this.#waits ? this.#verdicts.check : this.#verdicts.checkKnown;
    const sources = {
      checkCode: trust === 'own' ? trustedCode : verdicts,
      wirings: this.#waits ? this.#wirings.find : this.#wirings.findKnown,
    };
    const component = this.#shared(loadComponent(readFileSync(file), limits, sources));
    this.#files.set(key, { identity, component });
    return component;
  }

  /**
   * So that `load` needs not wait for children. It never rejects.
   * @returns undefined: it need not
   * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED; Error of the file system
   */
  prepare(file: string, { limits, trust, bundle }: Preparing): Promise<void> | undefined {
    const identity = identityOf(file, limits);
    if (this.#files.get(keyOf(file, limits))?.identity === identity) return undefined;
    const { code, digest, lane } = outlineOf(readFileSync(file), limits);
    const inquiries = [
      trust === 'own' ? undefined : this.#verdicts.prepare(code),
      lane.kind === 'jco' ? this.#wirings.prepare(lane.question) : undefined,
    ].filter((inquiry) => inquiry !== undefined);
    if (inquiries.length === 0) return undefined;
    return this.#turns.take(bundle, digest, async () => {
      for (const inquiry of inquiries) await inquiry();
    });
  }

  /** The same component of another file, if there is one: workers then have one of it. */
  #shared(component: LoadedComponent): LoadedComponent {
    const twin = [...this.#files.values()].find((known) => known.component.id === component.id);
    return twin?.component ?? component;
  }
}
