// SPDX-License-Identifier: Apache-2.0
// The handler of a bundle that is tried, and its settings in each case.
import { AgentError, messageOf } from '../errors.ts';
import { readRegularFile } from '../files/regular-file.ts';
import { defaultLimits } from '../handler/outline.ts';
import type { Bundle, BundleHandler } from '../bundles/bundle.ts';
import { registryOf } from '../resolvers/bundle-registry.ts';
import { defaultPolicies } from '../registry/policy.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import type { CaseFile, TrialCase } from './case-file.ts';
import type { GivenSettings } from './trial.ts';
import type { TrialTask } from './trial-worker.ts';

/** A deadline is processor time, and this is not: as much more as the agent gives those that wait. */
const patience = 10;

/** Values of `{{.Pid}}` and `{{.Pid1}}`. */
const somePid = 1;
/** As `RecordingHost` has it. */
const someContainer = 'c1';

function identityOf({ surroundings }: TrialCase): ContainerIdentity {
  const { containerId = someContainer, annotations } = surroundings;
  return {
    state: {
      fds: [],
      processPid: somePid,
      metadata: '',
      containerId,
      containerPid: somePid,
      status: 'running',
      ociBundle: '',
      annotations: new Map(annotations),
    },
    firstPid: somePid,
  };
}

function handlerOf({ name, handlers }: Bundle, wanted: string | undefined): BundleHandler {
  const found = handlers.filter((handler) => wanted === undefined || handler.name === wanted);
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  const names = handlers.map((handler) => handler.name).join(', ');
  throw new AgentError(
    'AGENT_CASES_INVALID',
    `the cases must say with "handler" which one of ${name} they are for: ${names}`,
  );
}

/** It is tried whether a container with these settings would have it or not. */
function always({ when: _when, ...handler }: BundleHandler): BundleHandler {
  return handler;
}

/** As metadata with these lines sets them. */
function settingsOf(bundle: Bundle, handler: BundleHandler, given: TrialCase): GivenSettings {
  const whole = { ...bundle, handlers: bundle.handlers.map(always) };
  const selection = { bundles: [whole], settings: given.settings, policies: defaultPolicies };
  try {
    const { handlers } = registryOf(selection, identityOf(given));
    return new Map(handlers[bundle.handlers.indexOf(handler)]?.settings);
  } catch (thrown) {
    if (thrown instanceof AgentError) return messageOf(thrown);
    throw thrown;
  }
}

/** @throws AgentError AGENT_CASES_INVALID */
export function trialTask(bundle: Bundle, file: CaseFile): TrialTask {
  const handler = handlerOf(bundle, file.handler);
  return {
    // as a bundle has them that is given by its path
    grants: bundle.granted,
    patienceMs: handler.deadlineMs * patience,
    component: readRegularFile(handler.file, { maxBytes: defaultLimits.maximumBytes }),
    cases: file.cases.map((each) => ({
      case: each,
      settings: settingsOf(bundle, handler, each),
    })),
  };
}
