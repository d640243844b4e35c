// SPDX-License-Identifier: Apache-2.0
// Tells of containers that run, and whose calls fail since the agent that answered them has ended.
import { existsSync, opendirSync } from 'node:fs';
import type { Dir } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { failureFields } from '../errors.ts';
import { isSameProcess } from '../agent-socket/known-process.ts';
import type { IdentityOf, KnownProcess } from '../agent-socket/known-process.ts';
import type { Log } from '../log/log.ts';
import { shownContainer } from '../registry/shown-container.ts';
import {
  bootId,
  isUnfinished,
  readServed,
  removeServed,
  removeUnfinished,
  servedPrefix,
} from './served-file.ts';
import type { ServedContainer } from './served-file.ts';

export interface EndedAgentsParts {
  /** The agent socket. */
  readonly socket: string;
  readonly log: Log;
  readonly identityOf: IdentityOf;
  /** Tells who looks elsewhere than in the log. @returns false: later, perhaps */
  readonly tell: (container: ServedContainer) => boolean;
}

/** An agent that was taken over from may end at any time. */
const lookEveryMs = 5000;
/** A look holds up all else, so the next one goes on where it stops after that time. */
const lookMs = 50;

/** Containers of a file that need no further line, by their ids. */
interface Noted {
  readonly logged: Set<string>;
  readonly told: Set<string>;
}

export class EndedAgents implements Disposable {
  readonly #parts: EndedAgentsParts;
  readonly #prefix: string;
  readonly #boot: string | undefined = bootId();
  readonly #timer: NodeJS.Timeout;
  /** By file. */
  readonly #noted: Map<string, Noted> = new Map();
  /** As far as it is read; undefined: it is to be read from its beginning. */
  #folder: Dir | undefined;
  #hasFailed = false;

  constructor(parts: EndedAgentsParts) {
    this.#parts = parts;
    this.#prefix = servedPrefix(parts.socket);
    this.#look();
    this.#timer = setInterval(() => {
      this.#look();
    }, lookEveryMs).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#folder?.closeSync();
    this.#folder = undefined;
  }

  #look(): void {
    const end = performance.now() + lookMs;
    do {
      const name = this.#nextName();
      if (name === undefined) {
        this.#forget();
        return;
      }
      if (name.startsWith(basename(this.#prefix))) this.#lookAt(join(dirname(this.#prefix), name));
    } while (performance.now() < end);
  }

  /** Undefined: these were all, and the next one is the first again. */
  #nextName(): string | undefined {
    try {
      this.#folder ??= opendirSync(dirname(this.#prefix));
      const name = this.#folder.readSync()?.name;
      if (name !== undefined) return name;
      this.#folder.closeSync();
    } catch {
      // a folder that cannot be read has nothing for us
    }
    this.#folder = undefined;
    return undefined;
  }

  /** Another agent may have told, and removed the file. */
  #forget(): void {
    for (const file of this.#noted.keys()) if (!existsSync(file)) this.#noted.delete(file);
  }

  #lookAt(file: string): void {
    if (isUnfinished(file)) {
      this.#remove(file, removeUnfinished);
      return;
    }
    const served = readServed(file);
    if (served === undefined) return;
    if (served.boot === this.#boot) {
      // one that lives, as we do, still answers
      if (this.#lives(served.agent)) return;
      if (!this.#tellAll(file, served.containers)) return;
    }
    this.#remove(file, removeServed);
  }

  #remove(file: string, remove: (file: string) => void): void {
    try {
      remove(file);
    } catch (thrown) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#parts.log.event('served-not-removed', { file, ...failureFields(thrown) });
    }
  }

  /** @returns whether nothing is left to tell */
  #tellAll(file: string, containers: readonly ServedContainer[]): boolean {
    const { logged, told } = this.#notedOf(file);
    let isThrough = true;
    for (const container of containers) {
      const { containerId, firstProcess } = container;
      if (!this.#lives(firstProcess)) continue;
      if (!logged.has(containerId)) {
        this.#parts.log.counted('container-orphaned', shownContainer(container, container));
      }
      logged.add(containerId);
      if (told.has(containerId)) continue;
      if (this.#parts.tell(container)) told.add(containerId);
      else isThrough = false;
    }
    return isThrough;
  }

  #lives(process: KnownProcess): boolean {
    return isSameProcess(this.#parts.identityOf, process);
  }

  #notedOf(file: string): Noted {
    const noted = this.#noted.get(file) ?? { logged: new Set(), told: new Set() };
    this.#noted.set(file, noted);
    return noted;
  }
}
