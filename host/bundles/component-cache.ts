// SPDX-License-Identifier: Apache-2.0
// Components by their files: what has not changed is not read and compiled again, and what was refused
// is refused again.
import { AgentError, isPassing } from '../errors.ts';
import { identityOfAll } from '../files/file-identity.ts';
import type { Askers } from '../scheduling/asker.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { badForMs, unknownForMs } from '../handler/finding.ts';
import { ownTypes } from '../handler/known-types.ts';
import type { KnownTypes } from '../handler/known-types.ts';
import { Turns } from '../scheduling/turns.ts';
import { sizeIfThere } from '../files/regular-file.ts';
import { NoRoom } from './code-room.ts';
import type { CodeSize } from './code-room.ts';
import { ComponentLoader } from './component-loader.ts';
import type { ComponentFile, ReadComponent } from './component-loader.ts';
import { failureIn, LoadingThread } from './loading-thread.ts';
import type { LoadingAnswer } from './loading-worker.ts';

type Outcome =
  | ({ readonly kind: 'loaded' } & ReadComponent)
  /** Until then, as `performance.now` says. */
  | { readonly kind: 'failed'; readonly failure: Error; readonly untilMs: number };

interface KnownFile {
  readonly file: string;
  /** When it was read, as `performance.now` says. */
  readonly readMs: number;
  /** Then. */
  readonly identity: string;
  readonly outcome: Outcome;
}

export interface LoadedFile {
  readonly file: string;
  readonly component: LoadedComponent;
}

export interface CacheOptions {
  /** Whether `load` may take long; else it knows what was prepared. */
  readonly waits: boolean;
  /** Absent: those of this process. */
  readonly types?: KnownTypes;
  /** Whether this process has no memory left for more; absent: it always has. */
  readonly isShort?: () => boolean;
}

const maxFailures = 4096;
/** Of the package's own: no other one takes but a few milliseconds. */
const maxInPlace = 64 * 1024;
/** About what it takes to read components, and the most that it takes to compile one in children. */
const bytesPerMs = 8192;
const dearestMs = 60_000;

function keyOf({ file, limits, trust, digest = 'any' }: ComponentFile): string {
  return `${limits.maximumPages} ${trust} ${digest} ${file}`;
}

function isQuick({ file, trust }: ComponentFile): boolean {
  return trust === 'own' && sizeIfThere(file) <= maxInPlace;
}

function untilOf(failure: Error): number {
  return performance.now() + (isPassing(failure) ? unknownForMs : badForMs);
}

export class ComponentCache {
  /** Those that containers or workers have, whatever becomes of their bundles. */
  used: () => readonly CodeSize[] = () => [];
  /** Those that containers of one owner have, as `ownerOf` names it. */
  usedBy: (owner: string) => readonly CodeSize[] = () => [];
  /** Asked to let go what is used only so that it need not be read again: others need the room. */
  giveBack: () => void = () => undefined;
  /** Told of each component that was read, by its file; it throws NoRoom where it is not to stay. */
  checkRoom: (file: string) => void = () => undefined;
  /** Told once that half of the types of functions are there that may be: they are never forgotten. */
  onManyTypes: ((count: number, max: number) => void) | undefined;
  /** Those that were used last are behind. */
  readonly #files: Map<string, KnownFile> = new Map();
  readonly #types: KnownTypes;
  readonly #loader: ComponentLoader;
  readonly #thread: LoadingThread;
  #areTypesTold = false;
  readonly #looks = new Turns();
  readonly #inquiries = new Turns();
  readonly #options: CacheOptions;

  constructor(options: CacheOptions = { waits: true }) {
    this.#options = options;
    this.#types = options.types ?? ownTypes();
    this.#loader = new ComponentLoader(this.#types);
    this.#thread = new LoadingThread(this.#types);
  }

  /**
   * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED, AGENT_COMPONENT_UNTRIED;
   *   Error of the file system
   */
  load(wanted: ComponentFile): LoadedComponent {
    const outcome = this.#known(wanted) ?? this.#load(wanted);
    if (outcome.kind === 'failed') throw outcome.failure;
    return outcome.component;
  }

  /**
   * So that `load` takes no time. It never rejects.
   * @returns undefined: it takes none
   */
  prepare(wanted: ComponentFile, askers: Askers): Promise<void> | undefined {
    if (this.#known(wanted) !== undefined || isQuick(wanted) || this.#isShort) return undefined;
    return this.#prepare(wanted, askers);
  }

  /** Components that are in memory, the last used ones behind. */
  get loaded(): readonly LoadedFile[] {
    return [...this.#files.values()].flatMap(({ file, outcome }) =>
      outcome.kind === 'loaded' ? [{ file, component: outcome.component }] : [],
    );
  }

  /** Forgets components, for whoever has them to have the last of them, and for which there was no room. */
  forget(files: ReadonlySet<string>): void {
    for (const [key, { file, outcome }] of this.#files) {
      if (!files.has(file)) continue;
      const hasVerdict = outcome.kind === 'failed' && !(outcome.failure instanceof NoRoom);
      if (!hasVerdict) this.#files.delete(key);
    }
  }

  /**
   * Forgets all other components.
   * @param untilMs those that were read since then stay: their bundles may wait for others
   */
  keepOnly(ids: ReadonlySet<string>, untilMs: number): void {
    for (const [key, { readMs, outcome }] of this.#files) {
      if (readMs > untilMs || outcome.kind === 'failed') continue;
      if (!ids.has(outcome.component.id)) this.#files.delete(key);
    }
  }

  get size(): number {
    return this.#files.size;
  }

  /** When there is no memory for instances, there is to be none for code. */
  get #isShort(): boolean {
    return this.#options.isShort?.() === true;
  }

  async #prepare(wanted: ComponentFile, askers: Askers): Promise<void> {
    let share: number | undefined;
    const costMs = sizeIfThere(wanted.file) / bytesPerMs;
    await this.#looks.take({ askers, costMs }, async () => {
      share = await this.#ask('look', wanted);
    });
    if (share === undefined) return;
    await this.#inquiries.take({ askers, costMs: share * dearestMs }, async () => {
      await this.#ask('find out', wanted);
    });
  }

  /** @returns what it costs to find the rest out; undefined: all is known, or nothing more can be */
  async #ask(kind: 'look' | 'find out', wanted: ComponentFile): Promise<number | undefined> {
    // others, such as those of a reload, may have wanted it, too
    if (this.#isShort || this.#known(wanted) !== undefined) return undefined;
    const identity = identityOfAll([wanted.file]);
    const answer = await this.#thread.ask({ kind, wanted });
    if (answer.kind === 'untried') return answer.share;
    this.#keep(wanted, { identity, outcome: this.#outcomeOf(answer) });
    return undefined;
  }

  #outcomeOf(answer: LoadingAnswer): Outcome {
    if (answer.kind === 'loaded') return answer;
    if (answer.kind !== 'failed') throw new Error(`no answer to this question: ${answer.kind}`);
    const failure = failureIn(answer);
    return { kind: 'failed', failure, untilMs: untilOf(failure) };
  }

  #load(wanted: ComponentFile): Outcome {
    if (!this.#options.waits && !isQuick(wanted)) {
      const why = this.#isShort
        ? 'the agent is out of memory to compile it: raise its limit, or stop containers'
        : 'it cannot be checked yet: it is not compiled';
      throw new AgentError('AGENT_COMPONENT_UNTRIED', why);
    }
    const identity = identityOfAll([wanted.file]);
    return this.#keep(wanted, {
      identity,
      outcome: { kind: 'loaded', ...this.#loader.load(wanted) },
    });
  }

  #known(wanted: ComponentFile): Outcome | undefined {
    const key = keyOf(wanted);
    const known = this.#files.get(key);
    if (known === undefined) return undefined;
    const { identity, outcome } = known;
    this.#files.delete(key);
    if (outcome.kind === 'failed' && performance.now() >= outcome.untilMs) return undefined;
    if (identity !== identityOfAll([wanted.file])) return undefined;
    this.#files.set(key, known);
    return outcome;
  }

  #keep(
    wanted: ComponentFile,
    { identity, outcome }: Pick<KnownFile, 'identity' | 'outcome'>,
  ): Outcome {
    const key = keyOf(wanted);
    const { file } = wanted;
    const known = { file, readMs: performance.now(), identity, outcome: this.#shared(outcome) };
    this.#files.delete(key);
    this.#files.set(key, known);
    const kept = this.#withRoom(file, known.outcome);
    this.#files.set(key, { ...known, outcome: kept });
    this.#dropOldestFailure();
    this.#tellTypes();
    return kept;
  }

  #withRoom(file: string, outcome: Outcome): Outcome {
    if (outcome.kind === 'failed') return outcome;
    try {
      this.checkRoom(file);
      return outcome;
    } catch (failure) {
      if (!(failure instanceof NoRoom)) throw failure;
      return { kind: 'failed', failure, untilMs: untilOf(failure) };
    }
  }

  #tellTypes(): void {
    const { count, max } = this.#types;
    if (this.#areTypesTold || this.onManyTypes === undefined || count < max / 2) return;
    this.#areTypesTold = true;
    this.onManyTypes(count, max);
  }

  /** The same component of another file, if there is one: workers then have one of it. */
  #shared(outcome: Outcome): Outcome {
    if (outcome.kind === 'failed') return outcome;
    const { id } = outcome.component;
    for (const { outcome: known } of this.#files.values()) {
      if (known.kind === 'loaded' && known.component.id === id) return known;
    }
    return outcome;
  }

  #dropOldestFailure(): void {
    const failures = [...this.#files].filter(([, { outcome }]) => outcome.kind === 'failed');
    const [oldest] = failures;
    if (failures.length > maxFailures && oldest !== undefined) this.#files.delete(oldest[0]);
  }
}
