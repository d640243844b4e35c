// SPDX-License-Identifier: Apache-2.0
// From what is known of a container to what answers for it, and to something else later.
import { keyOf } from '../agent-socket/container-key.ts';
import { isPassing, messageOf } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { ContainerPlaces } from '../counting/container-places.ts';
import type { Quarantines } from '../worker/quarantine.ts';
import type { HandlerStates } from '../worker/handler-states.ts';
import type { Observation } from '../observation/observation.ts';
import type { Tapes } from '../recording/tapes.ts';
import type { WriteRefusal } from '../agent-socket/filter-flags.ts';
import type { Bundle } from '../bundles/bundle.ts';
import { ContainerRefusal } from '../resolvers/container-refusal.ts';
import { namedMiddleware } from '../resolvers/metadata.ts';
import { defaultFailure } from '../registry/policy.ts';
import type { Registry } from '../registry/registry.ts';
import type {
  ContainerIdentity,
  Resolution,
  ResolvedShadow,
  Resolver,
  Shadow,
} from '../resolvers/resolver.ts';
import { shownContainer } from '../registry/shown-container.ts';
import { believedWorkload } from '../agent-socket/workload.ts';
import { isPassingIn } from './attached.ts';
import type { Attached, Resolved } from './attached.ts';
import { withCommonParts } from './common-parts.ts';
import type { UserLines } from './user-lines.ts';

export interface AttachmentsParts {
  readonly resolver: Resolver;
  readonly lines: UserLines;
  readonly quarantine: Quarantines;
  readonly places: ContainerPlaces;
  readonly states: HandlerStates;
  readonly tapes: Tapes;
  readonly observation: Observation;
  readonly ofContainer: (identity: ContainerIdentity) => Attached | undefined;
  /** A listener of the same container, else of another one that has the same bundles. */
  readonly like: (place: number, sources: readonly Bundle[]) => Attached | undefined;
  /** Gives components to all workers. */
  readonly share: (components: readonly LoadedComponent[]) => void;
}

export class Attachments {
  readonly #parts: AttachmentsParts;
  /** It changes when the configuration is read again. */
  resolver: Resolver;
  /** When a container last had components that it has no more, as `performance.now` says. */
  #replacedMs = -Infinity;

  constructor(parts: AttachmentsParts) {
    this.#parts = parts;
    this.resolver = parts.resolver;
  }

  /** What the workers need for a registry is with them before its first call is. */
  begin(
    identity: ContainerIdentity,
    writeRefusal: WriteRefusal,
    resolution: Resolved = this.resolved(identity),
  ): Attached {
    const { quarantine, places, states: all, tapes } = this.#parts;
    const { sources, components, bundles, refusal } = resolution;
    this.#share(identity, resolution);
    const key = keyOf(identity);
    const own = places.take(key, identity.peerUid ?? 0);
    const { place } = own;
    const { registry, shadow, base } = this.#withCommonParts(resolution, place);
    const { handlers } = registry;
    const states = all.take(
      key,
      handlers.map(({ bundle }) => bundle),
    );
    return {
      identity,
      since: new Date(),
      bundles,
      sources,
      components,
      shadow,
      refusal,
      isPassing: isPassingIn(resolution),
      registry,
      base,
      own,
      place,
      quarantine: quarantine.take(own, namesOf(registry)),
      states,
      heldStates: states,
      writeRefusal,
      tapeSlot: shadow?.kind === 'resolved' || tapes.isTapped(key) ? tapes.takeSlot() : undefined,
    };
  }

  /** The same container with other handlers. */
  change(attached: Attached, resolution: Resolved): Attached {
    this.#share(attached.identity, resolution);
    const { sources, bundles, components, refusal } = resolution;
    const ids = new Set(components.map(({ id }) => id));
    if (attached.components.some(({ id }) => !ids.has(id))) this.#replacedMs = performance.now();
    const { registry, shadow, base } = this.#withCommonParts(resolution, attached.place);
    const { handlers } = registry;
    const { quarantine, states: all } = this.#parts;
    const { held, states } = all.change(
      keyOf(attached.identity),
      attached.heldStates,
      handlers.map(({ bundle }) => bundle),
    );
    return {
      ...attached,
      bundles,
      sources,
      components,
      shadow,
      refusal,
      isPassing: isPassingIn(resolution),
      registry,
      base,
      quarantine: quarantine.take(attached.own, namesOf(registry)),
      states,
      heldStates: held,
    };
  }

  /** For how long all containers have had the components that they have. */
  get settledForMs(): number {
    return performance.now() - this.#replacedMs;
  }

  /** Gives back what it had been given, but for its tape. */
  end({ identity, heldStates }: Attached): void {
    this.#parts.places.release(keyOf(identity));
    this.#parts.observation.forget(identity);
    this.#parts.states.release(heldStates);
  }

  /**
   * The handlers that a container has, with what is granted to them now.
   * @param failure why it has no others
   * @throws AgentError: it may not have them
   */
  kept({ bundles, components, shadow, refusal, ...held }: Attached, failure: unknown): Resolved {
    return {
      ...this.resolver.keep(held),
      bundles,
      components,
      shadow: shadow?.kind === 'resolved' ? this.#keptShadow(shadow) : shadow,
      ...(refusal === undefined ? {} : { refusal }),
      isPassing: isPassing(failure),
    };
  }

  #keptShadow(shadow: ResolvedShadow): Shadow {
    try {
      return { ...shadow, ...this.resolver.keep(shadow) };
    } catch (thrown) {
      return { kind: 'refused', reason: messageOf(thrown), isPassing: false };
    }
  }

  /** @throws ContainerRefusal */
  resolve(identity: ContainerIdentity): Resolution {
    return this.resolver.resolve(identity, this.#parts.ofContainer(identity));
  }

  /** Whatever is wrong with a container's metadata, its calls get an answer. */
  resolved(identity: ContainerIdentity): Resolved {
    try {
      return this.resolve(identity);
    } catch (thrown) {
      return this.refused(identity, thrown);
    }
  }

  refused(identity: ContainerIdentity, thrown: unknown): Resolved {
    const { containerId, metadata } = identity.state;
    const errno = thrown instanceof ContainerRefusal ? thrown.errno : 'EPERM';
    const workload = this.resolver.workloadOf?.(identity) ?? believedWorkload(identity);
    this.#parts.lines.tell(
      identity,
      'error',
      { ...shownContainer({ containerId, workload }), errno, error: messageOf(thrown) },
      'the bundles of this container cannot be used: its trapped calls fail',
    );
    this.resolver.note?.(identity, { reason: 'Refused', message: messageOf(thrown) });
    const registry = {
      containerId,
      workload,
      handlers: [],
      defaultAction: errno,
      failure: defaultFailure,
      isRefused: true,
      middleware: [...new Set([...(this.resolver.middleware ?? []), ...namedMiddleware(metadata)])],
    };
    return {
      registry,
      sources: [],
      components: [],
      bundles: [],
      refusal: messageOf(thrown),
      isPassing: isPassing(thrown),
    };
  }

  #withCommonParts(resolution: Resolution, place: number): Resolution & Pick<Attached, 'base'> {
    const other = this.#parts.like(place, resolution.sources);
    // of another container's, many more settings may differ
    const base = other?.place === place ? (other.base ?? other.registry.handlers) : undefined;
    return { ...withCommonParts(resolution, other), base };
  }

  #share(identity: ContainerIdentity, { registry, components, shadow }: Resolution): void {
    this.#parts.share(components);
    if (shadow?.kind !== 'refused') return;
    this.#parts.lines.tell(
      identity,
      'error',
      { ...shownContainer(registry), error: shadow.reason },
      'there is no shadow for this container, which is nothing to its calls',
    );
  }
}

/** What tells handlers apart that come in each other's place. */
function namesOf({ handlers }: Registry): readonly string[] {
  return handlers.map(({ bundle, name, component }) => JSON.stringify([bundle, name, component]));
}
