// SPDX-License-Identifier: Apache-2.0
// Resolves by the bundles that a container's metadata selects, and by others where it selects none.
import { isDeepStrictEqual } from 'node:util';

import { AgentError, failureFields, isPassing } from '../errors.ts';
import type { Bundle } from '../bundles/bundle.ts';
import { registryOf } from './bundle-registry.ts';
import type { Selection } from './bundle-registry.ts';
import type { BundleStore } from '../bundles/bundle-store.ts';
import { checkCodeBytes } from '../bundles/code-room.ts';
import { refusing } from './container-refusal.ts';
import { parseMetadata } from './metadata.ts';
import type { Policies } from '../registry/policy.ts';
import { regrantedSourced } from './regranting-resolver.ts';
import type { ContainerIdentity, Resolution, Resolver, Shadow } from './resolver.ts';
import { namesProcess } from '../bundles/template.ts';
import { ownerOf, whoAsks } from './who-asks.ts';

export interface SelectingParts {
  readonly store: BundleStore;
  readonly policies: Policies;
  /** Bundles if metadata selects none. */
  readonly fallback: () => readonly Bundle[];
  /** Bundles asked without effect unless metadata says otherwise: names, and paths of folders. */
  readonly shadow?: readonly string[] | undefined;
}

function checkNames(bundles: readonly Bundle[]): void {
  const names = bundles.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new AgentError('AGENT_BUNDLE_INVALID', `two of the bundles have the name "${twice}"`);
}

/** Of metadata that is wrong, none: `resolve` says what is wrong. */
function selectedNames(metadata: string): readonly string[] {
  try {
    const { bundles = [], shadow = [] } = parseMetadata(metadata);
    return [...bundles, ...shadow];
  } catch (thrown) {
    if (thrown instanceof AgentError) return [];
    throw thrown;
  }
}

/** Selection of a container, or of the command line. */
interface Selected extends Pick<Selection, 'defaultAction' | 'middleware'> {
  readonly bundles: readonly Bundle[];
  /** Undefined: none. */
  readonly shadow: ShadowBundles | undefined;
  readonly settings: ReadonlyMap<string, string>;
}

/** Those that can be loaded, or why not. */
type ShadowBundles = readonly Bundle[] | AgentError;

function shadowBundles(load: () => readonly Bundle[]): ShadowBundles | undefined {
  try {
    const bundles = load();
    checkNames(bundles);
    return bundles.length === 0 ? undefined : bundles;
  } catch (thrown) {
    if (thrown instanceof AgentError) return thrown;
    throw thrown;
  }
}

function saidShadow({ store, shadow = [] }: SelectingParts): readonly Bundle[] {
  return shadow.map((reference) => store.referred(reference));
}

function selectedBy(parts: SelectingParts, identity: ContainerIdentity): Selected {
  const { store, fallback } = parts;
  const { bundles: names, shadow, ...said } = parseMetadata(identity.state.metadata);
  const bundles = names === undefined ? fallback() : names.map((name) => store.named(name));
  checkNames(bundles);
  return {
    ...said,
    bundles,
    shadow: shadowBundles(() =>
      shadow === undefined ? saidShadow(parts) : shadow.map((name) => store.named(name)),
    ),
  };
}

function declaredBy(bundles: readonly Bundle[]): ReadonlySet<string> {
  return new Set(bundles.flatMap(({ settings }) => settings.map(({ key }) => key)));
}

/** Without what is said to the shadow alone. One that cannot be loaded must not hide mistakes. */
function ownSettings({ bundles, shadow, settings }: Selected): Selection['settings'] {
  if (shadow === undefined || shadow instanceof AgentError) return settings;
  const [own, others] = [declaredBy(bundles), declaredBy(shadow)];
  return new Map([...settings].filter(([key]) => own.has(key) || !others.has(key)));
}

/** Told of what a container is to have, it throws an AgentError where there is no room for that. */
type CheckRoom = (components: Resolution['components']) => void;

function resolvedParts(
  selection: Selection,
  identity: ContainerIdentity,
  checkRoom: CheckRoom,
): Omit<Resolution, 'shadow'> {
  const { bundles } = selection;
  const components = bundles.flatMap(({ handlers }) => handlers.map(({ component }) => component));
  checkCodeBytes(components, 'the components of all bundles of the container');
  checkRoom(components);
  return {
    registry: registryOf(selection, identity),
    sources: bundles,
    bundles: bundles.map(({ name, version }) => ({ name, version })),
    components,
  };
}

function refusedShadow(failure: AgentError): Shadow {
  return { kind: 'refused', failure: failureFields(failure), isPassing: isPassing(failure) };
}

/** Faults in it do not affect the container. */
function shadowOf(
  { shadow, settings, defaultAction }: Selected,
  policies: Policies,
  identity: ContainerIdentity,
  checkRoom: CheckRoom,
): Shadow | undefined {
  if (shadow === undefined) return undefined;
  if (shadow instanceof AgentError) return refusedShadow(shadow);
  const declared = declaredBy(shadow);
  const own = new Map([...settings].filter(([key]) => declared.has(key)));
  try {
    const parts = resolvedParts(
      { bundles: shadow, settings: own, defaultAction, policies },
      identity,
      checkRoom,
    );
    return { kind: 'resolved', ...parts };
  } catch (thrown) {
    if (thrown instanceof AgentError) return refusedShadow(thrown);
    throw thrown;
  }
}

function resolutionOf(
  selected: Selected,
  policies: Policies,
  identity: ContainerIdentity,
  checkRoom: CheckRoom,
): Resolution {
  const { bundles, defaultAction, middleware } = selected;
  const settings = ownSettings(selected);
  const selection = { bundles, settings, defaultAction, middleware, policies };
  return {
    ...resolvedParts(selection, identity, checkRoom),
    shadow: shadowOf(selected, policies, identity, checkRoom),
  };
}

/** All that it is resolved by, but for its process. */
function commonIdentity({ state, ...rest }: ContainerIdentity): object {
  const { containerId, metadata, annotations } = state;
  return { ...rest, state: { containerId, metadata, annotations } };
}

function saysProcess({ bundles, settings, shadow = [] }: Selected): boolean {
  const all = shadow instanceof AgentError ? bundles : [...bundles, ...shadow];
  const texts = all.flatMap(({ handlers, settings: declared }) => [
    ...declared.map((setting) => setting.default ?? ''),
    ...handlers.flatMap((handler) =>
      handler.settings.map(([, source]) => (source.kind === 'fixed' ? source.text : '')),
    ),
  ]);
  return [...settings.values(), ...texts].some(namesProcess);
}

/** Parts that the listeners of a container share: each command executed in it has one. */
class Resolved {
  /** By the components, of which each resolution has a list of its own. */
  readonly #made: WeakMap<Resolution['components'], readonly [object, Resolution]> = new WeakMap();

  /** The registry of another listener, if this one would get the same. */
  same(
    identity: ContainerIdentity,
    other: Pick<Resolution, 'components'> | undefined,
  ): Resolution | undefined {
    const [by, resolution] = (other && this.#made.get(other.components)) ?? [];
    return isDeepStrictEqual(by, commonIdentity(identity)) ? resolution : undefined;
  }

  add(identity: ContainerIdentity, selected: Selected, resolution: Resolution): void {
    // it may come right by itself
    if (resolution.shadow?.kind === 'refused' || saysProcess(selected)) return;
    this.#made.set(resolution.components, [commonIdentity(identity), resolution]);
  }
}

/** The operator, who has named them, is to hear of their faults at once. */
function checkFallback(parts: SelectingParts): void {
  const { store, fallback } = parts;
  try {
    checkNames(fallback());
    checkNames(saidShadow(parts));
  } catch (thrown) {
    // what is wrong since then is for those to hear that have it, and leaves nobody what is taken away
    if (!(thrown instanceof AgentError) || !store.isRenewed) throw thrown;
  }
}

/** @throws AgentError AGENT_BUNDLE_INVALID, AGENT_GRANT_MISSING: of a bundle of the fallback */
export function selectingResolver(parts: SelectingParts): Resolver {
  const { policies } = parts;
  checkFallback(parts);
  const resolved = new Resolved();
  return {
    prepare: (identity, isWanted) =>
      parts.store.prepare(selectedNames(identity.state.metadata), {
        who: whoAsks(identity),
        uid: identity.peerUid,
        isWanted,
      }),
    forgetUnused: (keptForMs) => {
      parts.store.forgetUnused(keptForMs);
    },
    noteUse: () => {
      parts.store.noteUse();
    },
    resolve: (identity, other) => {
      const same = resolved.same(identity, other);
      if (same !== undefined) return same;
      const selected = refusing(policies, [], () => selectedBy(parts, identity));
      // what it has is to be replaced
      const isNew = other === undefined || other.components.length === 0;
      const checkRoom: CheckRoom = (components) => {
        if (isNew) parts.store.checkPart(components, ownerOf(identity));
      };
      return refusing(policies, selected.bundles, () => {
        const resolution = resolutionOf(selected, policies, identity, checkRoom);
        resolved.add(identity, selected, resolution);
        return resolution;
      });
    },
    keep: (held) => regrantedSourced(held, parts.store),
  };
}
