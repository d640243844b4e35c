// SPDX-License-Identifier: Apache-2.0
// Makes the registry of one container from the bundles that were selected for it.
import { AgentError, messageOf } from '../errors.ts';
import type { Settings } from '../handler/instance.ts';
import { guessAt } from '../did-you-mean.ts';
import type { Bundle, BundleHandler } from './bundle.ts';
import { fieldsOf } from './container-fields.ts';
import { isLimited } from './grants.ts';
import type { SettingSource } from './manifest-handler.ts';
import { shownKey, unselected, wrongMetadata } from './metadata.ts';
import type { MiddlewareName } from './metadata.ts';
import { strictestDefault, strictestFailure } from './policy.ts';
import type { DefaultAction, Policies } from './policy.ts';
import { needsPointers } from './registry.ts';
import type { Registry, RegistryHandler } from './registry.ts';
import type { ContainerIdentity } from './resolver.ts';
import { isOn, pathsOf, settingFault } from './setting.ts';
import type { SettingDeclaration } from './setting.ts';
import { fillTemplate } from './template.ts';
import type { TemplateFields } from './template.ts';
import { believedWorkload } from './workload.ts';

/** Of all handlers of one container: each worker has them in memory. */
const mostSettingBytes = 256 * 1024;
/** What a setting takes beside its texts, about. */
const entryBytes = 128;

/** The bundles of one container, and what is set for them. */
export interface Selection {
  /** In chain order. */
  readonly bundles: readonly Bundle[];
  /** By the keys that they declare. */
  readonly settings: ReadonlyMap<string, string>;
  /** What the container itself wants for calls that no handler answers. */
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

/** Which settings of a bundle are on. Many of its handlers' settings may depend on the same. */
class Switches {
  readonly #declarations: ReadonlyMap<string, SettingDeclaration>;
  readonly #values: Values;
  readonly #known: Map<string, boolean> = new Map();

  constructor({ settings }: Bundle, values: Values) {
    this.#declarations = new Map(settings.map((setting) => [setting.key, setting]));
    this.#values = values;
  }

  /** Those of these keys that are set, and true where they are that or false. */
  thoseOn(keys: readonly string[]): readonly string[] {
    return keys.filter((key) => this.#isOn(key));
  }

  #isOn(key: string): boolean {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const setting = this.#declarations.get(key);
    const found = setting !== undefined && isOn(setting.type, declaredValue(setting, this.#values));
    this.#known.set(key, found);
    return found;
  }
}

/** What would have no effect without another setting is a mistake, and is not passed over. */
function checkNeeds({ settings }: Bundle, switches: Switches): void {
  for (const { key, needs } of settings) {
    if (needs === undefined || switches.thoseOn([key]).length === 0) continue;
    if (switches.thoseOn(needs).length > 0) continue;
    const [only = ''] = needs;
    const wanted = needs.length === 1 ? `"${only}"` : `one of ${needs.join(', ')}`;
    wrongMetadata(`"${key}" has no effect alone: set ${wanted}, too`);
  }
}

/** Whether a container's settings want what is there only where one of these is on. */
function isWanted(when: readonly string[] | undefined, switches: Switches): boolean {
  return when === undefined || switches.thoseOn(when).length > 0;
}

/** The keys by which a container wants a text; those of the handler where it is always there. */
function settersOf(word: string, when: readonly string[] | undefined, switches: Switches): string {
  return when === undefined ? word : switches.thoseOn(when).join(', ');
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

/** @param switches of its bundle */
function settingsOf(handler: BundleHandler, switches: Switches, values: Values): Settings {
  const valueOf = (key: string, source: SettingSource): string | undefined => {
    switch (source.kind) {
      case 'fixed':
        if (!isWanted(source.when, switches)) return undefined;
        return filled(settersOf(key, source.when, switches), source.text, values.fields);
      case 'declared':
        return declaredValue(source.declaration, values);
    }
  };
  return handler.settings.flatMap(([key, source]) => {
    const value = valueOf(key, source);
    return value === undefined ? [] : [[key, value] as const];
  });
}

function handlersOf(bundle: Bundle, values: Values): readonly RegistryHandler[] {
  checkValues(bundle, values);
  const switches = new Switches(bundle, values);
  checkNeeds(bundle, switches);
  const present = bundle.handlers.filter(({ when }) => isWanted(when, switches));
  return present.map((handler) => ({
    name: handler.name,
    bundle: bundle.name,
    component: handler.component.id,
    answers: handler.component.answers,
    readsPointers: needsPointers(handler.component),
    deadlineMs: handler.deadlineMs,
    settings: settingsOf(handler, switches, values),
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
  return paths.length === 0 ? {} : { heldPaths: [...new Set(paths)] };
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
      throw new AgentError('AGENT_GRANT_MISSING', `nothing is granted to "${handler.name}" now`);
    }),
  };
}

/** Which settings there are, and which one may be meant. */
function instead(key: string, declared: readonly string[]): string {
  return `${guessAt(key, declared)} (there ${declared.length === 0 ? 'is none' : `are ${declared.join(', ')}`})`;
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
        : `no selected bundle (${names}) has the setting ${shownKey(key)}${instead(key, [...declared])}`,
    );
  }
}

/** @throws AgentError AGENT_SETTING_INVALID */
function checkSizes(handlers: readonly RegistryHandler[]): void {
  const settings = handlers.flatMap((handler) => handler.settings);
  const bytes = settings.reduce(
    (sum, [key, text]) => sum + Buffer.byteLength(key) + Buffer.byteLength(text) + entryBytes,
    0,
  );
  if (bytes <= mostSettingBytes) return;
  wrongMetadata(
    `the settings of all handlers have more than ${mostSettingBytes} bytes, with ${entryBytes} for each: set less`,
  );
}

/** @throws AgentError AGENT_SETTING_INVALID */
export function registryOf(selection: Selection, identity: ContainerIdentity): Registry {
  checkKeys(selection);
  const { bundles, defaultAction, middleware, policies } = selection;
  const said = defaultAction === undefined ? bundles : [{ defaultAction }, ...bundles];
  const values: Values = { given: selection.settings, fields: fieldsOf(identity) };
  const handlers = bundles.flatMap((bundle) => handlersOf(bundle, values));
  checkSizes(handlers);
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
