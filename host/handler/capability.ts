// SPDX-License-Identifier: Apache-2.0
// Capability: an interface of the host, as the core functions that a guest imports.
import type { CoreSignature } from './core-description.ts';
import type { Guest } from './guest.ts';
import type { Host } from '../call/host.ts';
import type { HostFunction } from '../call/host-functions.ts';

export interface CapabilityFunction {
  readonly signature: CoreSignature;
  /**
   * Makes the function that one instance imports. It asks for the guest first of all: that throws
   * where the handler is not answering a call.
   * @param of the table's row, which requests are made of
   */
  readonly link: (guest: () => Guest, host: Host, of: HostFunction) => WebAssembly.ImportValue;
}

export interface Capability {
  /** The WIT interface's name. */
  readonly name: string;
  /** By their names in WIT; the table of call/host-functions.ts has a row for each. */
  readonly functions: ReadonlyMap<string, CapabilityFunction>;
}

/** Makes a value when it is first needed: handlers call few of the functions that they import. */
export function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
