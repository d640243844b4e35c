// SPDX-License-Identifier: Apache-2.0
// The capability `caller`: guest-sdk/wit/caller.wit.
import { credentialsLayout, processLayout, userNamespace } from '../../native.ts';
import type { Capability, CapabilityFunction } from '../capability.ts';
import type { Guest } from '../guest.ts';
import { intoResult } from './into-result.ts';
import { beginValue, errnoOf, putBoolResult, putBytesResult, putError } from './results.ts';

/** record credentials; the record ids is four numbers of 4 bytes, linux-capabilities five of 8. */
const record = {
  uid: 0,
  gid: 16,
  groups: 32,
  umask: 40,
  noNewPrivileges: 44,
  capabilities: 48,
  size: 88,
  alignment: 8,
} as const;

/** record process. */
const processRecord = { age: 0, isFirst: 8, size: 16, alignment: 8 } as const;

const mostComm = 16;
const none = new Uint8Array(0);
const namespaces: readonly number[] = [
  userNamespace.ofCaller,
  userNamespace.ofMounts,
  userNamespace.ofHost,
  userNamespace.ofContainer,
];

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function putCredentials(guest: Guest, pointer: number, given: Uint8Array): void {
  const numbers = view(given);
  const u32 = (offset: number): number => numbers.getUint32(offset, true);
  const most = (given.length - credentialsLayout.groups) / 4;
  const count = Math.min(u32(credentialsLayout.groupCount), most);
  // first: the guest's memory may move
  const groups = guest.allocateItems(count, 4, 4);
  const offset = beginValue(guest, pointer, record);
  for (let id = 0; id < 4; id += 1) {
    guest.setU32(offset + record.uid + id * 4, u32(credentialsLayout.uid + id * 4));
    guest.setU32(offset + record.gid + id * 4, u32(credentialsLayout.gid + id * 4));
  }
  guest.setU32(offset + record.groups, groups);
  guest.setU32(offset + record.groups + 4, count);
  for (let group = 0; group < count; group += 1) {
    guest.setU32(groups + group * 4, u32(credentialsLayout.groups + group * 4));
  }
  guest.setU32(offset + record.umask, u32(credentialsLayout.umask));
  guest.setU8(
    offset + record.noNewPrivileges,
    u32(credentialsLayout.noNewPrivileges) === 0 ? 0 : 1,
  );
  for (let set = 0; set < 5; set += 1) {
    const bits = numbers.getBigInt64(credentialsLayout.capabilities + set * 8, true);
    guest.setS64(offset + record.capabilities + set * 8, bits);
  }
}

const getCredentials = intoResult((memory, result, host) => {
  const given = host.credentials();
  if (typeof given === 'number') putError(memory, result, given, record);
  else putCredentials(memory, result, given);
});

const comm = intoResult((memory, result, host) => {
  const given = host.credentials();
  if (typeof given === 'number') {
    putBytesResult(memory, result, given, none);
    return;
  }
  const length = view(given).getUint32(credentialsLayout.commLength, true);
  const end = credentialsLayout.comm + Math.min(length, mostComm);
  putBytesResult(memory, result, 0, given.subarray(credentialsLayout.comm, end));
});

const getProcess = intoResult((memory, result, host) => {
  const given = host.process();
  if (typeof given === 'number') {
    putError(memory, result, given, processRecord);
    return;
  }
  const offset = beginValue(memory, result, processRecord);
  const age = view(given).getBigInt64(processLayout.age, true);
  memory.setS64(offset + processRecord.age, age);
  memory.setU8(offset + processRecord.isFirst, given[processLayout.isFirst] ?? 0);
});

export const caller: Capability = {
  name: 'caller',
  needsGrant: true,
  functions: new Map<string, CapabilityFunction>([
    ['get-process', getProcess],
    ['get-credentials', getCredentials],
    ['comm', comm],
    [
      'has-capability',
      {
        signature: 'iii:',
        link:
          (guest, host) =>
          (capability: number, where: number, result: number): void => {
            const memory = guest();
            const namespace = namespaces[where] ?? memory.trap('unknown user namespace');
            const answer = host.hasCapability(capability >>> 0, namespace);
            putBoolResult(memory, result, errnoOf(answer), answer === 1);
          },
      },
    ],
  ]),
};
