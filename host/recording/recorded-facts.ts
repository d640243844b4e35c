// SPDX-License-Identifier: Apache-2.0
// Facts of a recording: its container, and its handlers.
import { AgentError } from '../errors.ts';
import { digestOf } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { fieldsOf } from '../resolvers/container-fields.ts';
import { parseMetadata } from '../resolvers/metadata.ts';
import type { Registry } from '../registry/registry.ts';
import type { BundleName, ContainerIdentity } from '../resolvers/resolver.ts';
import { settingKey } from '../bundles/setting.ts';
import type { RecordedContainer, RecordedRegistry } from './recording-format.ts';

export interface Answering {
  readonly identity: ContainerIdentity;
  readonly registry: Registry;
  readonly bundles: readonly BundleName[];
  readonly components: readonly LoadedComponent[];
}

export interface RecordedFacts {
  readonly container: RecordedContainer;
  readonly registry: RecordedRegistry;
}

function givenSettings({ state }: ContainerIdentity): Readonly<Record<string, string>> {
  try {
    const { settings } = parseMetadata(state.metadata);
    // what cannot be a key may be a part of a value that somebody has put on a line of its own
    return Object.fromEntries([...settings].filter(([key]) => settingKey.test(key)));
  } catch (thrown) {
    // what is wrong with it has been logged, and no handler has got any of it
    if (thrown instanceof AgentError) return {};
    throw thrown;
  }
}

function fieldTexts(identity: ContainerIdentity): Readonly<Record<string, string>> {
  const fields: Readonly<Record<string, string | undefined>> = fieldsOf(identity);
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, text]) => (text === undefined ? [] : [[key, text]])),
  );
}

export function factsOf({ identity, registry, bundles, components }: Answering): RecordedFacts {
  const { containerId, annotations = [], handlers } = registry;
  const isAsked = components.some(({ imports }) => imports.includes('container'));
  return {
    container: {
      id: containerId,
      annotations: isAsked ? annotations : [],
      fields: fieldTexts(identity),
    },
    registry: {
      bundles,
      handlers: handlers.map(({ name, bundle = '', component, settings }) => ({
        name,
        bundle,
        digest: digestOf(component),
        settings: settings.map(([key]) => key),
      })),
      given: givenSettings(identity),
    },
  };
}
