// SPDX-License-Identifier: Apache-2.0
// The outline of a component, without compiling or linking any of it: no child is asked about a
// component whose outline is refused.
import { hash } from 'node:crypto';

import { capabilities } from './capabilities/offered.ts';
import { capabilityOf, interfaceName } from './interface-name.ts';
import { CodeTally } from './code-bounds.ts';
import type { CodeBounds } from './code-bounds.ts';
import { codeDigest } from './compiling/code-digest.ts';
import type { Code } from './compiling/verdicts.ts';
import { describeComponent } from './component.ts';
import type { ComponentDescription, StringEncoding } from './component.ts';
import { checkCoreExports, expectedExports } from './core-functions.ts';
import { listed, refuse } from './refusal.ts';
import { describeCoreModule, theImport } from './core-module.ts';
import type { CoreModuleDescription, CoreSignature } from './core-description.ts';
import { checkNames } from './jco/composition.ts';
import type { WiringQuestion } from './jco/wirings.ts';
import { limitedModule } from './limited-module.ts';

/** The interface of pure types, which every component may name. */
export const typesInterface = 'types';

export interface LoadLimits {
  /** Of the file. */
  readonly maximumBytes: number;
  /** Of the memory of each instance, in pages of 64 KiB. */
  readonly maximumPages: number;
  /** Of its code; absent: the usual ones. */
  readonly code?: CodeBounds;
}

export const defaultLimits: LoadLimits = { maximumBytes: 16 * 2 ** 20, maximumPages: 256 };

export interface ComponentOutline {
  readonly component: ComponentDescription;
  /** Hex sha256 of the file. */
  readonly digest: string;
  /** Its core modules, as they are compiled: nothing else of it is. */
  readonly code: Code;
  /** Types of functions in it, see `KnownTypes`. */
  readonly types: ReadonlySet<string>;
  /** Used part of its limits, 0 to 1: about the cost of compiling it. */
  readonly share: number;
  readonly lane:
    | { readonly kind: 'direct'; readonly core: CoreModuleDescription }
    | { readonly kind: 'jco'; readonly question: WiringQuestion };
}

const startSignature: CoreSignature = ':';

/** Checks of both lanes. */
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
    if (kind !== 'function') refuse(`${theImport(module, name)}, which is no function`);
    const capability = capabilities.find((known) => known.name === capabilityOf(module));
    const expected = capability?.functions.get(name)?.signature;
    if (expected === undefined || !offered.has(module)) {
      refuse(`${theImport(module, name)}, which the agent does not offer`);
    }
    if (expected !== signature) {
      refuse(`${theImport(module, name)} as (${signature}), it is (${expected})`);
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

/** componentize-qjs leaves it there; nobody calls it. */
const leftOver = 'init';

export function encodingOf({ encodings }: ComponentDescription): StringEncoding {
  return encodings[0] ?? 'utf8';
}

function directLane(component: ComponentDescription): ComponentOutline['lane'] {
  const [bytes] = component.coreModules;
  if (bytes === undefined) refuse('component holds no core module');
  const core = describeCoreModule(bytes);
  checkImports(core, component);
  checkExports(core, component.exports);
  return { kind: 'direct', core };
}

/** One of them has to answer: what the others want is known once they are linked. */
function checkAnswering({ coreModules, exports }: ComponentDescription): void {
  // so that it is refused by its name
  expectedExports(exports);
  const failures = coreModules.map((bytes) => {
    try {
      checkCoreExports(describeCoreModule(bytes), exports);
      return undefined;
    } catch (thrown) {
      return thrown;
    }
  });
  if (!failures.includes(undefined)) throw failures.at(-1) ?? new Error('no core module');
}

function composedLane(
  component: ComponentDescription,
  bytes: Uint8Array,
  digest: string,
): ComponentOutline['lane'] {
  const { coreModules, imports, exports } = component;
  checkNames(coreModules);
  checkAnswering(component);
  const offered = capabilities.filter(({ name }) => imports.includes(interfaceName(name)));
  const request = {
    modules: coreModules.map((core) => [core.byteOffset - bytes.byteOffset, core.length] as const),
    interfaces: offered.map(({ name, functions }) => ({
      name,
      key: interfaceName(name).replace(/@.*/u, ''),
      functions: [...functions.keys()],
    })),
    exports,
  };
  return { kind: 'jco', question: { component: bytes, digest, request } };
}

/**
 * @param said the digest in bundle.json; absent: it has none
 * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED
 */
export function outlineOf(bytes: Uint8Array, limits: LoadLimits, said?: string): ComponentOutline {
  checkSize(bytes.length, limits);
  const digest = hash('sha256', bytes, 'hex');
  // before anything looks at the bytes: they may be anybody's
  if (said !== undefined && said !== digest) {
    refuse(`its digest is sha256:${digest}, but bundle.json has sha256:${said}`);
  }
  const tally = new CodeTally(limits.code);
  const found = describeComponent(bytes, tally);
  checkOffers(found);
  const exports = found.isComposed
    ? found.exports.filter((name) => name !== leftOver)
    : found.exports;
  const component = { ...found, exports };
  const lane = component.isComposed
    ? composedLane(component, bytes, digest)
    : directLane(component);
  if (answersOf(exports).length === 0) refuse('component answers no syscall');
  const modules = component.coreModules.map((core) =>
    limitedModule(core, limits.maximumPages, limits.code),
  );
  const code = { digest: codeDigest(modules), modules };
  return { component, digest, code, types: tally.types, share: tally.share, lane };
}

/** Those of its exports that answer calls. */
export function answersOf(exports: readonly string[]): readonly string[] {
  return exports.filter((name) => name !== 'configure');
}
