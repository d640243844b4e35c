// SPDX-License-Identifier: Apache-2.0
// Makes the registry of one container from a bundle.
import { AgentError, messageOf } from '../errors.ts';
import type { Bundle } from './bundle.ts';
import { needsPointers } from './registry.ts';
import type { Registry } from './registry.ts';
import type { ContainerIdentity } from './resolver.ts';
import { fillTemplate } from './template.ts';
import type { TemplateFields } from './template.ts';

function fieldsOf({ state, firstPid }: ContainerIdentity): TemplateFields {
  return {
    ContainerID: state.containerId,
    ...(state.processPid === 0 ? {} : { Pid: String(state.processPid) }),
    ...(firstPid === undefined ? {} : { Pid1: String(firstPid) }),
  };
}

function filled(key: string, value: string, fields: TemplateFields): string {
  try {
    return fillTemplate(value, fields);
  } catch (cause) {
    throw new AgentError('AGENT_SETTING_INVALID', `setting "${key}": ${messageOf(cause)}`);
  }
}

/** @throws AgentError AGENT_SETTING_INVALID when a template can't be filled */
export function registryOf(bundle: Bundle, identity: ContainerIdentity): Registry {
  const fields = fieldsOf(identity);
  return {
    containerId: identity.state.containerId,
    annotations: [...identity.state.annotations],
    handlers: bundle.handlers.map(({ name, component, syscalls, settings, deadlineMs }) => ({
      name,
      bundle: bundle.name,
      digest: component.digest,
      answers: component.answers,
      readsPointers: needsPointers(component),
      deadlineMs,
      settings: settings.map(([key, value]) => [key, filled(key, value, fields)]),
      ...(syscalls === undefined ? {} : { syscalls }),
    })),
    defaultAction: bundle.defaultAction,
    failure: bundle.failure,
  };
}
