// SPDX-License-Identifier: Apache-2.0
// All attached containers, by the tokens of their listeners.
import { keyOf } from '../agent-socket/container-key.ts';
import type { KeyedContainer } from '../agent-socket/container-key.ts';
import { systemCodeOf } from '../errors.ts';
import type { FirstPids } from '../agent-socket/first-pids.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { tokenOf } from '../native.ts';
import type { Native, ReceiverHandle } from '../native.ts';
import type { Syscalls } from '../syscalls/syscalls.ts';
import type { Observation } from '../observation/observation.ts';
import type { Tapes } from '../recording/tapes.ts';
import type { Bundle } from '../bundles/bundle.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import { ownerOf } from '../resolvers/who-asks.ts';
import { adoptionOf, rootsFirst, termsOf } from './attached.ts';
import type { Adoption, Attached } from './attached.ts';
import { heldPathBytes } from './held-path-bytes.ts';
import type { UnheldPath } from './held-paths.ts';
import { registryBytes } from './kept-bytes.ts';
import type { ServedContainer } from './served-file.ts';

export interface ContainersParts {
  readonly native: Pick<Native, 'pathErrors' | 'replaceTerms'>;
  readonly receiver: ReceiverHandle;
  readonly syscalls: Syscalls;
  readonly tapes: Tapes;
  readonly observation: Observation;
  /** Each has a copy of a container's registry. */
  readonly workers: number;
  /** Containers have come or gone, or are known by other names. */
  readonly onChanged: () => void;
}

/** Workers may still tell of a container that has just ended. */
const maxEnded = 64;

export class Containers {
  readonly #parts: ContainersParts;
  readonly #attached: Map<number, Attached> = new Map();
  /** Those that have ended last, oldest first. */
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
      const { peerUid = 0 } = identity;
      const owner = peerUid === 0 ? {} : { peerUid };
      return [[key, { containerId, ...owner, firstProcess, workload }] as const];
    });
    return [...new Map(found).values()];
  }

  /** A copy: they may change meanwhile. */
  all(): readonly (readonly [token: number, attached: Attached])[] {
    return [...this.#attached];
  }

  /** Bundles that any of them has, or its shadow. */
  sources(): ReadonlySet<Bundle> {
    const attached = [...this.#attached.values()];
    const shadows = attached.flatMap(({ shadow }) =>
      shadow?.kind === 'resolved' ? shadow.sources : [],
    );
    return new Set([...attached.flatMap(({ sources }) => sources), ...shadows]);
  }

  /** @throws AgentError AGENT_LISTENER: its registry is too large */
  adoption(attached: Attached): Adoption {
    const adoption = this.#adoption(attached);
    const bytes = registryBytes(attached, adoption.encoded, this.#parts.workers);
    attached.held.counted?.keep(bytes);
    return adoption;
  }

  /** A listener was attached. */
  enter(token: number, attached: Attached): Disposable {
    this.#keep(token, attached);
    return {
      [Symbol.dispose]: () => {
        this.#leave(token, attached.identity);
      },
    };
  }

  /** Paths in a container's settings that could not be held. */
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
      // it has just ended; an event follows
      if (systemCodeOf(cause) !== 'ENOENT') throw cause;
      return [];
    }
  }

  /**
   * Calls that no worker has begun are handled by this registry from now on.
   * @throws AgentError AGENT_LISTENER: it is too large
   */
  replace(token: number, next: Attached): void {
    const offered = { ...next, tapeSlot: next.held.taped.slotFor(next.shadow) };
    this.#offer(token, offered, this.adoption(offered));
  }

  /** Calls are written down while a recording or a shadow wants them. */
  retape(token: number): void {
    const attached = this.#attached.get(token);
    if (attached === undefined) return;
    const tapeSlot = attached.held.taped.slotFor(attached.shadow);
    if (tapeSlot !== attached.tapeSlot) this.#offer(token, { ...attached, tapeSlot });
  }

  /** To those who record and watch from now on, also where others do so already. */
  offerAgain(token: number): void {
    const attached = this.#attached.get(token);
    if (attached === undefined) return;
    const tapeSlot = attached.held.taped.slotFor(attached.shadow);
    this.#offer(token, { ...attached, tapeSlot });
  }

  #adoption(attached: Attached): Adoption {
    const { syscalls, observation, tapes } = this.#parts;
    const isRecorded = tapes.isTapped(keyOf(attached.identity));
    return adoptionOf(attached, { syscalls, isRecorded, observation });
  }

  #keep(token: number, attached: Attached): void {
    this.#attached.set(token, attached);
    const { used, taped } = attached.held;
    used.replace(componentsOf(attached), ownerIn(attached));
    taped.begin(token, attached);
    this.#parts.onChanged();
  }

  #leave(token: number, identity: ContainerIdentity): void {
    this.#attached.delete(token);
    this.#ended.set(token, identity);
    const [oldest = token] = this.#ended.keys();
    if (this.#ended.size > maxEnded) this.#ended.delete(oldest);
    this.#parts.onChanged();
  }

  #offer(token: number, next: Attached, adoption: Adoption = this.#adoption(next)): void {
    const { native, receiver } = this.#parts;
    this.#keep(token, next);
    try {
      native.replaceTerms(receiver, tokenOf(token), termsOf(adoption));
    } catch (cause) {
      // it has just ended; an event follows
      if (systemCodeOf(cause) !== 'ENOENT') throw cause;
    }
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
