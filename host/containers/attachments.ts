// SPDX-License-Identifier: Apache-2.0
// The handlers of each container: resolved as it attaches, and again when they change.
import { keyOf } from '../agent-socket/container-key.ts';
import { failureFields, isPassing, messageOf } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { ContainerPlaces } from '../counting/container-places.ts';
import type { Quarantines } from '../worker/quarantine.ts';
import type { HandlerStates } from '../worker/handler-states.ts';
import type { Observation } from '../observation/observation.ts';
import type { Tapes } from '../recording/tapes.ts';
import type { Shadows } from '../replay/shadows.ts';
import type { WriteRefusal } from '../agent-socket/filter-flags.ts';
import type { Bundle } from '../bundles/bundle.ts';
import { ContainerRefusal } from '../resolvers/container-refusal.ts';
import { namedMiddleware } from '../resolvers/metadata.ts';
import { defaultFailure } from '../registry/policy.ts';
import type { Registry } from '../registry/registry.ts';
import { keptShadow } from '../resolvers/regranting-resolver.ts';
import type { ContainerIdentity, Resolution, Resolver } from '../resolvers/resolver.ts';
import { shownContainer } from '../registry/shown-container.ts';
import { believedWorkload } from '../agent-socket/workload.ts';
import { isPassingIn } from './attached.ts';
import type { Attached, Resolved } from './attached.ts';
import { withCommonParts } from './common-parts.ts';
import type { ContainerLife } from './container-life.ts';
import type { CountedListener } from './listener-counts.ts';
import { TapedListener } from './taped-listener.ts';
import type { UsedComponents } from './used-components.ts';
import type { UserLines } from '../log/user-lines.ts';

export interface AttachmentsParts {
  readonly resolver: Resolver;
  readonly lines: UserLines;
  readonly quarantine: Quarantines;
  readonly places: ContainerPlaces;
  readonly states: HandlerStates;
  readonly tapes: Tapes;
  readonly shadows: Shadows;
  readonly used: UsedComponents;
  readonly observation: Observation;
  readonly ofContainer: (identity: ContainerIdentity) => Attached | undefined;
  /** A listener of the same container, else of another one that has the same bundles. */
  readonly like: (place: number, sources: readonly Bundle[]) => Attached | undefined;
  /** Gives components to all workers. */
  readonly share: (components: readonly LoadedComponent[]) => void;
}

/** A listener that is about to be attached. */
export interface Entering {
  readonly life: ContainerLife;
  readonly identity: ContainerIdentity;
  readonly writeRefusal: WriteRefusal;
  readonly counted?: CountedListener;
}

export class Attachments {
  readonly #parts: AttachmentsParts;
  /** Another one after each reload. */
  resolver: Resolver;
  /** When a container last lost components, as `performance.now` says. */
  #replacedMs = -Infinity;

  constructor(parts: AttachmentsParts) {
    this.#parts = parts;
    this.resolver = parts.resolver;
  }

  /** Workers get components before the first call that needs them. */
  begin(
    { life, identity, writeRefusal, counted }: Entering,
    resolution: Resolved = this.resolved(identity),
  ): Attached {
    const { quarantine, places, states, used, observation } = this.#parts;
    const { sources, components, bundles, refusal } = resolution;
    this.#share(identity, resolution);
    const key = keyOf(identity);
    const { own } = life.hold(places.enter(key, identity.peerUid ?? 0));
    const { registry, shadow, base } = this.#withCommonParts(resolution, own.place);
    life.hold(observation.enterContainer(identity));
    const held = {
      states: life.hold(states.enter(key, bundlesOf(registry))),
      taped: life.hold(new TapedListener(this.#parts, key)),
      used: life.hold(used.enter()),
      counted,
    };
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
      place: own.place,
      quarantine: quarantine.take(own, namesOf(registry)),
      states: held.states.first,
      writeRefusal,
      tapeSlot: held.taped.slotFor(shadow),
      life,
      held,
    };
  }

  /** The same container with other handlers. */
  change(attached: Attached, resolution: Resolved): Attached {
    this.#share(attached.identity, resolution);
    const { sources, bundles, components, refusal } = resolution;
    const ids = new Set(components.map(({ id }) => id));
    if (attached.components.some(({ id }) => !ids.has(id))) this.#replacedMs = performance.now();
    const { registry, shadow, base } = this.#withCommonParts(resolution, attached.place);
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
      quarantine: this.#parts.quarantine.take(attached.own, namesOf(registry)),
      states: attached.held.states.change(bundlesOf(registry)),
    };
  }

  /** For how long no container has lost components. */
  get settledForMs(): number {
    return performance.now() - this.#replacedMs;
  }

  /**
   * The handlers that a container has, with what is granted to them now.
   * @param mayPass whether others, which it should have, may still come
   * @throws AgentError: it may not have them
   */
  kept({ bundles, components, shadow, refusal, ...held }: Attached, mayPass: boolean): Resolved {
    const { resolver } = this;
    return {
      ...resolver.keep(held),
      bundles,
      components,
      shadow: shadow && keptShadow(shadow, (other) => resolver.keep(other)),
      ...(refusal === undefined ? {} : { refusal }),
      isPassing: mayPass,
    };
  }

  /** @throws ContainerRefusal */
  resolve(identity: ContainerIdentity): Resolution {
    return this.resolver.resolve(identity, this.#parts.ofContainer(identity));
  }

  /** Calls get an answer, also with faults in their container's metadata. */
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
    this.#parts.lines.tell(identity, 'bundles-unresolved', {
      ...shownContainer({ containerId, workload }, identity),
      errno,
      ...failureFields(thrown),
    });
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
    this.#parts.lines.tell(identity, 'shadow-unresolved', {
      ...shownContainer(registry, identity),
      ...shadow.failure,
    });
  }
}

function bundlesOf({ handlers }: Registry): readonly (string | undefined)[] {
  return handlers.map(({ bundle }) => bundle);
}

/** Tells apart handlers that come in each other's place. */
function namesOf({ handlers }: Registry): readonly string[] {
  return handlers.map(({ bundle, name, component }) => JSON.stringify([bundle, name, component]));
}
