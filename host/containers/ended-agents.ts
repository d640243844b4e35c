// SPDX-License-Identifier: Apache-2.0
// Tells of containers that run, and whose calls fail since the agent that answered them has ended.
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { isSameProcess } from '../first-pids.ts';
import type { Logger } from '../log.ts';
import { shownContainer } from '../registry/shown-container.ts';
import { readServed, removeServed, servedPrefix } from './served-file.ts';
import type { ServedContainer } from './served-file.ts';

export interface EndedAgentsParts {
  /** The agent socket. */
  readonly socket: string;
  readonly log: Logger;
  /** Tells who looks elsewhere than in the log. @returns false: later, perhaps */
  readonly tell: (container: ServedContainer) => boolean;
}

/** An agent that was taken over from may end at any time. */
const lookEveryMs = 5000;
/** Each is of an agent that has ended, or is about to. */
const mostFiles = 16;

export class EndedAgents implements Disposable {
  readonly #parts: EndedAgentsParts;
  readonly #timer: NodeJS.Timeout;
  /** By file, what need not be told any more. */
  readonly #logged: Map<string, Set<string>> = new Map();
  readonly #told: Map<string, Set<string>> = new Map();

  constructor(parts: EndedAgentsParts) {
    this.#parts = parts;
    this.#look();
    this.#timer = setInterval(() => {
      this.#look();
    }, lookEveryMs).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const file of this.#files()) {
      const served = readServed(file);
      // one that lives, as we do, still answers
      if (served === undefined || isSameProcess(served.agent)) continue;
      if (!this.#tellAll(file, served.containers)) continue;
      this.#logged.delete(file);
      this.#told.delete(file);
      removeServed(file);
    }
  }

  #files(): readonly string[] {
    const prefix = servedPrefix(this.#parts.socket);
    const folder = dirname(prefix);
    try {
      return readdirSync(folder)
        .filter((name) => name.startsWith(basename(prefix)) && !name.endsWith('.new'))
        .slice(0, mostFiles)
        .map((name) => join(folder, name));
    } catch {
      return [];
    }
  }

  /** @returns whether nothing is left to tell */
  #tellAll(file: string, containers: readonly ServedContainer[]): boolean {
    const logged = setOf(this.#logged, file);
    const told = setOf(this.#told, file);
    let isThrough = true;
    for (const container of containers) {
      const { containerId, firstProcess } = container;
      if (!isSameProcess(firstProcess)) continue;
      if (!logged.has(containerId)) {
        this.#parts.log.warn(
          shownContainer(container),
          'trapped calls of this container fail: the agent that served it has ended; restart the container',
        );
      }
      logged.add(containerId);
      if (told.has(containerId)) continue;
      if (this.#parts.tell(container)) told.add(containerId);
      else isThrough = false;
    }
    return isThrough;
  }
}

function setOf(sets: Map<string, Set<string>>, key: string): Set<string> {
  const found = sets.get(key) ?? new Set();
  sets.set(key, found);
  return found;
}
