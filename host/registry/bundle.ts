// SPDX-License-Identifier: Apache-2.0
// Handler bundles: reads bundle.json and the components beside it.
import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

import { AgentError } from '../errors.ts';
import { checkGrants, checkSize, loadComponent } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { Settings } from '../handler/instance.ts';
import { parseManifest } from './manifest.ts';
import type { ManifestHandler } from './manifest.ts';
import type { DefaultAction, FailurePolicy } from './policy.ts';

export interface BundleHandler {
  readonly name: string;
  /** The path of its component. */
  readonly file: string;
  readonly component: LoadedComponent;
  /** The families that it is asked about; absent: all that it answers. */
  readonly syscalls?: readonly string[];
  /** Values may be templates. */
  readonly settings: Settings;
  readonly deadlineMs: number;
}

export interface Bundle {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** In chain order. */
  readonly handlers: readonly BundleHandler[];
  readonly defaultAction: DefaultAction;
  readonly failure: FailurePolicy;
}

function readHandler(folder: string, manifest: ManifestHandler): BundleHandler {
  const file = join(folder, manifest.component);
  try {
    // before it is read: it may be of any size
    checkSize(statSync(file).size);
    const component = loadComponent(readFileSync(file));
    checkGrants(component, manifest.grants);
    checkAnswers(component, manifest.syscalls ?? []);
    return {
      name: basename(manifest.component, '.wasm'),
      file,
      component,
      settings: manifest.settings,
      deadlineMs: manifest.deadlineMs,
      ...(manifest.syscalls === undefined ? {} : { syscalls: manifest.syscalls }),
    };
  } catch (cause) {
    throw new AgentError('AGENT_BUNDLE_INVALID', `${file}: cannot be loaded`, { cause });
  }
}

/** A handler that is asked about what it does not answer would let it pass. */
function checkAnswers({ answers }: LoadedComponent, syscalls: readonly string[]): void {
  const unanswered = syscalls.find((family) => !answers.includes(family));
  if (unanswered === undefined || answers.includes('any')) return;
  throw new AgentError(
    'AGENT_BUNDLE_INVALID',
    `"syscalls" names "${unanswered}", and the component answers ${answers.join(', ')}`,
  );
}

/**
 * Reads and checks a bundle.
 * @param folder the folder of its bundle.json
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function readBundle(folder: string): Bundle {
  const file = join(folder, 'bundle.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AgentError('AGENT_BUNDLE_INVALID', `${file}: cannot be read`, { cause });
  }
  const manifest = parseManifest(text, file);
  return {
    ...manifest,
    handlers: manifest.handlers.map((handler) => readHandler(folder, handler)),
  };
}
