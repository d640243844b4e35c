// SPDX-License-Identifier: Apache-2.0
// Makes the registry of one container from the bundles that were selected for it.
import { AgentError, messageOf } from '../errors.ts';
import type { Settings } from '../handler/instance.ts';
import { choicesAt } from '../text/did-you-mean.ts';
import type { Bundle, BundleHandler } from '../bundles/bundle.ts';
import { fieldsOf } from './container-fields.ts';
import { isLimited } from '../registry/grants.ts';
import type { SettingSource } from '../bundles/manifest-handler.ts';
import { shownKey, unselected, wrongMetadata } from './metadata.ts';
import type { MiddlewareName } from '../registry/policy.ts';
import { strictestDefault, strictestFailure } from '../registry/policy.ts';
import type { DefaultAction, Policies } from '../registry/policy.ts';
import { needsPointers } from '../registry/registry.ts';
import type { Registry, RegistryHandler } from '../registry/registry.ts';
import type { ContainerIdentity } from './resolver.ts';
import { isOn, maxPathBytes, maxPaths, pathsOf, settingFault } from '../bundles/setting.ts';
import type { SettingDeclaration } from '../bundles/setting.ts';
import { fillTemplate } from '../bundles/template.ts';
import type { TemplateFields } from '../bundles/template.ts';
import { believedWorkload } from '../agent-socket/workload.ts';

/** Of all handlers of one container: each worker has them in memory. */
const maxSettingBytes = 256 * 1024;
/** Approximate bytes of a setting besides its texts. */
const entryBytes = 128;

/** The bundles of one container, and what is set for them. */
export interface Selection {
  /** In chain order. */
  readonly bundles: readonly Bundle[];
  /** By the keys that they declare. */
  readonly settings: ReadonlyMap<string, string>;
  /** The container's own default action. */
  readonly defaultAction?: DefaultAction | undefined;
  readonly middleware?: readonly MiddlewareName[] | undefined;
  /** For what no bundle says. */
  readonly policies: Policies;
}

interface Values {
  readonly given: ReadonlyMap<string, string>;
  readonly fields: TemplateFields;
}

function filled(key: string, value: string, fields: TemplateFields): string {
  try {
    return fillTemplate(value, fields);
  } catch (cause) {
    throw new AgentError('AGENT_SETTING_INVALID', `setting "${key}": ${messageOf(cause)}`);
  }
}

/** Undefined: it is not set, and need not be. */
function declaredValue(
  { key, type, isRequired, default: fallback }: SettingDeclaration,
  { given, fields }: Values,
): string | undefined {
  const text = given.get(key) ?? fallback;
  if (text === undefined) {
    if (isRequired) wrongMetadata(`"${key}" is missing`);
    return undefined;
  }
  return type === 'template' ? filled(key, text, fields) : text;
}

/** Those of handlers that are left out, too. */
function checkValues({ settings }: Bundle, { given }: Values): void {
  for (const { key, type } of settings) {
    const text = given.get(key);
    const fault = text === undefined ? undefined : settingFault(type, text);
    if (fault !== undefined) wrongMetadata(`"${key}" ${fault}`);
  }
}

/** Of a bundle's settings, each made once: many of its handlers' settings may depend on the same. */
class BundleValues {
  readonly #declarations: ReadonlyMap<string, SettingDeclaration>;
  readonly #values: Values;
  readonly #made: Map<string, string | undefined> = new Map();

  constructor({ settings }: Bundle, values: Values) {
    this.#declarations = new Map(settings.map((setting) => [setting.key, setting]));
    this.#values = values;
  }

  /** Undefined: it is not set, and need not be. */
  valueOf(setting: SettingDeclaration): string | undefined {
    const { key } = setting;
    if (!this.#made.has(key)) this.#made.set(key, declaredValue(setting, this.#values));
    return this.#made.get(key);
  }

  /** Those of these keys that are set, and true where they are that or false. */
  thoseOn(keys: readonly string[]): readonly string[] {
    return keys.filter((key) => this.#isOn(key));
  }

  #isOn(key: string): boolean {
    const setting = this.#declarations.get(key);
    return setting !== undefined && isOn(setting.type, this.valueOf(setting));
  }
}

/** A setting without effect for lack of another setting is an error. */
function checkNeeds({ settings }: Bundle, own: BundleValues): void {
  for (const { key, needs } of settings) {
    if (needs === undefined || own.thoseOn([key]).length === 0) continue;
    if (own.thoseOn(needs).length > 0) continue;
    const [only = ''] = needs;
    const wanted = needs.length === 1 ? `"${only}"` : `one of ${needs.join(', ')}`;
    wrongMetadata(`"${key}" has no effect alone: also set ${wanted}`);
  }
}

/** Whether a container's settings want what is there only where one of these is on. */
function isWanted(when: readonly string[] | undefined, own: BundleValues): boolean {
  return when === undefined || own.thoseOn(when).length > 0;
}

/** The keys by which a container wants a text; that of the handler where it is always there. */
function settersOf(
  word: string,
  when: readonly string[] | undefined,
  own: BundleValues,
): readonly string[] {
  return when === undefined ? [word] : own.thoseOn(when);
}

/** By which keys a handler's settings are set, where it has other words for them. */
function keysOf({ settings }: BundleHandler): Pick<RegistryHandler, 'settingKeys'> {
  const settingKeys = settings.flatMap(([word, source]) =>
    source.kind === 'declared' && source.declaration.key !== word
      ? [[word, source.declaration.key] as const]
      : [],
  );
  return settingKeys.length === 0 ? {} : { settingKeys };
}

/** @param own those of its bundle */
function settingsOf(handler: BundleHandler, own: BundleValues, { fields }: Values): Settings {
  const valueOf = (key: string, source: SettingSource): string | undefined => {
    switch (source.kind) {
      case 'fixed': {
        const setters = settersOf(key, source.when, own);
        return setters.length === 0 ? undefined : filled(setters.join(', '), source.text, fields);
      }
      case 'declared':
        return own.valueOf(source.declaration);
    }
  };
  return handler.settings.flatMap(([key, source]) => {
    const value = valueOf(key, source);
    return value === undefined ? [] : [[key, value] as const];
  });
}

function handlersOf(bundle: Bundle, values: Values): readonly RegistryHandler[] {
  checkValues(bundle, values);
  const own = new BundleValues(bundle, values);
  checkNeeds(bundle, own);
  const present = bundle.handlers.filter(({ when }) => isWanted(when, own));
  return present.map((handler) => ({
    name: handler.name,
    bundle: bundle.name,
    component: handler.component.id,
    answers: handler.component.answers,
    readsPointers: needsPointers(handler.component),
    deadlineMs: handler.deadlineMs,
    settings: settingsOf(handler, own, values),
    ...keysOf(handler),
    ...(handler.syscalls === undefined ? {} : { syscalls: handler.syscalls }),
    ...grantsOf(bundle),
  }));
}

/** Of bundles in the chain: a handler that is left out needs none, and holding them costs it nothing. */
function heldPathsOf(bundles: readonly Bundle[], values: Values): Pick<Registry, 'heldPaths'> {
  const paths = bundles.flatMap(({ settings }) =>
    settings
      .filter(({ type }) => type === 'paths')
      .flatMap((setting) => pathsOf(declaredValue(setting, values) ?? '')),
  );
  if (paths.length === 0) return {};
  const heldPaths = [...new Set(paths)];
  if (heldPaths.length > maxPaths || Buffer.byteLength(heldPaths.join()) > maxPathBytes) {
    wrongMetadata(
      `settings list more than ${maxPaths} paths or ${maxPathBytes} bytes of paths: list fewer`,
    );
  }
  return { heldPaths };
}

function grantsOf({ granted }: Bundle): Pick<RegistryHandler, 'grants'> {
  return isLimited(granted) ? { grants: granted } : {};
}

/**
 * The same registry, with what is granted to its bundles now.
 * @throws AgentError AGENT_GRANT_MISSING, where one is of none of these bundles
 */
export function regrantedRegistry(registry: Registry, bundles: readonly Bundle[]): Registry {
  return {
    ...registry,
    handlers: registry.handlers.map(({ grants: _before, ...handler }) => {
      const bundle = bundles.find(({ name }) => name === handler.bundle);
      if (bundle !== undefined) return { ...handler, ...grantsOf(bundle) };
      throw new AgentError('AGENT_GRANT_MISSING', `"${handler.name}" has no grants any more`);
    }),
  };
}

/** A key with a typing mistake must not leave a container without what it was to have. */
function checkKeys({ bundles, settings }: Selection): void {
  const declared = new Set(bundles.flatMap((bundle) => bundle.settings.map(({ key }) => key)));
  for (const key of settings.keys()) {
    if (declared.has(key)) continue;
    const names = bundles.map(({ name }) => name).join(', ');
    wrongMetadata(
      names === ''
        ? unselected([key])
        : `no selected bundle (${names}) has the setting ${shownKey(key)}${choicesAt(key, [...declared], 'Settings')}`,
    );
  }
}

/** @throws AgentError AGENT_SETTING_INVALID */
function checkSizes(handlers: readonly RegistryHandler[]): void {
  let bytes = 0;
  // no more is looked at than it takes: many may have the same long text
  for (const [key, text] of handlers.flatMap(({ settings }) => settings)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(text) + entryBytes;
    if (bytes <= maxSettingBytes) continue;
    wrongMetadata(
      `the settings of all handlers have more than ${maxSettingBytes} bytes, counting ${entryBytes} for each: use fewer or shorter settings`,
    );
  }
}

/** @throws AgentError AGENT_SETTING_INVALID */
export function registryOf(selection: Selection, identity: ContainerIdentity): Registry {
  checkKeys(selection);
  const { bundles, defaultAction, middleware, policies } = selection;
  const said = defaultAction === undefined ? bundles : [{ defaultAction }, ...bundles];
  const values: Values = { given: selection.settings, fields: fieldsOf(identity) };
  const handlers: RegistryHandler[] = [];
  for (const bundle of bundles) {
    handlers.push(...handlersOf(bundle, values));
    checkSizes(handlers);
  }
  return {
    containerId: identity.state.containerId,
    annotations: [...identity.state.annotations],
    workload: believedWorkload(identity),
    handlers,
    ...heldPathsOf(bundles, values),
    defaultAction: strictestDefault(said, policies),
    ...(middleware === undefined ? {} : { middleware }),
    failure: strictestFailure(bundles, policies),
  };
}
