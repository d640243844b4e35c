// SPDX-License-Identifier: Apache-2.0
// Numbers that stand for objects of the addon.

/** A receiver: shared by all threads of the process. */
export type ReceiverHandle = number & { readonly brand: 'receiver' };
/** The agent socket; of the thread that made it. */
export type SocketHandle = number & { readonly brand: 'socket' };
/** A connection to the agent socket. */
export type ConnectionId = number & { readonly brand: 'connection' };
/** A worker's place at a receiver; of the thread that attached it. */
export type WorkerHandle = number & { readonly brand: 'worker' };
/** A command started by `launch`; of the thread that started it. */
export type LaunchHandle = number & { readonly brand: 'launch' };
/** A listener or a watched process, as events name it. */
export type Token = number & { readonly brand: 'token' };

/** A token as the inbox has it. */
export function tokenOf(value: number): Token {
  return value as Token;
}

/** State that handlers of a bundle keep for a container; of all threads of the process. */
export type StateHandle = number & { readonly brand: 'state' };

/** Of nothing that is open: using it throws. */
export const noState: StateHandle = 0xffff_ffff as StateHandle;
