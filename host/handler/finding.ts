// SPDX-License-Identifier: Apache-2.0
// Findings of children about components: each child is asked once, and its finding is kept.
import { runProgram, runProgramSync } from '../program.ts';
import type { Program, ProgramEnd } from '../program.ts';
import type { DigestCache } from './digest-cache.ts';

export type Finding =
  /** With what was found. */
  | { readonly kind: 'good'; readonly text: string }
  /** Another look will find the same. */
  | { readonly kind: 'bad'; readonly reason: string }
  /** It may be the machine's fault. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** Subject of a finding, and the child that finds it. */
export interface Subject {
  readonly digest: string;
  readonly version: string;
}

/** Steps to a finding. */
export interface Inquiry {
  /** One after the other. */
  readonly programs: readonly Program[];
  /** @param ends of the programs, in their order */
  readonly conclude: (ends: readonly ProgramEnd[]) => Finding;
}

/** A bad result may be due to short memory: it is tried again after some time. */
export const badForMs: number = 24 * 3_600_000;
/** A container that tries again soon is not to make us try as well. */
export const unknownForMs = 5000;

interface Remembered {
  readonly finding: Finding;
  /** As `performance.now` says. */
  readonly untilMs: number;
}

/** On disk. */
interface Kept {
  readonly finding: Finding;
  /** As clocks on walls say, which are set. */
  readonly untilMs: number;
}

export class Findings {
  readonly #cache: DigestCache;
  readonly #max: number;
  readonly #remembered: Map<string, Remembered> = new Map();

  /** @param most that are remembered besides those on disk */
  constructor(cache: DigestCache, max: number) {
    this.#cache = cache;
    this.#max = max;
  }

  known(subject: Subject): Finding | undefined {
    const remembered = this.#remembered.get(keyOf(subject));
    if (remembered !== undefined && performance.now() < remembered.untilMs) {
      return remembered.finding;
    }
    const kept = parse(this.#cache.read(subject.digest, subject.version));
    if (kept === undefined) return undefined;
    const leftMs = kept.untilMs - Date.now();
    const isBelievable = kept.finding.kind === 'good' || leftMs <= badForMs;
    if (leftMs <= 0 || !isBelievable) return undefined;
    this.#remember(subject, kept.finding, leftMs);
    return kept.finding;
  }

  /** Waits for the children. @param inquiry is made when they are about to start */
  findOut(subject: Subject, inquiry: () => Inquiry): Finding {
    const { programs, conclude } = inquiry();
    return this.#keep(subject, conclude(programs.map((program) => runProgramSync(program))));
  }

  /** It never rejects. */
  async findOutLater(subject: Subject, inquiry: () => Inquiry): Promise<void> {
    try {
      const { programs, conclude } = inquiry();
      const ends: ProgramEnd[] = [];
      for (const program of programs) ends.push(await runProgram(program));
      this.#keep(subject, conclude(ends));
    } catch (thrown) {
      // nothing could be started
      this.#keep(subject, { kind: 'unknown', reason: String(thrown) });
    }
  }

  #remember(subject: Subject, finding: Finding, forMs: number): void {
    this.#remembered.delete(keyOf(subject));
    this.#remembered.set(keyOf(subject), { finding, untilMs: performance.now() + forMs });
    const [oldest = ''] = this.#remembered.keys();
    if (this.#remembered.size > this.#max) this.#remembered.delete(oldest);
  }

  #keep(subject: Subject, finding: Finding): Finding {
    const forMs = { good: Infinity, bad: badForMs, unknown: unknownForMs }[finding.kind];
    this.#remember(subject, finding, forMs);
    if (finding.kind !== 'unknown') {
      const untilMs = Math.min(Date.now() + forMs, Number.MAX_SAFE_INTEGER);
      this.#cache.write(subject.digest, subject.version, JSON.stringify({ finding, untilMs }));
    }
    return finding;
  }
}

function keyOf({ digest, version }: Subject): string {
  return `${digest} ${version}`;
}

function parse(text: string | undefined): Kept | undefined {
  if (text === undefined) return undefined;
  // the cache has compared it with its hash: we have written it
  const { finding, untilMs }: Kept = JSON.parse(text);
  return { finding, untilMs };
}
