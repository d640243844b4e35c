// SPDX-License-Identifier: Apache-2.0
// The direct lane: checks a component made of one core module and links it by hand, without any
// generated code.
import { createHash } from 'node:crypto';

import { AgentError } from '../errors.ts';
import { families, familyParameters } from '../notification/syscall-table.ts';
import type { ParameterKind } from '../notification/syscall-table.ts';
import { callArguments } from './capabilities/arguments.ts';
import { caller } from './capabilities/caller.ts';
import { clock } from './capabilities/clock.ts';
import { container } from './capabilities/container.ts';
import { descriptors } from './capabilities/descriptors.ts';
import { devices } from './capabilities/devices.ts';
import { filesystem } from './capabilities/filesystem.ts';
import { log } from './capabilities/log.ts';
import { memory } from './capabilities/memory.ts';
import { mounts } from './capabilities/mounts.ts';
import { overlay } from './capabilities/overlay.ts';
import { state } from './capabilities/state.ts';
import { capabilityOf, interfaceName } from './capability.ts';
import type { Capability } from './capability.ts';
import { describeComponent } from './component.ts';
import type { ComponentDescription, StringEncoding } from './component.ts';
import { describeCoreModule, limitMemory } from './core-module.ts';
import type { CoreModuleDescription, CoreSignature } from './core-module.ts';
import { trampolineModule } from './trampoline.ts';

/** The interface of pure types, which every component may name. */
const typesInterface = 'types';

/** Every interface of the host that a component may import. */
export const capabilities: readonly Capability[] = [
  callArguments,
  caller,
  clock,
  container,
  descriptors,
  devices,
  filesystem,
  log,
  memory,
  mounts,
  overlay,
  state,
];

/** A checked component. It can be sent to another thread. */
export interface LoadedComponent {
  /** Of the file and the memory that it may have: what is equal in both is equal. */
  readonly id: string;
  /** Hex sha256 of the file. */
  readonly digest: string;
  readonly module: WebAssembly.Module;
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
}

export const defaultLimits: LoadLimits = { maximumBytes: 16 * 2 ** 20, maximumPages: 256 };

const flat: Readonly<Record<ParameterKind, string>> = {
  path: 'ii',
  'optional-path': 'iii',
  bytes: 'ii',
  'optional-bytes': 'iii',
  u32: 'i',
  s32: 'i',
  u64: 'I',
  device: 'ii',
  'mount-operation': 'i',
};

/** The core type of a family's export; its result is a pointer to the action. */
export function familySignature(family: string): CoreSignature {
  return `${familyParameters(family)
    .map(({ kind }) => flat[kind])
    .join('')}:i`;
}

const anySignature: CoreSignature = 'iiiiIIIIII:i';
const configureSignature: CoreSignature = 'ii:i';
const reallocSignature: CoreSignature = 'iiii:i';
const postReturnSignature: CoreSignature = 'i:';
const startSignature: CoreSignature = ':';

function refuse(message: string): never {
  throw new AgentError('AGENT_COMPONENT_REFUSED', message);
}

const mostListed = 40;
const mostNameLength = 100;

/** For a message: a component may name whatever it likes, as often as it likes. */
function listed(names: readonly string[]): string {
  if (names.length === 0) return 'nothing';
  const shown = names.slice(0, mostListed).map((name) => name.slice(0, mostNameLength));
  const rest = names.length - shown.length;
  return shown.join(', ') + (rest === 0 ? '' : ` and ${rest} more`);
}

/** The core exports that are called by their names, with the types that they must have. */
function expectedExports(exports: readonly string[]): ReadonlyMap<string, CoreSignature> {
  const expected = new Map<string, CoreSignature>();
  for (const name of exports) {
    if (name === 'configure') expected.set(name, configureSignature);
    else if (name === 'any') expected.set(name, anySignature);
    else if (families().includes(name)) expected.set(name, familySignature(name));
    else {
      refuse(
        `component exports "${name}"; a handler may export ${listed([...families(), 'any', 'configure'])}`,
      );
    }
  }
  return expected;
}

function checkShape(component: ComponentDescription): Uint8Array {
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
  if (component.isComposed || component.hasStart) {
    refuse(
      'component is composed of others or has a start function; the direct lane takes neither',
    );
  }
  if (component.encodings.includes('latin1+utf16') || component.encodings.length > 1) {
    refuse(`component mixes string encodings: ${listed(component.encodings)}`);
  }
  const [core] = component.coreModules;
  return core ?? refuse('component holds no core module');
}

function checkImports(core: CoreModuleDescription, component: ComponentDescription): void {
  for (const { module, name, signature } of core.imports) {
    const capability = capabilities.find((known) => known.name === capabilityOf(module));
    const expected = capability?.functions.get(name)?.signature;
    if (expected === undefined || !component.imports.includes(module)) {
      refuse(`core module imports "${module}" "${name}", which the agent does not offer`);
    }
    if (expected !== signature) {
      refuse(`core module imports "${module}" "${name}" as (${signature}), it is (${expected})`);
    }
  }
}

function checkExports(core: CoreModuleDescription, exports: readonly string[]): void {
  const expected = new Map(expectedExports(exports));
  expected.set('cabi_realloc', reallocSignature);
  for (const [name, signature] of expected) {
    const found = core.functionExports.get(name);
    if (found !== signature) {
      refuse(`core module exports "${name}" as (${found ?? 'nothing'}), it must be (${signature})`);
    }
  }
  for (const name of exports) {
    const found = core.functionExports.get(`cabi_post_${name}`);
    if (found !== undefined && found !== postReturnSignature) {
      refuse(`core module exports "cabi_post_${name}" as (${found})`);
    }
  }
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

/**
 * Checks and compiles a component.
 * @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED
 */
export function loadComponent(
  bytes: Uint8Array,
  limits: LoadLimits = defaultLimits,
): LoadedComponent {
  checkSize(bytes.length, limits);
  const component = describeComponent(bytes);
  const coreBytes = checkShape(component);
  const core = describeCoreModule(coreBytes);
  checkImports(core, component);
  checkExports(core, component.exports);
  const answers = component.exports.filter((name) => name !== 'configure');
  if (answers.length === 0) refuse('component answers no syscall');
  const encoding = component.encodings[0] ?? 'utf8';
  const digest = createHash('sha256').update(bytes).digest('hex');
  return {
    id: componentId(digest, limits),
    digest,
    module: compile(limitMemory(coreBytes, limits.maximumPages)),
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
  refuse(`handler imports ${listed(wanted)}; it was granted ${listed(grants)}`);
}
