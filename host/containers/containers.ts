// SPDX-License-Identifier: Apache-2.0
// All containers that are answered for: by what, and who else is told of their calls.
import { keyOf } from '../agent-socket/container-key.ts';
import type { ContainerKey, KeyedContainer } from '../agent-socket/container-key.ts';
import { figuresOf } from '../control/figures.ts';
import type { ContainerFigures } from '../control/figures.ts';
import type { StopRecording } from '../control/recording-request.ts';
import type { ContainerStatus } from '../control/status.ts';
import { AgentError, systemCodeOf } from '../errors.ts';
import type { FirstPids } from '../agent-socket/first-pids.ts';
import { digestOf } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { tokenOf } from '../native.ts';
import type { Native, ReceiverHandle } from '../native.ts';
import type { CounterSum } from '../counting/counter-sum.ts';
import type { CallCounts } from '../counting/counters.ts';
import type { Quarantine } from '../worker/quarantine.ts';
import type { Syscalls } from '../syscalls/syscalls.ts';
import type { EncodedRegistry } from '../worker/thread-messages.ts';
import type { Observation } from '../observation/observation.ts';
import { factsOf } from '../recording/recorded-facts.ts';
import type { Shadows } from '../replay/shadows.ts';
import type { Tap, Tapes } from '../recording/tapes.ts';
import type { Bundle } from '../bundles/bundle.ts';
import type { Registry } from '../registry/registry.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import { ownerOf } from '../resolvers/who-asks.ts';
import type { Workload } from '../agent-socket/workload.ts';
import { adoptionOf, rootsFirst, termsOf } from './attached.ts';
import type { Adoption, Attached } from './attached.ts';
import { heldPathBytes } from './held-path-bytes.ts';
import type { UnheldPath } from './held-paths.ts';
import type { ServedContainer } from './served-file.ts';
import { UsedComponents } from './used-components.ts';

export interface ContainersParts {
  readonly native: Native;
  readonly receiver: ReceiverHandle;
  readonly syscalls: Syscalls;
  readonly quarantine: Quarantine;
  readonly counters: CounterSum;
  readonly tapes: Tapes;
  readonly shadows: Shadows;
  readonly observation: Observation;
  /**
   * That is kept of a listener from now on.
   * @throws AgentError AGENT_LISTENER: that is too much
   */
  readonly count: (token: number, attached: Attached, encoded: EncodedRegistry) => void;
  /** There are others, or one is known by other names. */
  readonly onChanged: () => void;
}

/** Of containers that may be meant. */
const mostListed = 10;
const mostEnded = 64;

type CountedCalls = readonly { readonly counts: CallCounts }[];

export class Containers {
  readonly #parts: ContainersParts;
  /** By the tokens of their listeners. */
  readonly #attached: Map<number, Attached> = new Map();
  /** Those of shadows, too. */
  readonly used: UsedComponents = new UsedComponents();
  /** Those that have ended last: of what was done to them, workers tell a little later. */
  readonly #ended: Map<number, ContainerIdentity> = new Map();

  constructor(parts: ContainersParts) {
    this.#parts = parts;
  }

  get(token: number): Attached | undefined {
    return this.#attached.get(token);
  }

  /** Also of one that has just ended. */
  recentIdentity(token: number): ContainerIdentity | undefined {
    return this.#attached.get(token)?.identity ?? this.#ended.get(token);
  }

  /** A listener of the container. */
  ofContainer({ state, peerUid = 0 }: KeyedContainer): Attached | undefined {
    for (const attached of this.#attached.values()) {
      const { identity } = attached;
      const isSame = identity.state.containerId === state.containerId;
      if (isSame && (identity.peerUid ?? 0) === peerUid) return attached;
    }
    return undefined;
  }

  /** One of the same container, else of another one that has the same bundles. */
  like(place: number, sources: readonly Bundle[]): Attached | undefined {
    let found: Attached | undefined;
    for (const attached of this.#attached.values()) {
      if (attached.place === place) return attached;
      found ??= isSameList(attached.sources, sources) ? attached : undefined;
    }
    return found;
  }

  /** Each once, if its first process is known; those of root first. */
  served(firstPids: FirstPids): readonly ServedContainer[] {
    const rootFirst = rootsFirst(this.all().map(([, attached]) => attached));
    const found = rootFirst.flatMap(({ identity, registry }) => {
      const key = keyOf(identity);
      const firstProcess = firstPids.processOf(key);
      if (firstProcess === undefined) return [];
      const { containerId, workload = {} } = registry;
      return [[key, { containerId, firstProcess, workload }] as const];
    });
    return [...new Map(found).values()];
  }

  /** A copy: they may change meanwhile. */
  all(): readonly (readonly [token: number, attached: Attached])[] {
    return [...this.#attached];
  }

  adoption(attached: Attached): Adoption {
    const isRecorded = this.#parts.tapes.isTapped(keyOf(attached.identity));
    const { syscalls, observation } = this.#parts;
    return adoptionOf(attached, { syscalls, isRecorded, observation });
  }

  keep(token: number, attached: Attached): void {
    const { counters, shadows, tapes } = this.#parts;
    const before = this.#attached.get(token);
    this.#attached.set(token, attached);
    this.used.add(componentsOf(attached), ownerIn(attached));
    if (before !== undefined) this.used.remove(componentsOf(before), ownerIn(before));
    counters.begin(token, attached.registry);
    this.#parts.onChanged();
    const { shadow, tapeSlot } = attached;
    if (shadow?.kind !== 'resolved') shadows.end(token);
    if (tapeSlot === undefined) return;
    const taped = { container: keyOf(attached.identity), slot: tapeSlot };
    if (shadow?.kind === 'resolved') shadows.begin(token, taped, shadow);
    tapes.begin(token, taped, factsOf(attached));
  }

  /** Of paths that are to be held for a container's settings, those that are not. */
  unheldPaths(token: number): readonly UnheldPath[] {
    const registry = this.#attached.get(token)?.registry;
    const paths = registry?.heldPaths ?? [];
    if (registry === undefined || paths.length === 0) return [];
    const { native, receiver } = this.#parts;
    try {
      const errors = native.pathErrors(receiver, tokenOf(token), heldPathBytes(registry));
      return paths.flatMap((path, index) => {
        const errno = errors[index] ?? 0;
        return errno === 0 ? [] : [{ path, errno }];
      });
    } catch (cause) {
      // it has just ended, which an event will tell
      if (systemCodeOf(cause) !== 'ENOENT') throw cause;
      return [];
    }
  }

  /**
   * The calls that no worker has begun are handled by this from now on.
   * @throws AgentError AGENT_LISTENER: that is too much
   */
  replace(token: number, next: Attached): void {
    const { count, tapes } = this.#parts;
    const tapeSlot = this.#slotOf(token, next);
    using unlessOffered = new DisposableStack();
    unlessOffered.defer(() => {
      if (tapeSlot !== undefined && tapeSlot !== next.tapeSlot) tapes.releaseSlot(tapeSlot);
    });
    const offered = { ...next, tapeSlot };
    const adoption = this.adoption(offered);
    count(token, next, adoption.encoded);
    unlessOffered.move();
    this.#offer(token, offered, adoption);
  }

  /** Calls are written down for whoever wants to know, and not for nobody. */
  retape(token: number): void {
    const attached = this.#attached.get(token);
    if (attached === undefined) return;
    const tapeSlot = this.#slotOf(token, attached);
    if (tapeSlot !== attached.tapeSlot) this.#offer(token, { ...attached, tapeSlot });
  }

  /**
   * Tells of all calls of a container, also of one that is still to come, until it ends. One of root
   * counts before those that users have given its id.
   * @param named the id of one that is to come; the beginning is enough for one that is there
   * @returns ends it before
   * @throws AgentError AGENT_RECORDING: there is no such container, or several are meant
   */
  record(named: string, tap: Tap, isExpected: 'there' | 'to come'): StopRecording {
    const { tapes } = this.#parts;
    const containerId = isExpected === 'there' ? this.#idBeginning(named) : named;
    const peerUid = this.#ownerOf(containerId);
    if (peerUid === undefined && isExpected === 'there') {
      throw new AgentError('AGENT_RECORDING', `there is no container "${containerId}"`);
    }
    const key = keyOf({ state: { containerId }, peerUid: peerUid ?? 0 });
    tapes.add(key, tap);
    for (const [token, attached] of this.#listenersOf(key)) {
      // also where a shadow has it already: the tap is to begin
      this.#offer(token, { ...attached, tapeSlot: this.#slotOf(token, attached) });
    }
    return async (reason) => {
      tapes.leave(tap);
      for (const [token] of this.#listenersOf(key)) this.retape(token);
      await tapes.finish(tap, reason);
    };
  }

  /** @returns what it was; undefined: there is none */
  end(token: number): Attached | undefined {
    const attached = this.#attached.get(token);
    if (attached === undefined) return undefined;
    this.#attached.delete(token);
    this.used.remove(componentsOf(attached), ownerIn(attached));
    this.#ended.set(token, attached.identity);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > mostEnded && oldest !== undefined) this.#ended.delete(oldest);
    this.#parts.counters.end(token);
    this.#parts.onChanged();
    if (attached.tapeSlot === undefined) this.#parts.shadows.end(token);
    else void this.#endTape(token, attached.tapeSlot);
    return attached;
  }

  /** There is no receiver any more that could be told of a change. */
  close(): void {
    this.#attached.clear();
  }

  /** One by one, as they are asked for: all together they may be large. */
  *status(): Generator<ContainerStatus> {
    const rows = this.#parts.counters.containers();
    for (const [token, attached] of this.all()) {
      yield this.#statusOf(token, attached, rows.get(token));
    }
  }

  figures(): readonly ContainerFigures[] {
    const rows = this.#parts.counters.containers();
    return figuresOf(
      this.all().map(([token, attached]) => ({
        status: this.#statusOf(token, attached, rows.get(token)),
        rows: rows.get(token) ?? [],
      })),
    );
  }

  #statusOf(token: number, attached: Attached, rows: CountedCalls = []): ContainerStatus {
    const { identity, registry, since, bundles, refusal, quarantine } = attached;
    const { peerUid } = identity;
    const shadow = this.#parts.shadows.statusOf(token, attached.shadow);
    return {
      id: registry.containerId,
      ...namesOf(registry),
      ...(peerUid === undefined ? {} : { peerUid }),
      calls: rows.reduce((sum, { counts }) => sum + counts.calls, 0),
      since: since.toISOString(),
      bundles,
      handlers: registry.handlers.map(({ name, bundle, component }, index) => ({
        name,
        digest: `sha256:${digestOf(component)}`,
        ...(bundle === undefined ? {} : { bundle }),
        isQuarantined: this.#parts.quarantine.isQuarantined(quarantine[index] ?? -1),
      })),
      ...(refusal === undefined ? {} : { refusal }),
      ...(shadow === undefined ? {} : { shadow }),
    };
  }

  /** Where losses are counted of calls that are written down; undefined: they are for nobody. */
  #slotOf(token: number, { identity, shadow, tapeSlot }: Attached): number | undefined {
    const { tapes, shadows } = this.#parts;
    const isWanted = tapes.isTapped(keyOf(identity)) || shadows.isAsked(token, shadow);
    if (isWanted) return tapeSlot ?? tapes.takeSlot();
    if (tapeSlot !== undefined) void tapes.end(token, tapeSlot);
    return undefined;
  }

  #offer(token: number, next: Attached, adoption: Adoption = this.adoption(next)): void {
    const { native, receiver } = this.#parts;
    this.keep(token, next);
    try {
      native.replaceTerms(receiver, tokenOf(token), termsOf(adoption));
    } catch (cause) {
      // it has just ended, which an event will tell
      if (systemCodeOf(cause) !== 'ENOENT') throw cause;
    }
  }

  async #endTape(token: number, slot: number): Promise<void> {
    await this.#parts.tapes.end(token, slot);
    this.#parts.shadows.end(token);
  }

  /**
   * The id of the only container of root's that begins so, else of users'. One that is called just so
   * counts before all others, also where there is none.
   * @throws AgentError AGENT_RECORDING: there are several
   */
  #idBeginning(named: string): string {
    const beginning = this.all().filter(([, { registry }]) =>
      registry.containerId.startsWith(named),
    );
    const ofRoot = beginning.filter(([, { identity }]) => (identity.peerUid ?? 0) === 0);
    const idsOf = (those: typeof beginning): readonly string[] => [
      ...new Set(those.map(([, { registry }]) => registry.containerId)),
    ];
    if (named === '' || idsOf(beginning).includes(named)) return named;
    const ids = idsOf(ofRoot.length > 0 ? ofRoot : beginning);
    if (ids.length > 1) {
      const shown = ids.slice(0, mostListed).join(', ');
      const rest = ids.length > mostListed ? ` and ${ids.length - mostListed} more` : '';
      throw new AgentError('AGENT_RECORDING', `"${named}" may be any of ${shown}${rest}`);
    }
    return ids[0] ?? named;
  }

  /** Undefined: there is no such container. @throws AgentError AGENT_RECORDING */
  #ownerOf(containerId: string): number | undefined {
    const named = this.all().filter(([, { registry }]) => registry.containerId === containerId);
    const owners = new Set(named.map(([, { identity }]) => identity.peerUid ?? 0));
    if (owners.has(0)) return 0;
    if (owners.size > 1) {
      const users = [...owners].join(', ');
      throw new AgentError('AGENT_RECORDING', `users ${users} have a container "${containerId}"`);
    }
    return [...owners][0];
  }

  #listenersOf(key: ContainerKey): readonly (readonly [token: number, attached: Attached])[] {
    return this.all().filter(([, { identity }]) => keyOf(identity) === key);
  }
}

function componentsOf({ components, shadow }: Attached): readonly LoadedComponent[] {
  return shadow?.kind === 'resolved' ? [...components, ...shadow.components] : components;
}

function ownerIn({ identity, registry: { workload } }: Attached): string {
  return ownerOf(workload === undefined ? identity : { ...identity, workload });
}

function isSameList<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

/** What people call it. */
function namesOf({ workload = {} }: Registry): Pick<Workload, 'namespace' | 'pod' | 'container'> {
  const { namespace, pod, container } = workload;
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(pod === undefined ? {} : { pod }),
    ...(container === undefined ? {} : { container }),
  };
}
