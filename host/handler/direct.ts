// SPDX-License-Identifier: Apache-2.0
// Loads components: checks and compiles what links them by hand, without any generated code.
import { needsGrant } from '../call/host-functions.ts';
import { capabilities } from './capabilities/offered.ts';
import { capabilityOf, interfaceName } from './interface-name.ts';
import { Verdicts, invalidCode } from './compiling/verdicts.ts';
import type { CodeCheck } from './compiling/verdicts.ts';
import type { ComponentDescription, StringEncoding } from './component.ts';
import { anySignature, familySignature } from './core-functions.ts';
import { listed, refuse } from './refusal.ts';
import type { CoreModuleDescription } from './core-description.ts';
import { DigestCache } from './digest-cache.ts';
import { instanceBytes } from './instance-bytes.ts';
import { ownTypes } from './known-types.ts';
import type { KnownTypes } from './known-types.ts';
import { checkComposition } from './jco/composition.ts';
import type { Composition } from './jco/composition.ts';
import type { Wiring } from './jco/wiring.ts';
import { Wirings } from './jco/wirings.ts';
import type { WiringSource } from './jco/wirings.ts';
import { answersOf, defaultLimits, encodingOf, outlineOf, typesInterface } from './outline.ts';
import type { ComponentOutline, LoadLimits } from './outline.ts';
import { trampolineModule } from './trampoline.ts';

/** Modules of a component that are instantiated. */
export type ComponentCode =
  | { readonly kind: 'direct'; readonly module: WebAssembly.Module }
  | { readonly kind: 'jco'; readonly composition: Composition<WebAssembly.Module> };

/** A checked component. It can be sent to another thread. */
export interface LoadedComponent {
  /** Of the file and the memory that it may have: what is equal in both is equal. */
  readonly id: string;
  /** Hex sha256 of the file. */
  readonly digest: string;
  readonly code: ComponentCode;
  /** The most of machine code that it can have; of the package's own nobody has found out: 0. */
  readonly codeBytes: number;
  /** Bytes of each instance besides its memory. */
  readonly instanceBytes: number;
  /** Module that its answers are called through. */
  readonly trampoline: WebAssembly.Module;
  /** Its exports: families and `any`. */
  readonly answers: readonly string[];
  /** The interfaces it uses, by their short names. */
  readonly imports: readonly string[];
  readonly isConfigurable: boolean;
  readonly encoding: StringEncoding;
}

/** Sources of the facts that loading needs. */
export interface LoadSources {
  readonly wirings: WiringSource;
  readonly checkCode: CodeCheck;
  /** Modules that this process has compiled before. */
  readonly types: KnownTypes;
}

function usualSources(): LoadSources {
  return {
    wirings: new Wirings(new DigestCache('wirings')).find,
    checkCode: new Verdicts(new DigestCache('verdicts')).check,
    types: ownTypes(),
  };
}

/** A component's code, and the module of the core instance that answers. */
interface LaneResult {
  readonly code: ComponentCode;
  /** The bytes of an instance, beside its memory. */
  readonly instance: number;
  readonly core: CoreModuleDescription;
}

type Lane<Kind> = Extract<ComponentOutline['lane'], { readonly kind: Kind }>;

/** @param tried the core modules, as they were tried: those are compiled */
function loadDirect({ core }: Lane<'direct'>, tried: readonly Uint8Array[]): LaneResult {
  const instance = instanceBytes(tried.slice(0, 1));
  return { code: { kind: 'direct', module: compile(tried[0]) }, instance, core };
}

function loadComposed(
  component: ComponentDescription,
  wiring: Wiring,
  tried: readonly Uint8Array[],
): LaneResult {
  const { coreModules, imports, exports } = component;
  const offered = capabilities.filter(({ name }) => imports.includes(interfaceName(name)));
  const { core, modules, ...links } = checkComposition({
    coreModules,
    wiring,
    exports,
    encoding: encodingOf(component),
    hostSignature: (from, name) =>
      offered.find((capability) => capability.name === from)?.functions.get(name)?.signature,
  });
  const instance = instanceBytes(
    links.instances.flatMap(({ module }) => tried[modules[module] ?? -1] ?? []),
  );
  const composition = { ...links, modules: modules.map((index) => compile(tried[index])) };
  return { code: { kind: 'jco', composition }, instance, core };
}

/**
 * Checks and compiles a component.
 * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED, and those of the sources
 */
export function loadComponent(
  bytes: Uint8Array,
  limits: LoadLimits = defaultLimits,
  given: Partial<LoadSources> = {},
): LoadedComponent {
  return loadOutlined(outlineOf(bytes, limits), limits, { ...usualSources(), ...given });
}

/** As `loadComponent`, of which this is the second part. */
export function loadOutlined(
  { component, digest, code: tried, types, lane }: ComponentOutline,
  limits: LoadLimits,
  sources: LoadSources,
): LoadedComponent {
  const codeBytes = sources.checkCode(tried);
  sources.types.add(types);
  const { code, instance, core } =
    lane.kind === 'direct'
      ? loadDirect(lane, tried.modules)
      : loadComposed(component, sources.wirings(lane.question), tried.modules);
  const encoding = encodingOf(component);
  const answers = answersOf(component.exports);
  return {
    id: componentId(digest, limits),
    digest,
    code,
    codeBytes,
    instanceBytes: instance,
    trampoline: compile(trampolineFor(answers, core, encoding)),
    answers,
    imports: component.imports
      .map((name) => capabilityOf(name) ?? name)
      .filter((name) => name !== typesInterface),
    isConfigurable: component.exports.includes('configure'),
    encoding,
  };
}

function componentId(digest: string, { maximumPages }: LoadLimits): string {
  return `${digest}/${maximumPages}`;
}

/** Of the component with this id. */
export function digestOf(id: string): string {
  const [digest = ''] = id.split('/');
  return digest;
}

function trampolineFor(
  answers: readonly string[],
  core: CoreModuleDescription,
  encoding: StringEncoding,
): Uint8Array {
  return trampolineModule(
    answers.map((name) => ({
      name,
      signature: name === 'any' ? anySignature : familySignature(name),
      hasPostReturn: core.functionExports.has(`cabi_post_${name}`),
    })),
    encoding,
  );
}

function compile(core: Uint8Array | undefined): WebAssembly.Module {
  if (core === undefined) refuse('an instance has no core module');
  try {
    return new WebAssembly.Module(core);
  } catch (cause) {
    throw invalidCode(cause);
  }
}

/**
 * Refuses a component that imports what it was not granted.
 * @throws AgentError AGENT_COMPONENT_REFUSED
 */
export function checkGrants(component: LoadedComponent, grants: readonly string[]): void {
  const wanted = component.imports.filter(needsGrant);
  const missing = wanted.filter((name) => !grants.includes(name));
  if (missing.length === 0) return;
  const [first = ''] = missing;
  refuse(
    `handler imports ${listed(wanted)}; it was granted ${listed(grants)}: add it to "grants" of its bundle.json, such as "${first}": { "reason": "what for" }`,
  );
}
