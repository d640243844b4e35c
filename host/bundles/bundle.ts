// SPDX-License-Identifier: Apache-2.0
// Handler bundles: reads bundle.json and the components beside it.
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { AgentError } from '../errors.ts';
import { checkGrants } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { defaultLimits } from '../handler/outline.ts';
import type { LoadLimits } from '../handler/outline.ts';
import { checkAdvisory } from './advisory-calls.ts';
import { bundleFile, Manifests, noSuchComponent } from './bundle-folder.ts';
import { checkCodeBytes } from './code-room.ts';
import { entryToPaste } from './granted-bundles.ts';
import { ComponentCache } from './component-cache.ts';
import type { ComponentFile, ComponentTrust } from './component-loader.ts';
import { isInterface } from './grant-limits.ts';
import { grantedOf } from '../registry/grants.ts';
import type { Grants } from '../registry/grants.ts';
import type { Manifest } from './manifest.ts';
import { defaultDeadlineMs, longestDeadlineMs } from './manifest-handler.ts';
import type { HandlerSettings, ManifestHandler } from './manifest-handler.ts';
import type { OnlyCalls } from './only-calls.ts';
import { askedGrants } from './wanted-grants.ts';

/** Origin of a bundle, on which trust in it depends. */
export type BundleOrigin =
  /** The package's own. */
  | { readonly kind: 'shipped' }
  /** Its folder was given on the command line. */
  | { readonly kind: 'given' }
  /** Found by its name in a folder of the operator's. */
  | { readonly kind: 'found' }
  /** Pulled from a registry that the operator allows. */
  | {
      readonly kind: 'pulled';
      readonly reference: string;
      readonly signers: readonly string[];
    };

/** No component and no handler has more. */
export interface BundleLimits extends LoadLimits {
  /** Of a handler's time for a call. */
  readonly deadlineMs: number;
}

export const defaultBundleLimits: BundleLimits = {
  ...defaultLimits,
  deadlineMs: longestDeadlineMs,
};

export interface BundleHandler {
  readonly name: string;
  /** The path of its component. */
  readonly file: string;
  readonly component: LoadedComponent;
  /** The families that it is asked about; absent: all that it answers. */
  readonly syscalls?: readonly string[];
  readonly settings: HandlerSettings;
  /** It is in the chain where one of these settings is on; absent: always. */
  readonly when?: readonly string[];
  /** It passes all other calls on; absent: it may answer any. */
  readonly only?: OnlyCalls;
  /** Calls that profiles for its bundle refuse besides the trapped ones; absent: none. */
  readonly refuse?: readonly string[];
  /** As of `ManifestHandler`. */
  readonly advisory?: readonly string[];
  readonly deadlineMs: number;
}

export interface Bundle extends Omit<Manifest, 'handlers'> {
  readonly origin: BundleOrigin;
  /** Grants of its handlers. */
  readonly granted: Grants;
  /** In chain order. */
  readonly handlers: readonly BundleHandler[];
}

export interface BundleReading {
  readonly origin: BundleOrigin;
  readonly limits: BundleLimits;
  readonly components: ComponentCache;
  readonly manifests: Manifests;
  /** Grants of the operator; absent: all that the bundle requests. */
  readonly allowed?: Grants;
  /** The operator's file that says so, for messages. */
  readonly allowedBy?: string;
  /** bundle.json, where it was compared with a digest; absent: it is read from the folder. */
  readonly text?: string;
}

function refuse(what: string): never {
  throw new AgentError('AGENT_BUNDLE_INVALID', what);
}

/** Users who could change the package's own could change the agent instead. */
export function trustIn(origin: BundleOrigin['kind']): ComponentTrust {
  return origin === 'shipped' ? 'own' : 'foreign';
}

/** A handler that is asked about what it does not answer would let it pass. */
function checkAnswers({ answers }: LoadedComponent, syscalls: readonly string[]): void {
  const unanswered = syscalls.find((family) => !answers.includes(family));
  if (unanswered === undefined || answers.includes('any')) return;
  refuse(`"syscalls" names "${unanswered}", and the component answers ${answers.join(', ')}`);
}

interface ComponentPlace {
  readonly folder: string;
  readonly limits: LoadLimits;
  readonly trust: ComponentTrust;
}

function limitsFor({ memoryPages }: ManifestHandler, limits: LoadLimits): LoadLimits {
  if (memoryPages === undefined) return limits;
  if (memoryPages <= limits.maximumPages) return { ...limits, maximumPages: memoryPages };
  const kib = 64;
  return refuse(
    `"memory" requests ${memoryPages * kib} KiB; the agent allows ${limits.maximumPages * kib} KiB`,
  );
}

/** @throws AgentError AGENT_BUNDLE_INVALID: it asks for more memory than handlers may have */
export function componentFileOf(
  handler: ManifestHandler,
  { folder, limits, trust }: ComponentPlace,
): ComponentFile {
  return {
    file: join(folder, handler.component),
    limits: limitsFor(handler, limits),
    trust,
    ...(handler.digest === undefined ? {} : { digest: handler.digest }),
  };
}

/** A handler that asks for no time has what the agent allows. */
function deadlineFor({ deadlineMs }: ManifestHandler, limits: BundleLimits): number {
  if (deadlineMs <= limits.deadlineMs) return deadlineMs;
  if (deadlineMs === defaultDeadlineMs) return limits.deadlineMs;
  return refuse(`"deadline" requests ${deadlineMs} ms; the agent allows ${limits.deadlineMs} ms`);
}

/** Of what it asks for, what it has. */
function grantedTo(
  { name, grants }: Pick<Manifest, 'name' | 'grants'>,
  { allowed, allowedBy }: Pick<BundleReading, 'allowed' | 'allowedBy'>,
  place: string,
): Grants {
  const asked = askedGrants(grants);
  if (allowed === undefined) return asked;
  try {
    return grantedOf(asked, allowed);
  } catch (cause) {
    const hint =
      allowedBy === undefined
        ? ''
        : ` (to grant all, add to ${allowedBy}: ${entryToPaste(name, asked)})`;
    const what = `${place} lacks grants${hint}`;
    throw new AgentError('AGENT_GRANT_MISSING', what, { cause });
  }
}

interface HandlerPlace {
  readonly folder: string;
  readonly grants: readonly string[];
}

function readHandler(
  manifest: ManifestHandler,
  { folder, grants }: HandlerPlace,
  { components, limits, origin }: BundleReading,
): BundleHandler {
  const file = join(folder, manifest.component);
  if (!existsSync(file)) noSuchComponent(file);
  try {
    const component = components.load(
      componentFileOf(manifest, { folder, limits, trust: trustIn(origin.kind) }),
    );
    checkGrants(component, grants);
    checkAnswers(component, manifest.syscalls ?? []);
    checkAdvisory(component, manifest.advisory ?? []);
    return {
      name: basename(manifest.component, '.wasm'),
      file,
      component,
      settings: manifest.settings,
      deadlineMs: deadlineFor(manifest, limits),
      ...(manifest.syscalls === undefined ? {} : { syscalls: manifest.syscalls }),
      ...(manifest.when === undefined ? {} : { when: manifest.when }),
      ...(manifest.only === undefined ? {} : { only: manifest.only }),
      ...(manifest.refuse === undefined ? {} : { refuse: manifest.refuse }),
      ...(manifest.advisory === undefined ? {} : { advisory: manifest.advisory }),
    };
  } catch (cause) {
    throw new AgentError('AGENT_BUNDLE_INVALID', `${file}: cannot be loaded`, { cause });
  }
}

/** A bundle with unused grants can be changed to use them, and nobody is asked again. */
function checkOverAsking(
  grants: readonly string[],
  handlers: readonly BundleHandler[],
  place: string,
): void {
  const used = handlers.flatMap(({ component }) => component.imports);
  const idle = grants.filter((name) => isInterface(name) && !used.includes(name));
  if (idle.length === 0) return;
  refuse(
    `${place}: grants lists ${idle.join(', ')}, which no component of the bundle imports: remove it`,
  );
}

/**
 * The same bundle, with what an operator allows it now.
 * @throws AgentError AGENT_GRANT_MISSING
 */
export function regranted(bundle: Bundle, allowed: Grants | undefined): Bundle {
  const granted = grantedTo(
    bundle,
    allowed === undefined ? {} : { allowed },
    `the bundle "${bundle.name}"`,
  );
  return isDeepStrictEqual(granted, bundle.granted) ? bundle : { ...bundle, granted };
}

/**
 * Reads and checks a bundle.
 * @param folder the folder of its bundle.json
 * @throws AgentError AGENT_BUNDLE_INVALID, AGENT_GRANT_MISSING
 */
export function readBundle(folder: string, reading: Partial<BundleReading> = {}): Bundle {
  const whole: BundleReading = {
    origin: { kind: 'given' },
    limits: defaultBundleLimits,
    components: new ComponentCache(),
    manifests: new Manifests(),
    ...reading,
  };
  const file = join(folder, bundleFile);
  const manifest = whole.manifests.read(folder, whole.text);
  const grants = manifest.grants.map(({ capability }) => capability);
  const granted = grantedTo(manifest, whole, file);
  const handlers = manifest.handlers.map((handler) =>
    readHandler(handler, { folder, grants }, whole),
  );
  checkOverAsking(grants, handlers, file);
  checkCodeBytes(
    handlers.map(({ component }) => component),
    `${file}: the components`,
  );
  return { ...manifest, origin: whole.origin, granted, handlers };
}
