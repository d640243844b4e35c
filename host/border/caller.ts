// SPDX-License-Identifier: Apache-2.0
// Facts about a caller and its container, as the addon writes them. C++ has them from here:
// `npm run generate`.
import { offsetsOf, sizeOf } from './layout.ts';
import type { Places } from './layout.ts';

/** The first bytes of what `callerCredentials` writes; groups of 4 bytes each follow. */
export const credentialsFields = {
  /** Real, effective, saved, of file systems. */
  uid: ['u32', 4],
  gid: ['u32', 4],
  umask: 'u32',
  noNewPrivileges: 'u32',
  /** Inheritable, permitted, effective, bounding, ambient. */
  capabilities: ['u64', 5],
  commLength: 'u32',
  comm: ['u8', 16],
  groupCount: 'u32',
} as const;

/** As byte offsets. */
export const credentialsLayout: Places<typeof credentialsFields> & { readonly groups: number } = {
  ...offsetsOf(credentialsFields),
  groups: sizeOf(credentialsFields),
};

/** Result of `callerProcess`. */
export const processFields = {
  /** In milliseconds. */
  age: 'u64',
  /** 1: it is the container's first process. */
  isFirst: 'u32',
} as const;

/** As byte offsets. */
export const processLayout: Places<typeof processFields> & { readonly size: number } = {
  ...offsetsOf(processFields),
  size: sizeOf(processFields),
};

/** The user namespace that `hasCapability` asks about. */
export const userNamespace = { ofCaller: 0, ofMounts: 1, ofHost: 2, ofContainer: 3 } as const;

/** Result of `containerResources`: numbers of 64 bits, in this order, in the units of sysinfo(2). */
export const resourceNumbers = [
  'uptime',
  'load1',
  'load5',
  'load15',
  'memory',
  'memoryFree',
  'memoryShared',
  'swap',
  'swapFree',
  'processes',
] as const;
