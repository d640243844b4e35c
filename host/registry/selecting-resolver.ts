// SPDX-License-Identifier: Apache-2.0
// Resolves by the bundles that a container's metadata selects, and by others where it selects none.
import { AgentError, isForbidden, messageOf } from '../errors.ts';
import type { Bundle } from './bundle.ts';
import { registryOf } from './bundle-registry.ts';
import type { Selection } from './bundle-registry.ts';
import type { BundleStore } from './bundle-store.ts';
import { ContainerRefusal } from './container-refusal.ts';
import { parseMetadata } from './metadata.ts';
import { refusalErrno, strictestFailure } from './policy.ts';
import type { Policies } from './policy.ts';
import type { ContainerIdentity, Resolution, Resolver } from './resolver.ts';

export interface SelectingParts {
  readonly store: BundleStore;
  readonly policies: Policies;
  /** Where metadata selects none. */
  readonly fallback: () => readonly Bundle[];
}

function checkNames(bundles: readonly Bundle[]): void {
  const names = bundles.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new AgentError('AGENT_BUNDLE_INVALID', `two of the bundles have the name "${twice}"`);
}

/** What is wrong with a container is a refusal, with the errno of those bundles that are known. */
function refusing<T>(policies: Policies, bundles: readonly Bundle[], work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof AgentError) || cause instanceof ContainerRefusal) throw cause;
    const errno = refusalErrno(strictestFailure(bundles, policies));
    throw new ContainerRefusal(cause.code, messageOf(cause), errno);
  }
}

/** Of metadata that is wrong, none: `resolve` says what is wrong. */
function selectedNames(metadata: string): readonly string[] {
  try {
    return parseMetadata(metadata).bundles ?? [];
  } catch (thrown) {
    if (thrown instanceof AgentError) return [];
    throw thrown;
  }
}

function selectionOf(parts: SelectingParts, identity: ContainerIdentity): Selection {
  const { bundles: names, settings } = parseMetadata(identity.state.metadata);
  const bundles =
    names === undefined ? parts.fallback() : names.map((name) => parts.store.named(name));
  checkNames(bundles);
  return { bundles, settings, policies: parts.policies };
}

function resolutionOf(selection: Selection, identity: ContainerIdentity): Resolution {
  return {
    registry: registryOf(selection, identity),
    components: selection.bundles.flatMap(({ handlers }) =>
      handlers.map(({ component }) => component),
    ),
  };
}

/** Whoever has named them is to hear at once what is wrong with them. */
function checkFallback({ store, fallback }: SelectingParts): void {
  try {
    checkNames(fallback());
  } catch (thrown) {
    // what is taken away from containers that run is theirs to hear, and holds nobody else up
    if (!isForbidden(thrown) || !store.isRenewed) throw thrown;
  }
}

/** @throws AgentError AGENT_BUNDLE_INVALID, AGENT_GRANT_MISSING: of a bundle of the fallback */
export function selectingResolver(parts: SelectingParts): Resolver {
  const { policies } = parts;
  checkFallback(parts);
  return {
    prepare: ({ state }) => parts.store.prepare(selectedNames(state.metadata)),
    resolve: (identity) => {
      const selection = refusing(policies, [], () => selectionOf(parts, identity));
      return refusing(policies, selection.bundles, () => resolutionOf(selection, identity));
    },
  };
}
