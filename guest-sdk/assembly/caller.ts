// SPDX-License-Identifier: Apache-2.0
// Capability `caller`: who makes the call.

import * as host from './abi/caller';
import { liftCredentialsResult } from './abi/credentials';
import { liftProcessResult } from './abi/calling-process';
import { RESULT, liftBoolResult, liftBytesResult } from './abi/values';
import { CallingProcess } from './calling-process';
import { Credentials } from './credentials';
import { ResultOf } from './result';

/** Which user namespace. */
export enum UserNamespace {
  /** The caller's. */
  OfCaller,
  /** The one that owns the caller's mount namespace. */
  OfMounts,
  /** The host's. */
  OfHost,
  /**
   * The one in which the runtime has made the container, as the host's root. Whatever the container
   * makes itself is none.
   */
  OfContainer,
}

/** The process that makes the call. */
export function process(): ResultOf<CallingProcess> {
  host.getProcess(RESULT);
  return liftProcessResult();
}

/** See credentials(7). */
export function credentials(): ResultOf<Credentials> {
  host.getCredentials(RESULT);
  return liftCredentialsResult();
}

/** The name of the calling thread, at most 15 bytes. The caller chooses it. */
export function comm(): ResultOf<Uint8Array> {
  host.comm(RESULT);
  return liftBytesResult();
}

/** Whether the caller has a Linux capability (its number) in a user namespace. */
export function hasCapability(capability: u32, where: UserNamespace): ResultOf<bool> {
  host.hasCapability(capability, where, RESULT);
  return liftBoolResult();
}
