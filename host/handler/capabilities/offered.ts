// SPDX-License-Identifier: Apache-2.0
// All interfaces of the host.
import { callArguments } from './arguments.ts';
import { caller } from './caller.ts';
import { clock } from './clock.ts';
import { container } from './container.ts';
import { descriptors } from './descriptors.ts';
import { devices } from './devices.ts';
import { filesystem } from './filesystem.ts';
import { log } from './log.ts';
import { memory } from './memory.ts';
import { mounts } from './mounts.ts';
import { overlay } from './overlay.ts';
import { state } from './state.ts';
import type { Capability } from '../capability.ts';

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
