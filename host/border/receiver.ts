// SPDX-License-Identifier: Apache-2.0
// Events and facts of the receiver. C++ has them from here: `npm run generate`.

/** Events of `nextReceiverEvent`. */
export const receiverEventKind = {
  /** The last user of a listener is gone. */
  ended: 1,
  /** A watched process ended. */
  exited: 2,
  /** A handler exceeded its deadline; its call has been answered and its worker must be ended. */
  overdue: 3,
  /** Calls wait, and every worker is busy. */
  crowded: 4,
  /** A worker ended within a handler; its call has been answered. */
  broken: 5,
  /** Others receive from a listener, too, and keep the agent waiting: the listener ends next. */
  shared: 6,
  /** A call was answered by the failure policy: it waited too long for a worker, or too many do. */
  refused: 7,
} as const;

/** The link of an `overdue` event of a worker that acted in the container. */
export const actingLink = 0xffff_ffff;

/** Parts of an encoded registry. */
export const registryPart = { own: 0, handlers: 1, annotations: 2 } as const;

/** Bytes of the digest of a handler's component. */
export const componentDigestBytes = 32;
