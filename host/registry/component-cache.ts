// SPDX-License-Identifier: Apache-2.0
// Components by their files: what has not changed is not read and compiled again.
import { statSync } from 'node:fs';

import { Verdicts, trustedCode } from '../handler/compiling/verdicts.ts';
import { DigestCache } from '../handler/digest-cache.ts';
import { loadComponent } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { Wirings } from '../handler/jco/wirings.ts';
import { checkSize, outlineOf } from '../handler/outline.ts';
import type { LoadLimits } from '../handler/outline.ts';
import { Turns } from '../handler/turns.ts';
import { readRegularFile } from '../regular-file.ts';

interface KnownFile {
  readonly identity: string;
  readonly bytes: number;
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

function readComponent(file: string, { maximumBytes }: LoadLimits): Buffer {
  return readRegularFile(file, { mostBytes: maximumBytes });
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

interface Unknown {
  readonly digest: string;
  readonly inquiries: readonly (() => Promise<void>)[];
}

export class ComponentCache {
  /** Those that containers have, whatever becomes of their bundles. */
  used: () => readonly LoadedComponent[] = () => [];
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
    const read = readComponent(file, limits);
    const component = this.#shared(loadComponent(read, limits, sources));
    this.#files.set(key, { identity, component, bytes: read.length });
    return component;
  }

  /**
   * So that `load` needs not wait for children. It never rejects.
   * @returns undefined: it need not
   * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED; Error of the file system
   */
  prepare(file: string, preparing: Preparing): Promise<void> | undefined {
    const { limits, bundle } = preparing;
    const identity = identityOf(file, limits);
    if (this.#files.get(keyOf(file, limits))?.identity === identity) return undefined;
    const { digest, inquiries } = this.#unknown(file, preparing);
    if (inquiries.length === 0) return undefined;
    // with another memory it is other code
    const what = `${limits.maximumPages} ${digest}`;
    return this.#turns.take(bundle, what, async () => this.#findOut(file, preparing));
  }

  /** What is to be found out of it. The inquiries hold its bytes. */
  #unknown(file: string, { limits, trust }: Preparing): Unknown {
    const { code, digest, lane } = outlineOf(readComponent(file, limits), limits);
    const inquiries = [
      trust === 'own' ? undefined : this.#verdicts.prepare(code),
      lane.kind === 'jco' ? this.#wirings.prepare(lane.question) : undefined,
    ].filter((inquiry) => inquiry !== undefined);
    return { digest, inquiries };
  }

  /** It is read anew: those that wait for their turn are many, and each may be large. */
  async #findOut(file: string, preparing: Preparing): Promise<void> {
    try {
      for (const inquiry of this.#unknown(file, preparing).inquiries) await inquiry();
    } catch {
      // it was changed meanwhile; who loads it says what is wrong
    }
  }

  /** Of all files that are known. */
  get bytes(): number {
    return [...this.#files.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Forgets all others. @param ids of components */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const [key, { component }] of this.#files) {
      if (!ids.has(component.id)) this.#files.delete(key);
    }
  }

  /** The same component of another file, if there is one: workers then have one of it. */
  #shared(component: LoadedComponent): LoadedComponent {
    const twin = [...this.#files.values()].find((known) => known.component.id === component.id);
    return twin?.component ?? component;
  }
}
