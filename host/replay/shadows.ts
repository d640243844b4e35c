// SPDX-License-Identifier: Apache-2.0
// Shadows: bundles that are asked what others have answered, on a thread of their own. Nothing that
// they do, or do not do, is anything to a container: the call was answered before they hear of it.
import { userOf } from '../agent-socket/container-key.ts';
import type { ContainerKey } from '../agent-socket/container-key.ts';
import type { Owned, UserLines } from '../log/user-lines.ts';
import type { TapedCall } from '../recording/recorded-call.ts';
import type { BundleName, ResolvedShadow, Shadow } from '../resolvers/resolver.ts';
import type { CallDifference } from './comparison.ts';
import type { ReplayOutcome } from './replay-thread.ts';
import { ReplayThread } from './replay-thread.ts';
import { ShadowCounts } from '../recording/shadow-counts.ts';
import type { ShadowCount } from '../recording/shadow-counts.ts';
import { LossCounters } from '../recording/tape-room.ts';
import { type Left, Drain } from '../scheduling/drain.ts';
import { shownContainer } from '../registry/shown-container.ts';

/** Results of a container's shadow. */
export interface ShadowStatus {
  readonly bundles: readonly BundleName[];
  readonly calls: number;
  /** Calls that it would have answered otherwise. */
  readonly different: number;
  /** Calls that it was not asked about, since it was too slow. */
  readonly lost: number;
  /** Why it is not asked any more, or was never. */
  readonly leftAlone?: string;
}

export interface ShadowsParts {
  readonly lines: UserLines;
  readonly losses: SharedArrayBuffer;
  /** For one call, on a machine that may be busy. */
  readonly patienceMs: number;
  /** Told that the calls of a listener need not be written down for its shadow any more. */
  readonly onLeftAlone: (token: number) => void;
}

/** A listener whose calls are written down. */
interface Taped {
  readonly container: ContainerKey;
  readonly slot: number;
}

interface Asked extends Owned {
  readonly containerId: string;
  readonly shadow: ResolvedShadow;
  readonly name: string;
  /** Of the chain in the thread. */
  readonly chain: number;
  readonly slot: number;
  readonly lostBefore: number;
  calls: number;
  different: number;
  /** In a row. */
  failures: number;
  leftAlone: string | undefined;
}

/** Failures in a row that it takes. */
const patience = 5;
/** Differences that are logged in a second; the others are counted. */
const maxLogged = 5;
const logSpanMs = 1000;

export class Shadows implements AsyncDisposable {
  readonly #parts: ShadowsParts;
  readonly #thread: ReplayThread;
  readonly #losses: LossCounters;
  readonly #asked: Map<number, Asked> = new Map();
  readonly #counts = new ShadowCounts();
  /** Number of listeners, by their bundles. */
  readonly #users: Map<string, number> = new Map();
  /** Tokens of listeners. */
  readonly #switchedOff: number[] = [];
  readonly #drain = new Drain(() => this.#tellOne());
  #lastChain = 0;
  #spanBegan = 0;
  #logged = 0;
  #unlogged = 0;

  constructor(parts: ShadowsParts) {
    this.#parts = parts;
    this.#losses = new LossCounters(parts.losses);
    this.#thread = new ReplayThread(parts.patienceMs);
  }

  /**
   * Whether the calls of a listener are to be written down for its shadow.
   * @param token undefined: it is not attached yet
   */
  isAsked(token: number | undefined, shadow: Shadow | undefined): boolean {
    if (shadow?.kind !== 'resolved') return false;
    const known = token === undefined ? undefined : this.#asked.get(token);
    return known?.shadow !== shadow || known.leftAlone === undefined;
  }

  /** A listener has a shadow from now on, or still. */
  begin(token: number, { container, slot }: Taped, shadow: ResolvedShadow): void {
    const before = this.#asked.get(token);
    if (before?.shadow === shadow) return;
    if (before !== undefined) this.#thread.end(before.chain);
    this.#lastChain += 1;
    const { registry, components, bundles } = shadow;
    this.#thread.begin(this.#lastChain, { registry, components, redaction: 'whole' }, container);
    const name = bundles.map(({ name: bundle }) => bundle).join(',');
    this.#users.set(name, (this.#users.get(name) ?? 0) + 1);
    this.#asked.set(token, {
      containerId: registry.containerId,
      peerUid: userOf(container),
      shadow,
      name,
      chain: this.#lastChain,
      slot,
      lostBefore: this.#losses.of(slot),
      calls: 0,
      different: 0,
      failures: 0,
      leftAlone: undefined,
    });
    if (before !== undefined) this.#release(before.name);
  }

  /** @param done called once the call takes no more room */
  take(taped: TapedCall, done: () => void): void {
    const { token } = taped;
    const asked = this.#asked.get(token);
    if (asked === undefined || asked.leftAlone !== undefined) done();
    else void this.#ask(asked, taped, done);
  }

  /** A listener is gone, or has no shadow any more. */
  end(token: number): void {
    const asked = this.#asked.get(token);
    if (asked === undefined) return;
    this.#asked.delete(token);
    this.#thread.end(asked.chain);
    this.#release(asked.name);
  }

  /** Containers choose what there are counts of, so these end with the last container that has them. */
  #release(name: string): void {
    const users = (this.#users.get(name) ?? 0) - 1;
    if (users > 0) {
      this.#users.set(name, users);
      return;
    }
    this.#users.delete(name);
    this.#counts.forget(name);
  }

  statusOf(token: number, shadow: Shadow | undefined): ShadowStatus | undefined {
    if (shadow === undefined) return undefined;
    if (shadow.kind === 'refused') {
      return { bundles: [], calls: 0, different: 0, lost: 0, leftAlone: shadow.failure.error };
    }
    const { bundles } = shadow;
    const asked = this.#asked.get(token);
    if (asked === undefined) return { bundles, calls: 0, different: 0, lost: 0 };
    const { calls, different, slot, lostBefore, leftAlone } = asked;
    return {
      bundles,
      calls,
      different,
      lost: this.#losses.of(slot) - lostBefore,
      ...(leftAlone === undefined ? {} : { leftAlone }),
    };
  }

  counts(): readonly ShadowCount[] {
    return this.#counts.values();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#asked.clear();
    await this.#thread[Symbol.asyncDispose]();
  }

  async #ask(asked: Asked, { token, syscall, bytes }: TapedCall, done: () => void): Promise<void> {
    const outcome = await this.#thread.ask(asked.chain, bytes);
    done();
    if (this.#asked.get(token) !== asked || asked.leftAlone !== undefined) return;
    const differences = differencesOf(outcome);
    asked.calls += 1;
    if (differences.length > 0) asked.different += 1;
    this.#counts.add(asked.name, syscall, differences.length > 0);
    for (const difference of differences) this.#log(asked, syscall, difference);
    this.#judge(token, asked, outcome);
  }

  #judge(token: number, asked: Asked, outcome: ReplayOutcome): void {
    const failure = outcome.kind === 'ended' ? outcome.reason : outcome.failure;
    asked.failures = failure === undefined ? 0 : asked.failures + 1;
    const isEnough = outcome.kind === 'ended' || asked.failures >= patience;
    if (failure === undefined || !isEnough) return;
    this.#leaveAlone(token, asked, failure);
    if (outcome.kind !== 'ended') return;
    // each of them would take as long, and hold up all other shadows
    for (const [other, twin] of this.#asked) {
      if (isSame(twin.shadow, asked.shadow)) this.#leaveAlone(other, twin, failure);
    }
  }

  #leaveAlone(token: number, asked: Asked, failure: string): void {
    if (asked.leftAlone !== undefined) return;
    asked.leftAlone = failure;
    this.#thread.end(asked.chain);
    this.#parts.lines.tell(asked, 'shadow-failed', {
      ...shownContainer(asked, asked),
      bundle: asked.name,
      error: failure,
    });
    // all listeners of a container may be dropped together
    this.#switchedOff.push(token);
    this.#drain.runSoon();
  }

  #tellOne(): Left {
    const token = this.#switchedOff.shift();
    if (token === undefined) return 'nothing';
    this.#parts.onLeftAlone(token);
    return 'more';
  }

  #log(asked: Asked, syscall: string, difference: CallDifference): void {
    const now = performance.now();
    if (now - this.#spanBegan > logSpanMs) {
      this.#spanBegan = now;
      this.#logged = 0;
    }
    if (this.#logged >= maxLogged) {
      this.#unlogged += 1;
      return;
    }
    this.#logged += 1;
    const { what, recorded, replayed } = difference;
    const unlogged = this.#unlogged === 0 ? {} : { unlogged: this.#unlogged };
    this.#unlogged = 0;
    this.#parts.lines.tell(asked, 'shadow-differs', {
      ...shownContainer(asked, asked),
      bundle: asked.name,
      syscall,
      what,
      active: recorded,
      shadow: replayed,
      ...unlogged,
    });
  }
}

/** Of the same components, whoever's they are. */
function isSame(one: ResolvedShadow, other: ResolvedShadow): boolean {
  const { components } = other;
  if (one.components.length !== components.length) return false;
  return one.components.every(({ id }, index) => id === components[index]?.id);
}

function differencesOf(outcome: ReplayOutcome): readonly CallDifference[] {
  if (outcome.kind === 'ended') {
    return [{ what: 'action', recorded: 'an answer', replayed: outcome.reason }];
  }
  return outcome.differences;
}
