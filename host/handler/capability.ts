// SPDX-License-Identifier: Apache-2.0
// What a capability is: an interface of the host, as the core functions that a guest imports.
import type { CoreSignature } from './core-description.ts';
import type { Guest } from './guest.ts';
import type { CallHost } from '../call/call-host.ts';

export interface CapabilityFunction {
  readonly signature: CoreSignature;
  /**
   * Makes the function that one instance imports. It asks for the guest first of all: that throws
   * where the handler is not answering a call.
   */
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
