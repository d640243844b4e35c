// SPDX-License-Identifier: Apache-2.0
// Reads and compiles components. Of a large one that takes a second or two, and what children have to
// find out takes longer: who serves containers has it done in a thread of its own.
import { statSync } from 'node:fs';

import { AgentError } from '../errors.ts';
import { Verdicts, trustedCode } from '../handler/compiling/verdicts.ts';
import { DigestCache } from '../handler/digest-cache.ts';
import { loadOutlined } from '../handler/direct.ts';
import type { LoadedComponent, LoadSources } from '../handler/direct.ts';
import { Wirings } from '../handler/jco/wirings.ts';
import type { KnownTypes } from '../handler/known-types.ts';
import { checkSize, outlineOf } from '../handler/outline.ts';
import type { ComponentOutline, LoadLimits } from '../handler/outline.ts';
import { isPassingFault, readRegularFile } from '../files/regular-file.ts';

/** Whether somebody else could have written it. */
export type ComponentTrust = 'own' | 'foreign';

export interface ComponentFile {
  readonly file: string;
  readonly limits: LoadLimits;
  /** Hex sha256 of a file that is to be read; absent: any. */
  readonly digest?: string;
  /** Of the package's own, nobody finds out whether it can be compiled. */
  readonly trust: ComponentTrust;
}

export interface ReadComponent {
  readonly component: LoadedComponent;
}

/** A component that children check first; its share of the maximal cost, 0 to 1. */
export interface UntriedComponent {
  readonly share: number;
}

export class ComponentLoader {
  readonly #types: KnownTypes;
  readonly #read: typeof readRegularFile;
  readonly #verdicts = new Verdicts(new DigestCache('verdicts'));
  readonly #wirings = new Wirings(new DigestCache('wirings'));

  /** @param types of all that this process compiles */
  constructor(types: KnownTypes, read: typeof readRegularFile = readRegularFile) {
    this.#types = types;
    this.#read = read;
  }

  /**
   * Waits for children where they have to find something out.
   * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED, AGENT_COMPONENT_UNTRIED;
   *   Error of the file system: it is not there, or is no file that can be read
   */
  load(wanted: ComponentFile): ReadComponent {
    const outline = this.#outline(wanted);
    return this.#finish(wanted, outline, {
      checkCode: this.#verdicts.check,
      wirings: this.#wirings.find,
    });
  }

  /** Waits for nothing. @throws as `load` */
  look(wanted: ComponentFile): ReadComponent | UntriedComponent {
    const outline = this.#outline(wanted);
    if (this.#inquiries(wanted, outline).length > 0) return { share: outline.share };
    return this.#finishKnown(wanted, outline);
  }

  /** Lets children find out what they have to. @throws as `load` */
  async findOut(wanted: ComponentFile): Promise<ReadComponent> {
    const outline = this.#outline(wanted);
    for (const inquiry of this.#inquiries(wanted, outline)) await inquiry();
    return this.#finishKnown(wanted, outline);
  }

  #outline(wanted: ComponentFile): ComponentOutline {
    return outlineOf(this.#readFile(wanted), wanted.limits, wanted.digest);
  }

  #readFile({ file, limits }: ComponentFile): Buffer {
    try {
      checkSize(statSync(file).size, limits);
      return this.#read(file, { maxBytes: limits.maximumBytes });
    } catch (cause) {
      if (!isPassingFault(cause)) throw cause;
      throw new AgentError('AGENT_COMPONENT_UNTRIED', 'it cannot be read now', { cause });
    }
  }

  #inquiries(
    { trust }: ComponentFile,
    { code, lane }: ComponentOutline,
  ): readonly (() => Promise<void>)[] {
    return [
      trust === 'own' ? undefined : this.#verdicts.prepare(code),
      lane.kind === 'jco' ? this.#wirings.prepare(lane.question) : undefined,
    ].filter((inquiry) => inquiry !== undefined);
  }

  #finishKnown(wanted: ComponentFile, outline: ComponentOutline): ReadComponent {
    return this.#finish(wanted, outline, {
      checkCode: this.#verdicts.checkKnown,
      wirings: this.#wirings.findKnown,
    });
  }

  #finish(
    { limits, trust }: ComponentFile,
    outline: ComponentOutline,
    { checkCode, wirings }: Omit<LoadSources, 'types'>,
  ): ReadComponent {
    const check = trust === 'own' ? trustedCode : checkCode;
    const component = loadOutlined(outline, limits, {
      checkCode: check,
      wirings,
      types: this.#types,
    });
    return { component };
  }
}
