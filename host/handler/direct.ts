// SPDX-License-Identifier: Apache-2.0
// The direct lane: checks a component made of one core module and links it by hand, without any
// generated code.
import { createHash } from 'node:crypto';

import { AgentError } from '../errors.ts';
import { capabilities } from './capabilities/offered.ts';
import { capabilityOf, interfaceName } from './capability.ts';
import { CodeTally } from './code-bounds.ts';
import type { CodeBounds } from './code-bounds.ts';
import { codeDigest } from './compiling/code-digest.ts';
import { Verdicts } from './compiling/verdicts.ts';
import type { Code, CodeCheck } from './compiling/verdicts.ts';
import { describeComponent } from './component.ts';
import type { ComponentDescription, StringEncoding } from './component.ts';
import {
  anySignature,
  checkCoreExports,
  familySignature,
  listed,
  refuse,
} from './core-functions.ts';
import { compiledPart, describeCoreModule, limitMemory, limitTable } from './core-module.ts';
import type { CoreModuleDescription, CoreSignature } from './core-module.ts';
import { DigestCache } from './digest-cache.ts';
import { checkComposition, checkNames } from './jco/composition.ts';
import type { Composition } from './jco/composition.ts';
import { wiringsBy } from './jco/wirings.ts';
import type { WiringSource } from './jco/wirings.ts';
import { trampolineModule } from './trampoline.ts';

/** The interface of pure types, which every component may name. */
const typesInterface = 'types';

/** What is instantiated of a component. */
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
  /** What its answers are called through. */
  readonly trampoline: WebAssembly.Module;
  /** What it answers: families and `any`. */
  readonly answers: readonly string[];
  /** The interfaces it uses, by their short names. */
  readonly imports: readonly string[];
  readonly isConfigurable: boolean;
  readonly encoding: StringEncoding;
}

export interface LoadLimits {
  /** Of the file. */
  readonly maximumBytes: number;
  /** Of the memory of each instance, in pages of 64 KiB. */
  readonly maximumPages: number;
  /** Of its code; absent: the usual ones. */
  readonly code?: CodeBounds;
}

export const defaultLimits: LoadLimits = { maximumBytes: 16 * 2 ** 20, maximumPages: 256 };

/** Whoever finds out what loading needs to know. */
export interface LoadSources {
  readonly wirings: WiringSource;
  readonly checkCode: CodeCheck;
}

function usualSources(): LoadSources {
  return {
    wirings: wiringsBy(new DigestCache('wirings')),
    checkCode: new Verdicts(new DigestCache('verdicts')).check,
  };
}

const startSignature: CoreSignature = ':';

/** What both lanes refuse. */
function checkOffers(component: ComponentDescription): void {
  const unknown = component.imports.filter((name) => {
    const capability = capabilityOf(name);
    return (
      capability === undefined ||
      (capability !== typesInterface &&
        !capabilities.some(({ name: known }) => known === capability))
    );
  });
  if (unknown.length > 0) {
    const known = capabilities.map(({ name }) => interfaceName(name));
    refuse(`component imports ${listed(unknown)}; the agent offers ${listed(known)}`);
  }
  if (component.hasStart) refuse('component has a start function');
  if (component.encodings.includes('latin1+utf16') || component.encodings.length > 1) {
    refuse(`component mixes string encodings: ${listed(component.encodings)}`);
  }
}

function checkImports(core: CoreModuleDescription, component: ComponentDescription): void {
  const offered = new Set(component.imports);
  for (const { module, name, kind, signature } of core.imports) {
    if (kind !== 'function') {
      refuse(`core module imports "${module}" "${name}", which is no function`);
    }
    const capability = capabilities.find((known) => known.name === capabilityOf(module));
    const expected = capability?.functions.get(name)?.signature;
    if (expected === undefined || !offered.has(module)) {
      refuse(`core module imports "${module}" "${name}", which the agent does not offer`);
    }
    if (expected !== signature) {
      refuse(`core module imports "${module}" "${name}" as (${signature}), it is (${expected})`);
    }
  }
}

function checkExports(core: CoreModuleDescription, exports: readonly string[]): void {
  checkCoreExports(core, exports);
  const initialize = core.functionExports.get('_initialize');
  if (initialize !== undefined && initialize !== startSignature) {
    refuse(`core module exports "_initialize" as (${initialize})`);
  }
  if (!core.memoryExports.includes('memory')) refuse('core module exports no memory');
}

/** @throws AgentError AGENT_COMPONENT_REFUSED: more bytes than a component may have */
export function checkSize(bytes: number, limits: LoadLimits = defaultLimits): void {
  if (bytes <= limits.maximumBytes) return;
  refuse(`component has ${bytes} bytes; ${limits.maximumBytes} are allowed`);
}

/** A component's code, and the module of the core instance that answers. */
interface LaneResult {
  readonly code: ComponentCode;
  readonly core: CoreModuleDescription;
}

/** Everything that is needed to load one. */
interface Loading {
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly component: ComponentDescription;
  readonly limits: LoadLimits;
  readonly sources: LoadSources;
}

function codeIn({ coreModules }: ComponentDescription): Code {
  const modules = coreModules.map((bytes) => compiledPart(bytes));
  return { digest: codeDigest(modules), modules };
}

function loadDirect({ component, limits, sources }: Loading): LaneResult {
  const [bytes] = component.coreModules;
  if (bytes === undefined) refuse('component holds no core module');
  const core = describeCoreModule(bytes);
  checkImports(core, component);
  checkExports(core, component.exports);
  const limited = limitTable(limitMemory(compiledPart(bytes), limits.maximumPages));
  sources.checkCode(codeIn(component));
  return { code: { kind: 'direct', module: compile(limited) }, core };
}

/** componentize-qjs leaves it there; nobody calls it. */
const leftOver = 'init';

function loadComposed({ bytes, digest, component, limits, sources }: Loading): LaneResult {
  const { coreModules, imports, exports } = component;
  checkNames(coreModules);
  sources.checkCode(codeIn(component));
  const offered = capabilities.filter(({ name }) => imports.includes(interfaceName(name)));
  const wiring = sources.wirings({
    component: bytes,
    digest,
    request: {
      modules: coreModules.map((core) => [core.byteOffset - bytes.byteOffset, core.length]),
      interfaces: offered.map(({ name, functions }) => ({
        name,
        key: interfaceName(name).replace(/@.*/u, ''),
        functions: [...functions.keys()],
      })),
      exports,
    },
  });
  const { core, modules, ...links } = checkComposition({
    coreModules,
    wiring,
    maximumPages: limits.maximumPages,
    exports,
    encoding: encodingOf(component),
    hostSignature: (from, name) =>
      offered.find((capability) => capability.name === from)?.functions.get(name)?.signature,
  });
  const composition = { ...links, modules: modules.map((module) => compile(module)) };
  return { code: { kind: 'jco', composition }, core };
}

function encodingOf({ encodings }: ComponentDescription): StringEncoding {
  return encodings[0] ?? 'utf8';
}

/**
 * What of a component is compiled before it is loaded.
 * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED
 */
export function codeOf(bytes: Uint8Array, limits: LoadLimits): Code {
  checkSize(bytes.length, limits);
  return codeIn(describeComponent(bytes, new CodeTally(limits.code)));
}

/**
 * Checks and compiles a component.
 * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED
 */
export function loadComponent(
  bytes: Uint8Array,
  limits: LoadLimits = defaultLimits,
  given: Partial<LoadSources> = {},
): LoadedComponent {
  checkSize(bytes.length, limits);
  const sources = { ...usualSources(), ...given };
  const found = describeComponent(bytes, new CodeTally(limits.code));
  checkOffers(found);
  const exports = found.isComposed
    ? found.exports.filter((name) => name !== leftOver)
    : found.exports;
  const component = { ...found, exports };
  const digest = createHash('sha256').update(bytes).digest('hex');
  const loading = { bytes, digest, component, limits, sources };
  const { code, core } = component.isComposed ? loadComposed(loading) : loadDirect(loading);
  const answers = exports.filter((name) => name !== 'configure');
  if (answers.length === 0) refuse('component answers no syscall');
  const encoding = encodingOf(component);
  return {
    id: componentId(digest, limits),
    digest,
    code,
    trampoline: compile(trampolineFor(answers, core, encoding)),
    answers,
    imports: component.imports
      .map((name) => capabilityOf(name) ?? name)
      .filter((name) => name !== typesInterface),
    isConfigurable: exports.includes('configure'),
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

function compile(core: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(core);
  } catch (cause) {
    throw new AgentError('AGENT_COMPONENT_INVALID', 'core module does not compile', { cause });
  }
}

/**
 * Refuses a component that imports what it was not granted.
 * @throws AgentError AGENT_COMPONENT_REFUSED
 */
export function checkGrants(component: LoadedComponent, grants: readonly string[]): void {
  const wanted = component.imports.filter(
    (name) => capabilities.find((known) => known.name === name)?.needsGrant === true,
  );
  const missing = wanted.filter((name) => !grants.includes(name));
  if (missing.length === 0) return;
  const [first = ''] = missing;
  refuse(
    `handler imports ${listed(wanted)}; it was granted ${listed(grants)}: add it to "grants" of its bundle.json, such as "${first}": { "reason": "what for" }`,
  );
}
