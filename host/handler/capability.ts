// SPDX-License-Identifier: Apache-2.0
// What a capability is: an interface of the host, as the core functions that a guest imports.
import type { DecodedArgument } from '../notification/received-call.ts';
import type { CoreSignature } from './core-module.ts';
import type { Guest } from './guest.ts';

export type GuestLogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What `mkdir` and the like return when the notification is gone; otherwise 0 or an errno. */
export const gone = -1;

/** What the host does for the call that is being answered. */
export interface CallHost {
  /** @returns 0, a positive errno, or `gone` */
  mkdir(memory: Uint8Array, pathOffset: number, pathLength: number, mode: number): number;
  /** @param ranges as `mountRange` of native.ts says; @returns as `mkdir` */
  mount(memory: Uint8Array, ranges: Int32Array): number;
  log(level: GuestLogLevel, message: string): void;
  decodedArguments(): readonly DecodedArgument[];
}

export interface CapabilityFunction {
  readonly signature: CoreSignature;
  /** Makes the function that one instance imports. */
  readonly link: (guest: () => Guest, host: CallHost) => WebAssembly.ImportValue;
}

export interface Capability {
  /** The WIT interface's name. */
  readonly name: string;
  /** Without it, importing the interface is allowed to every handler. */
  readonly needsGrant: boolean;
  /** By their names in WIT. */
  readonly functions: ReadonlyMap<string, CapabilityFunction>;
}

const interfacePrefix = 'seccompagent:handler/';
const interfaceVersion = '@0.1.0';

/** `log` → `seccompagent:handler/log@0.1.0`. */
export function interfaceName(name: string): string {
  return `${interfacePrefix}${name}${interfaceVersion}`;
}

/** The other way; undefined for names that are not ours. */
export function capabilityOf(fullName: string): string | undefined {
  if (!fullName.startsWith(interfacePrefix) || !fullName.endsWith(interfaceVersion))
    return undefined;
  return fullName.slice(interfacePrefix.length, -interfaceVersion.length);
}
